"""Reads a staged snapshot back: decompressed on the way, in batches of whole records."""

import json
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.codebashing_lms.errors import TruncatedSnapshotError
from include.codebashing_lms.streaming.json_splitter import Chunk, RecordSplitter
from include.codebashing_lms.streaming.json_structure import read_shallow

PIECE = 1 << 20
LONGEST_INTEGER = 400  # digits
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
COMPRESSION = {".gz": "gzip", ".zst": "zstd"}


class Unreadable:
    """Stands for a record that is no JSON on its own."""


UNREADABLE = Unreadable()


def read_chunks(path: Path, splitter: RecordSplitter) -> Generator[Chunk]:
    """Give the records of a snapshot file (.json, .json.gz or .json.zst), chunk by chunk."""
    try:
        with _plain_bytes(path) as source:
            for piece in _pieces(source):
                yield from splitter.feed(piece)
        yield from splitter.finish()
    except (OSError, pa.ArrowInvalid) as error:
        raise TruncatedSnapshotError(
            f"The snapshot {path.name} cannot be decompressed: {type(error).__name__}."
        ) from error


def _pieces(source: Any) -> Iterator[memoryview]:
    """Give a stream piece by piece; a piece is good until the next is asked for."""
    whole = memoryview(bytearray(PIECE))
    while size := source.readinto(whole):
        yield whole[:size]


@contextmanager
def _plain_bytes(path: Path) -> Iterator[Any]:
    compression = COMPRESSION.get(path.suffix)
    if compression is None:
        with path.open("rb") as plain:
            yield plain
    else:
        with pa.CompressedInputStream(pa.OSFile(str(path)), compression) as stream:
            yield stream


def decode_leniently(text: bytes) -> Any:
    """Read one record with the slow, lenient reader: NaN, lone surrogates and any depth; else UNREADABLE."""
    try:
        return _readable_keys(_loads(text.decode("utf-8", "surrogateescape")))
    except RecursionError:
        pass
    except ValueError:
        return UNREADABLE
    try:
        return read_shallow(text)
    except (ValueError, RecursionError):
        return UNREADABLE


def _readable_keys(item: Any) -> Any:
    """Let the keys that nobody could write, by a lone surrogate, stand out: a course may hide behind one."""
    if not isinstance(item, dict):
        return item
    return {LONE_SURROGATE.sub("\ufffd", key): value for key, value in item.items()}


def _integer(digits: str) -> int:
    """Read a number of any length; so long a one has its size and its sign, and is no less odd."""
    return int(digits[:LONGEST_INTEGER])


_loads: Callable[[str], Any] = json.JSONDecoder(parse_int=_integer).decode

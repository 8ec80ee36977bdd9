"""Reads a staged snapshot in chunks of whole records; decompresses it on the way."""

import json
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.codebashing_lms.errors import TruncatedSnapshotError
from include.codebashing_lms.streaming.json_splitter import Chunk, RecordSplitter
from include.codebashing_lms.streaming.json_structure import read_shallow

PIECE = 1 << 20  # bytes
MAX_DIGITS = 400  # of an integer
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


UNREADABLE = object()  # the value of a record that is no JSON


def read_chunks(path: Path, splitter: RecordSplitter) -> Generator[Chunk]:
    """Give the records of a snapshot file (.json, .json.gz or .json.zst), chunk by chunk.

    :raises SnapshotError: the file holds no array of records; TruncatedSnapshotError: it is cut off.
    """
    try:
        with pa.input_stream(str(path), compression="detect") as source:
            for piece in _pieces(source):
                yield from splitter.feed(piece)
        yield from splitter.finish()
    except (OSError, pa.ArrowInvalid) as error:
        raise TruncatedSnapshotError(
            f"The snapshot {path.name} cannot be decompressed: {type(error).__name__}."
        ) from error


def _pieces(source: Any) -> Iterator[memoryview]:
    """Give a stream piece by piece; the next piece overwrites the one before."""
    buffer = memoryview(bytearray(PIECE))
    while size := source.readinto(buffer):
        yield buffer[:size]


def decode_leniently(text: bytes) -> Any:
    """Return one record that may hold NaN, lone surrogates and nesting of any depth; UNREADABLE for no JSON.

    Slower than a decoder of whole arrays. Nesting too deep for `json` becomes an empty list.
    """
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
    """Replace lone surrogates in a record's keys, so that every key can be written to a file."""
    if not isinstance(item, dict):
        return item
    return {LONE_SURROGATE.sub("\ufffd", key): value for key, value in item.items()}


def _integer(digits: str) -> int:
    """Return an integer; `int` refuses thousands of digits, so only the first MAX_DIGITS count."""
    return int(digits[:MAX_DIGITS])


_loads: Callable[[str], Any] = json.JSONDecoder(parse_int=_integer).decode

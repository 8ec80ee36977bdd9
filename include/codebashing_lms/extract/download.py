"""Takes a body as it arrives, in flat memory, and finds every body that is not whole.

urllib3 finds a body shorter than its Content-Length and a chunked one without its end, as long as it is read
through `response.raw`: requests' `iter_content` hides the first.
"""

import hashlib
import io
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from include.codebashing_lms.errors import SnapshotError, SourceError, SourceUnavailableError
from include.codebashing_lms.streaming.json_splitter import RecordSplitter

PIECE = 1 << 18
PLAIN_PIECE = 1 << 20
GZIP = zlib.MAX_WBITS | 16


@dataclass(frozen=True)
class SavedBody:
    """A body in a file, and what was found out about it on the way there."""

    sha256: str
    bytes: int
    body_bytes: int
    records: int


class _HashingWriter(io.RawIOBase):
    """A file to write to that keeps count and checksum of what it is given."""

    def __init__(self, file: io.BufferedWriter) -> None:
        self.file = file
        self.sha256 = hashlib.sha256()
        self.count = 0

    def writable(self) -> bool:
        """Tell that it is for writing, which io asks."""
        return True

    def write(self, piece: Any) -> int:
        """Write a piece, and take it into count and checksum."""
        self.sha256.update(piece)
        self.count += len(piece)
        return self.file.write(piece)


@contextmanager
def error_context(where: str) -> Iterator[None]:
    """Let the errors about a body say whose it was."""
    try:
        yield
    except (SourceError, SnapshotError) as error:
        raise type(error)(f"{where}: {error}") from None


def is_gzip(response: requests.Response) -> bool:
    """Tell whether the body is compressed; raise SourceError where it is, but not with gzip."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip"):
        return True
    if encoding in ("", "identity"):
        return False
    raise SourceError(
        f"The answer is compressed with {encoding[:20]!r}, though only gzip was asked for. "
        "A proxy in between does that: have it leave Accept-Encoding alone."
    )


def iter_body(response: requests.Response, timeout: float) -> Iterator[bytes]:
    """Give the body as the server sent it; raise SourceUnavailableError where it does not end well."""
    count = 0
    try:
        while piece := response.raw.read(PIECE, decode_content=False):
            count += len(piece)
            yield piece
    except ReadTimeoutError:
        raise SourceUnavailableError(
            f"The answer stalled: nothing came for {timeout:g} seconds after {count:,} bytes. "
            "If it is always this slow, raise source.timeout in the connector file."
        ) from None
    except HTTPError:
        raise SourceUnavailableError(
            f"The answer was cut off after {count:,} bytes, before the end that its headers promised. "
            "If that stays so, look at what stands in between: a proxy with a time or size limit."
        ) from None
    if not count:
        raise SourceUnavailableError("The answer has status 200 and an empty body.")


def iter_gunzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Give what a gzip stream holds, in pieces of limited size; the stream must reach its end."""
    unzip = zlib.decompressobj(GZIP)
    for piece in pieces:
        yield from _unfolded(unzip, piece)
        if unzip.unused_data:
            raise SourceError("More bytes follow the end of the answer's gzip stream: this is no snapshot.")
    if not unzip.eof:
        raise SourceUnavailableError("The answer was cut off: its gzip stream ends in the middle.")


def _unfolded(unzip: Any, piece: bytes) -> Iterator[bytes]:
    while piece:
        try:
            plain = unzip.decompress(piece, PLAIN_PIECE)
        except zlib.error:
            raise SourceUnavailableError(
                "The answer calls itself gzip, and its bytes are not: damaged on the way, or by a proxy."
            ) from None
        if plain:
            yield plain
        piece = unzip.unconsumed_tail


def save(pieces: Iterable[bytes], gzipped: bool, part: Path, splitter: RecordSplitter) -> SavedBody:
    """Write a body to a file, as it is when it is gzip, else as zstd, and read through it in passing."""
    with part.open("wb") as file:
        tally = _HashingWriter(file)
        with tally if gzipped else _zstd(tally) as writer, ThreadPoolExecutor(1) as thread:
            kept = _kept(pieces, writer, thread)
            records, size = _read_through(iter_gunzip(kept) if gzipped else kept, splitter)
    return SavedBody(tally.sha256.hexdigest(), tally.count, size, records)


def _zstd(tally: _HashingWriter) -> Any:
    import pyarrow as pa

    return pa.CompressedOutputStream(tally, "zstd")  # level 1 is Arrow's default


def _kept(pieces: Iterable[bytes], writer: Any, thread: Executor) -> Iterator[bytes]:
    """Give the pieces on while the thread writes them: compressing takes as long as all the rest."""
    written = thread.submit(writer.write, b"")
    for piece in pieces:
        written.result()
        written = thread.submit(writer.write, piece)
        yield piece
    written.result()


def _read_through(pieces: Iterable[bytes], splitter: RecordSplitter) -> tuple[int, int]:
    """Return how many records and how many bytes there are."""
    records = size = 0
    for piece in pieces:
        size += len(piece)
        records += sum(chunk.count for chunk in splitter.feed(piece))
    return records + sum(chunk.count for chunk in splitter.finish()), size

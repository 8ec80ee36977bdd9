"""A body becomes a file in flat memory, and every truncated body is found.

urllib3 finds a body that is shorter than its Content-Length, and a chunked body without its end. The body
must be read through `response.raw`, because `iter_content` of requests hides the short one.
"""

import hashlib
import io
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from include.codebashing_lms.errors import SourceError, SourceUnavailableError
from include.codebashing_lms.streaming.json_splitter import RecordSplitter

BLOCK = 1 << 18  # bytes
PLAIN_BLOCK = 1 << 20
GZIP = zlib.MAX_WBITS | 16


@dataclass(frozen=True)
class SavedBody:
    """A body in a file.

    :param sha256: checksum of the file.
    :param bytes: size of the file.
    :param body_bytes: size of the JSON in the file.
    :param records: number of records in the JSON.
    """

    sha256: str
    bytes: int
    body_bytes: int
    records: int


class _HashingWriter(io.RawIOBase):
    """A file for writing that counts its bytes and computes their checksum."""

    def __init__(self, file: io.BufferedWriter) -> None:
        self.file = file
        self.sha256 = hashlib.sha256()
        self.count = 0

    def writable(self) -> bool:
        """Return True, as io requires of a file for writing."""
        return True

    def write(self, block: Any) -> int:
        """Write a block, and add it to count and checksum."""
        self.sha256.update(block)
        self.count += len(block)
        return self.file.write(block)


def is_gzip(response: requests.Response) -> bool:
    """Return whether the body is compressed with gzip; raise SourceError for any other compression."""
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
    """Give the body as the server sent it.

    :raises SourceUnavailableError: the body stalls, is truncated or empty.
    """
    count = 0
    try:
        while block := response.raw.read(BLOCK, decode_content=False):
            count += len(block)
            yield block
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


def iter_gunzip(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Give the content of a gzip stream in blocks of limited size.

    :raises SourceUnavailableError: the stream is damaged or truncated.
    :raises SourceError: more bytes follow its end.
    """
    unzip = zlib.decompressobj(GZIP)
    for block in blocks:
        yield from _decompress(unzip, block)
        if unzip.unused_data:
            raise SourceError("More bytes follow the end of the answer's gzip stream: this is no snapshot.")
    if not unzip.eof:
        raise SourceUnavailableError("The answer was cut off: its gzip stream ends in the middle.")


def _decompress(unzip: Any, block: bytes) -> Iterator[bytes]:
    while block:
        try:
            plain = unzip.decompress(block, PLAIN_BLOCK)
        except zlib.error:
            raise SourceUnavailableError(
                "The answer calls itself gzip, and its bytes are not: damaged on the way, or by a proxy."
            ) from None
        if plain:
            yield plain
        block = unzip.unconsumed_tail


def save(blocks: Iterable[bytes], gzipped: bool, part: Path, splitter: RecordSplitter) -> SavedBody:
    """Write a body to a file and count its records in passing; gzip stays gzip, other bodies become zstd."""
    with part.open("wb") as file:
        hashing = _HashingWriter(file)
        with hashing if gzipped else _zstd(hashing) as writer, ThreadPoolExecutor(1) as thread:
            body = _write_in_thread(blocks, writer, thread)
            records = size = 0
            for block in iter_gunzip(body) if gzipped else body:
                size += len(block)
                records += sum(map(len, splitter.feed(block)))
            records += sum(map(len, splitter.finish()))
    return SavedBody(hashing.sha256.hexdigest(), hashing.count, size, records)


def _zstd(file: _HashingWriter) -> Any:
    import pyarrow as pa

    return pa.CompressedOutputStream(file, "zstd")  # level 1 is Arrow's default


def _write_in_thread(blocks: Iterable[bytes], writer: Any, thread: Executor) -> Iterator[bytes]:
    """Give the blocks on while the thread writes them: compression takes as long as all the rest."""
    write = thread.submit(writer.write, b"")
    for block in blocks:
        write.result()
        write = thread.submit(writer.write, block)
        yield block
    write.result()

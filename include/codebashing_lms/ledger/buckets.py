"""The bucket of an employee: ledger and journal are compared and folded some buckets at a time.

The bucket is the CRC-32 of the employee ID in UTF-8, modulo BUCKETS. Files of the ledger have their rows in
the order of the buckets, and the size of each bucket in their metadata. So the same buckets of several files
are read side by side, each file from its beginning to its end.
"""

import base64
import zlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

BUCKETS = 1024
AT_ONCE = 50_000  # rows, of all files together

Numbers = npt.NDArray[np.int64]


def hashed(texts: pa.ChunkedArray) -> Numbers:
    """Return the bucket of each text; of null, the first."""
    encoded = texts.combine_chunks().dictionary_encode()
    known = [zlib.crc32(text.encode()) % BUCKETS for text in encoded.dictionary.to_pylist()]
    of_each: Numbers = np.array([*known, 0], dtype=np.int64).take(encoded.indices.fill_null(len(known)))
    return of_each


def buckets_of(rows: pa.Table) -> Numbers:
    """Return the bucket of each row."""
    return hashed(rows["employee_id"])


def sort_by_bucket(rows: pa.Table) -> tuple[pa.Table, Numbers]:
    """Return the rows sorted by bucket, and the size of each bucket; the sort is stable."""
    buckets = buckets_of(rows)
    sizes = np.bincount(buckets, minlength=BUCKETS)
    if (buckets[1:] >= buckets[:-1]).all():
        return rows, sizes
    return rows.take(pa.array(np.argsort(buckets, kind="stable"))), sizes


def portions(rows: int) -> int:
    """Return the number of portions, of neighbouring buckets each, that so many rows are divided into."""
    number = 1
    while number < BUCKETS and rows > number * AT_ONCE:
        number *= 2
    return number


def portion_of(buckets: Numbers, number: int) -> Numbers:
    """Return for each bucket its portion among `number` portions."""
    return buckets * number // BUCKETS


def by_portion(sizes: Numbers, number: int) -> list[int]:
    """Return the number of rows of each of `number` portions, given the sizes of the buckets."""
    rows: list[int] = sizes.reshape(number, -1).sum(axis=1).tolist()
    return rows


def to_text(sizes: Numbers) -> str:
    """Return the sizes of the buckets as metadata of a file."""
    return base64.b64encode(zlib.compress(sizes.astype("<u4").tobytes())).decode()


def from_text(text: str) -> Numbers:
    """Return the sizes of the buckets from the metadata of a file."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype="<u4").astype(np.int64)

"""Numbered files: each appears whole or not at all, and only one writer gets a number."""

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from include.codebashing_lms.errors import LedgerConflictError, StagingError
from include.codebashing_lms.ledger.buckets import BUCKETS, sort_by_bucket, to_text
from include.codebashing_lms.ledger.schema import FORMAT, align_to_schema
from include.codebashing_lms.staging.files import StagedPath, create_exclusive, local_copy, on_disk

NUMBERED = re.compile(r"(\d{6,})\.parquet")
FEW_TEXTS = ["course", "course_id", "refusal"]
ROWS_AT_ONCE = 100_000
BATCH = 20_000
LISTINGS = 3

Metadata = dict[str, str]


def names_in(folder: StagedPath) -> list[str]:
    """Return the names in a folder as they are now: the client of an object store caches listings."""
    here = on_disk(folder)
    if here is not None:
        return [path.name for path in here.iterdir()] if here.exists() else []
    folder.fs.invalidate_cache(folder.path)  # type: ignore[attr-defined]
    try:
        paths = folder.fs.ls(folder.path, detail=False)  # type: ignore[attr-defined]
    except FileNotFoundError:
        return []
    return [path.rstrip("/").rpartition("/")[2] for path in paths]


def numbers(folder: StagedPath) -> list[int]:
    """Return the numbers of the files in a folder, in order."""
    return sorted(int(found[1]) for found in map(NUMBERED.fullmatch, names_in(folder)) if found)


def numbers_without_gaps(folder: StagedPath) -> list[int]:
    """Return the numbers of the files in a folder; gaps are left only where somebody removed files.

    A listing made while others write may lack a name and show a later one, so it is repeated.
    """
    found: set[int] = set()
    for _ in range(LISTINGS):
        found.update(numbers(folder))
        if not has_gaps(sorted(found)):
            break
    return sorted(found)


def has_gaps(ordered: list[int]) -> bool:
    """Return whether a number is missing between others."""
    return bool(ordered) and len(ordered) <= ordered[-1] - ordered[0]


def numbered(folder: StagedPath, number: int) -> Any:
    """Return the path of the file with a number, whether it exists or not."""
    return folder / f"{number:06d}.parquet"


def create(target: StagedPath, file: Path) -> bool:
    """Copy a file to a name that must be free; return whether it was free."""
    return create_exclusive(target, lambda part: shutil.copyfile(file, part))


def remove(target: StagedPath) -> None:
    """Remove a file that another writer may be removing, too."""
    with suppress(FileNotFoundError):
        target.unlink()


def write(path: Path, schema: pa.Schema, tables: Iterable[pa.Table], metadata: Metadata) -> None:
    """Write tables; each has all rows of some buckets, in the order of the buckets."""
    rows_in = np.zeros(BUCKETS, dtype=np.int64)
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        use_dictionary=[name for name in FEW_TEXTS if name in schema.names],
        write_page_checksum=True,
        store_schema=False,
    ) as writer:
        for table in tables:
            ordered, sizes = sort_by_bucket(table)
            rows_in += sizes
            writer.write_table(ordered, row_group_size=ROWS_AT_ONCE)
        writer.add_key_value_metadata({"format": FORMAT, "buckets": to_text(rows_in), **metadata})


class SequentialReader:
    """Reads a table from its beginning to its end; a damaged file is an error, never fewer rows."""

    def __init__(self, source: StagedPath, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> None:
        self._source, self._batches, self._schema = source, batches, schema
        self._rest: list[pa.RecordBatch] = []

    def next(self, rows: int) -> pa.Table:
        """Return the next rows."""
        batches = []
        while rows:
            batch = self._rest.pop() if self._rest else self._next_batch()
            batches.append(batch.slice(0, rows))
            if len(batch) > rows:
                self._rest.append(batch.slice(rows))
            rows -= len(batches[-1])
        table = pa.Table.from_batches(batches, batches[0].schema if batches else self._schema)
        # copied: replace_with_mask confuses the positions in a slice of a longer array
        return align_to_schema(table.take(pa.array(np.arange(len(table)))), self._schema)

    def _next_batch(self) -> pa.RecordBatch:
        with _readable(self._source):
            for batch in self._batches:
                return batch
            raise ValueError("fewer rows than its metadata says")


@contextmanager
def opened(source: StagedPath, schema: pa.Schema) -> Iterator[SequentialReader]:
    """Open some columns of a table, to be read from the beginning; a missing column is empty."""
    with ExitStack() as stack:
        with _readable(source):
            path = stack.enter_context(local_copy(source))
            file = stack.enter_context(pq.ParquetFile(path, pre_buffer=False, page_checksum_verification=True))
        batches = file.iter_batches(BATCH, columns=schema.names, use_threads=False)
        yield SequentialReader(source, batches, schema)


def read_metadata(source: StagedPath) -> Metadata:
    """Read the metadata of a table: the last few bytes of its file."""
    here = on_disk(source)
    with _readable(source):
        if here is not None:
            return _texts(pq.read_metadata(here))
        with source.fs.open(source.path, "rb") as file:  # type: ignore[attr-defined]
            return _texts(pq.read_metadata(file))


@contextmanager
def _readable(source: StagedPath) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise LedgerConflictError(
            f"{source.name} of the ledger was replaced by a newer one while it was read. Nothing was sent."
        ) from error
    except (OSError, ValueError) as error:
        raise StagingError(
            f"{source} cannot be read: it is damaged, or the rights of the Airflow workers are missing. "
            "Bring it back from a backup; files of versions/ can be rebuilt from journal/."
        ) from error


def _texts(file: pq.FileMetaData) -> Metadata:
    texts = {key.decode(): value.decode() for key, value in (file.metadata or {}).items()}
    if texts.get("format") != FORMAT:
        raise StagingError(
            f"A file of the ledger has the format {texts.get('format')}, this version knows {FORMAT}: it was "
            "written by another one. Install that again."
        )
    return texts

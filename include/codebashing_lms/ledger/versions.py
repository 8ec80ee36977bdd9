"""Entries of the journal folded into versions of the ledger, some buckets at a time."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.ledger import buckets
from include.codebashing_lms.ledger.fold import fold
from include.codebashing_lms.ledger.numbered_files import SequentialReader, opened, read_metadata, write
from include.codebashing_lms.ledger.schema import (
    LEDGER,
    Entry,
    EntryMetadata,
    RowMask,
    align_to_schema,
    read_entry_metadata,
    read_unchanged,
    schema_of,
    to_footer,
)
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.streaming.partition import partitioned

NOTHING = np.zeros(buckets.BUCKETS, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Ledger:
    """The last values per learner and course, after `number` entries of the journal.

    :param file: its rows, in the order of the buckets; None for a ledger without rows.
    :param rows_in: number of rows of each bucket.
    """

    number: int
    file: StagedPath | None = None
    rows_in: buckets.Numbers = field(default_factory=NOTHING.copy)

    def __len__(self) -> int:
        return int(self.rows_in.sum())

    @property
    def is_empty(self) -> bool:
        """Return whether the journal has no entry: nothing was ever sent to the LMS."""
        return self.number == 0

    @property
    def table(self) -> pa.Table:
        """Return all rows at once."""
        with self.opened() as rows:
            return rows.next(len(self))

    def __iter__(self) -> Iterator[pa.Table]:
        """Give all rows, some buckets at a time."""
        return self.columns(LEDGER)

    def columns(self, schema: pa.Schema) -> Iterator[pa.Table]:
        """Give some columns of all rows, some buckets at a time."""
        with self.opened(schema) as rows:
            yield from map(rows.next, buckets.by_portion(self.rows_in, buckets.portions(len(self))))

    @contextmanager
    def opened(self, schema: pa.Schema = LEDGER) -> Iterator[SequentialReader]:
        """Open the rows, to be read from the beginning."""
        if self.file is None:
            yield SequentialReader(Path(), iter(()), schema)
            return
        with opened(self.file, schema) as rows:
            yield rows


def version_at(file: StagedPath, number: int) -> Ledger:
    """Return the ledger in a file."""
    return Ledger(number, file, buckets.from_text(read_metadata(file)["buckets"]))


def write_version(to: Path, number: int, tables: Iterable[pa.Table]) -> Ledger:
    """Write a version; return it as a ledger."""
    write(to, LEDGER, tables, {"number": str(number)})
    return version_at(to, number)


def write_entry(to: Path, tables: Iterable[pa.Table], unchanged: RowMask, meta: EntryMetadata) -> None:
    """Write an entry of the journal.

    :param tables: its rows in any order, iterated twice; a missing column is empty.
    """
    schema = schema_of(meta)
    rows = sum(map(len, tables))
    number = buckets.portions(rows)
    chunks = (
        (align_to_schema(table, schema), buckets.portion_of(buckets.buckets_of(table), number))
        for table in tables
        if len(table)
    )
    counted = meta | {"rows": rows, "unchanged": int(unchanged.sum())}
    with partitioned(to.with_suffix(".arrow"), schema, chunks) as portion:
        write(to, schema, map(portion, range(number)), to_footer(counted, unchanged))


def after_entry(ledger: Ledger, entry: StagedPath, to: Path) -> Ledger:
    """Return the ledger after an entry, written to a file."""
    footer = read_metadata(entry)
    meta, unchanged = read_entry_metadata(footer), read_unchanged(footer)
    if len(unchanged) != len(ledger):
        raise StagingError(
            f"Journal entry {meta['number']} follows a ledger of {len(unchanged)} rows, but it has "
            f"{len(ledger)}: the journal is not complete. Bring it back from a backup."
        )
    rows_in = buckets.from_text(footer["buckets"])
    number = buckets.portions(len(ledger) + int(rows_in.sum()))
    with ledger.opened() as before, opened(entry, schema_of(meta)) as rows:

        def folded() -> Iterator[pa.Table]:
            done = 0
            sizes = zip(buckets.by_portion(ledger.rows_in, number), buckets.by_portion(rows_in, number), strict=True)
            for known, of_entry in sizes:
                part = Entry(meta, rows.next(of_entry), unchanged[done : done + known])
                yield fold(before.next(known), part)
                done += known

        return write_version(to, meta["number"], folded())

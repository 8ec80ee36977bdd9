"""Entries of the journal folded into versions of the ledger, some buckets at a time."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.ledger.buckets import (
    BUCKETS,
    Numbers,
    buckets_of,
    by_portion,
    from_text,
    portion_of,
    portions,
)
from include.codebashing_lms.ledger.fold import fold
from include.codebashing_lms.ledger.numbered_files import SequentialReader, opened, read_metadata, write
from include.codebashing_lms.ledger.schema import (
    LEDGER,
    Entry,
    Seen,
    align_to_schema,
    read_entry_metadata,
    schema_of,
    seen_of,
    to_metadata,
)
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.streaming.partition import partitioned

NOTHING = np.zeros(BUCKETS, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Ledger:
    """The last word per learner and course, after so many entries of the journal.

    :param file: where its rows lie, in the order of the buckets; None for one without rows.
    :param rows_in: how many rows each bucket has.
    """

    number: int
    file: StagedPath | None = None
    rows_in: Numbers = field(default_factory=NOTHING.copy)

    def __len__(self) -> int:
        return int(self.rows_in.sum())

    @property
    def is_empty(self) -> bool:
        """Tell whether the journal has no entry: the LMS was never told anything."""
        return self.number == 0

    @property
    def table(self) -> pa.Table:
        """Return all rows at once."""
        with self.opened() as rows:
            return rows.next(len(self))

    def __iter__(self) -> Iterator[pa.Table]:
        """Give all rows, a table with some of them after the other."""
        return self.columns(LEDGER)

    def columns(self, schema: pa.Schema) -> Iterator[pa.Table]:
        """Give some columns of all rows in the same way."""
        with self.opened(schema) as rows:
            yield from map(rows.next, by_portion(self.rows_in, portions(len(self))))

    @contextmanager
    def opened(self, schema: pa.Schema = LEDGER) -> Iterator[SequentialReader]:
        """Open it to be read from the beginning."""
        if self.file is None:
            yield SequentialReader(Path(), iter(()), schema)
            return
        with opened(self.file, schema) as rows:
            yield rows


def version_at(file: StagedPath, number: int) -> Ledger:
    """Return the ledger that a file of it holds."""
    return Ledger(number, file, from_text(read_metadata(file)["buckets"]))


def write_version(to: Path, number: int, tables: Iterable[pa.Table]) -> Ledger:
    """Write a version; return the ledger in it."""
    write(to, LEDGER, tables, {"number": str(number)})
    return version_at(to, number)


def write_entry(to: Path, told: Iterable[pa.Table], seen: Seen, facts: dict[str, Any]) -> None:
    """Write an entry of the journal.

    :param told: rows in any order, gone through twice; columns that are missing are empty.
    """
    schema = schema_of(facts)
    rows = sum(map(len, told))
    number = portions(rows)
    pieces = (
        (align_to_schema(table, schema), portion_of(buckets_of(table), number))
        for table in told
        if len(table)
    )
    about = facts | {"rows": rows, "unchanged": int(seen.sum())}
    with partitioned(to.with_suffix(".arrow"), schema, pieces) as portion:
        write(to, schema, map(portion, range(number)), to_metadata(about, seen))


def after_entry(ledger: Ledger, entry: StagedPath, to: Path) -> Ledger:
    """Return the ledger after an entry, written to a file."""
    metadata = read_metadata(entry)
    facts, seen = read_entry_metadata(metadata), seen_of(metadata)
    if len(seen) != len(ledger):
        raise StagingError(
            f"Journal entry {facts['number']} speaks of a ledger of {len(seen)} rows, but it has "
            f"{len(ledger)}: the journal is not complete. Bring it back from a backup."
        )
    told_in = from_text(metadata["buckets"])
    number = portions(len(ledger) + int(told_in.sum()))
    with ledger.opened() as before, opened(entry, schema_of(facts)) as told:

        def folded() -> Iterator[pa.Table]:
            """Give the rows of the ledger after the entry, some buckets at a time."""
            at = 0
            for known, news in zip(
                by_portion(ledger.rows_in, number), by_portion(told_in, number), strict=True
            ):
                here = Entry(facts, told.next(news), seen[at : at + known])
                yield fold(before.next(known), here)
                at += known

        return write_version(to, facts["number"], folded())

"""The rows of a run beside the ledger, some employees at a time: memory does not grow with the rows."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.ledger.buckets import buckets_of, by_portion, hashed, portion_of, portions
from include.codebashing_lms.ledger.schema import INSTANT
from include.codebashing_lms.ledger.versions import Ledger
from include.codebashing_lms.load.delta import Change, Delta, DeltaRules, compute_delta
from include.codebashing_lms.load.identities import ADDRESSES, ReassignedAddresses, reassigned_addresses
from include.codebashing_lms.staging.scratch import scratch_folder
from include.codebashing_lms.streaming.partition import GroupedTable, partitioned
from include.codebashing_lms.transform import rows_file
from include.codebashing_lms.transform.manifest import CourseGrowth

WINDOW = 25_000  # rows that follow each other in the file, and are written at once

ROWS = pa.schema(
    [("row", pa.int64())]
    + [(one.name, pa.string() if one.type == rows_file.TEXTS else one.type) for one in rows_file.SCHEMA]
)
CLASSIFIED = pa.schema(
    [
        *ROWS,
        ("lower_email", pa.string()),
        ("status", pa.int8()),
        ("accepted", pa.bool_()),
        ("change", pa.int8()),
        ("send", pa.bool_()),
        *[(f"ledger_{name}", pa.string()) for name in ("email", "course_id", "user_key", "refusal")],
        ("ledger_sent_at", INSTANT),
        ("former_id", pa.string()),
    ]
)


class LedgerComparison:
    """Compares all rows of rows.parquet with the ledger.

    :ivar summary: the numbers of all deltas, complete once the last delta was given.
    """

    def __init__(self, rows: Path, ledger: Ledger, rules: DeltaRules) -> None:
        self.rows, self.ledger, self.rules = rows, ledger, rules
        self.summary = DeltaSummary(np.zeros(len(ledger), dtype=np.bool_))
        self._length = pq.read_metadata(rows).num_rows
        self._portions = portions(self._length + len(ledger))

    def deltas(self) -> Iterator[Delta]:
        """Give the rows with their changes, in the order of the file, without the rows to leave unchanged."""
        with scratch_folder() as scratch:
            classified = self._classified(scratch / "rows.arrow", self._reassigned_addresses(scratch))
            with partitioned(scratch / "classified.arrow", CLASSIFIED, classified) as window:
                for number in range(-(-self._length // WINDOW)):
                    rows = window(number).sort_by("row").to_pandas()
                    yield Delta(rows, rows["send"].to_numpy(dtype=np.bool_))

    def _classified(self, scratch: Path, reassigned: ReassignedAddresses) -> Iterator[GroupedTable]:
        with partitioned(scratch, ROWS, self._by_employee()) as portion, self.ledger.opened() as ledger:
            done = 0
            for number, size in enumerate(by_portion(self.ledger.rows_in, self._portions)):
                known = ledger.next(size).to_pandas().assign(index=np.arange(done, done + size))
                accepted = known["sent_at"].notna() & known["baseline"].ne(True)
                self.summary.has_accepted |= bool(accepted.any())
                delta = compute_delta(portion(number).to_pandas(), known, reassigned, self.rules)
                self.summary.add(delta)
                done += size
                yield _to_write(delta)

    def _by_employee(self) -> Iterator[GroupedTable]:
        row = 0
        for table in self._slices():
            numbered = table.append_column("row", pa.array(np.arange(row, row + len(table))))
            row += len(table)
            yield numbered.select(ROWS.names).cast(ROWS), portion_of(buckets_of(table), self._portions)

    def _reassigned_addresses(self, scratch: Path) -> ReassignedAddresses:
        found: ReassignedAddresses = {}
        run, ledger = self._slices(ADDRESSES.names), self.ledger.columns(ADDRESSES)
        with (
            partitioned(scratch / "run.arrow", ADDRESSES, self._by_address(run)) as of_run,
            partitioned(scratch / "ledger.arrow", ADDRESSES, self._by_address(ledger)) as of_ledger,
        ):
            for number in range(self._portions if len(self.ledger) else 0):
                found |= reassigned_addresses(of_run(number), of_ledger(number))
        return found

    def _by_address(self, tables: Iterable[pa.Table]) -> Iterator[GroupedTable]:
        for table in tables:
            names = table.select(ADDRESSES.names).group_by(ADDRESSES.names, use_threads=False).aggregate([])
            known = names.filter(pc.is_valid(names["email"]))
            lower = known.set_column(0, "email", pc.utf8_lower(known["email"]))
            yield lower, portion_of(hashed(lower["email"]), self._portions)

    def _slices(self, columns: list[str] | None = None) -> Iterator[pa.Table]:
        with pq.ParquetFile(self.rows, pre_buffer=False) as file:
            for group in range(file.num_row_groups):  # one reader for all would keep the names of all
                yield _plain(file.read_row_group(group, columns, use_threads=False))


def _plain(table: pa.Table) -> pa.Table:
    fields = [pa.field(one.name, pa.string() if pa.types.is_dictionary(one.type) else one.type) for one in table.schema]
    return table.cast(pa.schema(fields))


def _to_write(delta: Delta) -> GroupedTable:
    rows = delta.rows.assign(send=delta.send)
    kept = rows[delta.send | (rows["change"] != Change.UNCHANGED)]
    return pa.Table.from_pandas(kept[CLASSIFIED.names], CLASSIFIED, preserve_index=False), (
        kept["row"].to_numpy() // WINDOW
    )


@dataclass
class DeltaSummary:
    """The numbers of all deltas of a run.

    :ivar unchanged: which rows of the ledger the run has unchanged.
    :ivar sent: how many rows are sent; `statuses` counts these, `changes` counts all rows.
    :ivar refused_before: how many of the sent rows the LMS refused when they were last sent.
    :ivar has_accepted: whether the LMS ever accepted a row that it was sent.
    :ivar fell: how many of all `learners` have a lower percentage than the ledger.
    :ivar oldest: the first completion date that is sent.
    :ivar growth: learners by course, number of lessons before and now.
    """

    unchanged: npt.NDArray[np.bool_]
    sent: int = 0
    refused_before: int = 0
    has_accepted: bool = False
    changes: Counter[int] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    corrections: int = 0
    learners: int = 0
    fell: int = 0
    oldest: datetime | None = None
    growth: Counter[tuple[str, int, int]] = field(default_factory=Counter)

    def add(self, delta: Delta) -> None:
        """Count the rows of a delta."""
        rows = delta.rows
        sent = rows[delta.send]
        self.unchanged[rows.loc[rows["change"] == Change.UNCHANGED, "ledger_index"]] = True
        self.sent += len(sent)
        self.refused_before += int(sent["ledger_refusal"].notna().sum())
        self.changes.update(rows["change"].tolist())
        self.statuses.update(sent["status"].tolist())
        self.warnings.update(delta.warnings)
        self.corrections += len(delta.to_correct())
        self.learners += rows["employee_id"].nunique()
        self.fell += delta.fell
        for one in delta.growth:
            self.growth[one.course, one.lessons_were, one.lessons_are] += one.learners
        dates = sent["completed_at"].dropna()
        if len(dates):
            first = pd.Timestamp(dates.min()).to_pydatetime()
            self.oldest = min(first, self.oldest or first)

    @property
    def other_rows(self) -> int:
        """Return how many rows the LMS has or was sent before, besides the rows that are sent now.

        There are none before the LMS accepts a first row: what an export of the LMS holds did not come by
        this way.
        """
        again = self.sent - self.changes[Change.NEW]
        return len(self.unchanged) - again if self.has_accepted else 0

    def course_growth(self) -> list[CourseGrowth]:
        """Return the courses that gained lessons under finished learners, for the manifest."""
        return [
            CourseGrowth(course, before, now, learners)
            for (course, before, now), learners in sorted(self.growth.items())
        ]

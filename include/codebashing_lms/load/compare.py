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
from include.codebashing_lms.load.delta import Change, Delta, DeltaRules, ReassignedAddresses, compute_delta
from include.codebashing_lms.staging.scratch import scratch_folder
from include.codebashing_lms.streaming.partition import GroupedTable, partitioned
from include.codebashing_lms.transform import rows_file as staged_rows
from include.codebashing_lms.transform.manifest import CourseGrowth

WINDOW = 25_000  # rows that follow each other in the file, and are written at once

NAMES = pa.schema([("email", pa.string()), ("employee_id", pa.string())])
ROWS = pa.schema(
    [("row", pa.int64())]
    + [(one.name, pa.string() if one.type == staged_rows.TEXTS else one.type) for one in staged_rows.SCHEMA]
)
CLASSIFIED = pa.schema(
    [
        *ROWS,
        ("person", pa.string()),  # the e-mail address in lower case
        ("status", pa.int8()),
        ("accepted", pa.bool_()),
        ("verdict", pa.int8()),
        ("send", pa.bool_()),
        *[(f"ledger_{name}", pa.string()) for name in ("email", "course_id", "user_key", "refusal")],
        ("ledger_sent_at", INSTANT),
        ("former_id", pa.string()),
    ]
)


class LedgerComparison:
    """Decides all rows of rows.parquet; `summary` is what the decisions add up to, once all were given."""

    def __init__(self, rows: Path, ledger: Ledger, rules: DeltaRules) -> None:
        self.rows, self.ledger, self.rules = rows, ledger, rules
        self.summary = DeltaSummary(np.zeros(len(ledger), dtype=np.bool_))
        self._length = pq.read_metadata(rows).num_rows
        self._portions = portions(self._length + len(ledger))

    def decisions(self) -> Iterator[Delta]:
        """Give the rows in their order, decided, but for those of which there is nothing to say."""
        with scratch_folder() as scratch:
            decided = self._decided(scratch / "rows.arrow", self._namesakes(scratch))
            with partitioned(scratch / "decided.arrow", CLASSIFIED, decided) as window:
                for number in range(-(-self._length // WINDOW)):
                    rows = window(number).sort_by("row").to_pandas()
                    yield Delta(rows, rows["send"].to_numpy(dtype=np.bool_))

    def _decided(self, scratch: Path, reassigned: ReassignedAddresses) -> Iterator[GroupedTable]:
        """Give the rows decided, some employees after the other, and in which window of the file each is."""
        with partitioned(scratch, ROWS, self._by_employee()) as portion, self.ledger.opened() as told:
            done = 0
            for number, size in enumerate(by_portion(self.ledger.rows_in, self._portions)):
                before = told.next(size).to_pandas().assign(place=np.arange(done, done + size))
                delta = compute_delta(portion(number).to_pandas(), before, reassigned, self.rules)
                self.summary.add(delta)
                done += size
                yield _to_be_spoken_of(delta)

    def _by_employee(self) -> Iterator[GroupedTable]:
        row = 0
        for table in self._slices():
            numbered = table.append_column("row", pa.array(np.arange(row, row + len(table))))
            row += len(table)
            yield numbered.select(ROWS.names).cast(ROWS), portion_of(buckets_of(table), self._portions)

    def _namesakes(self, scratch: Path) -> ReassignedAddresses:
        """Find the addresses whose employees are not the same in the run as in the ledger."""
        found: ReassignedAddresses = {}
        now, told = (
            self._by_address(tables) for tables in (self._slices(NAMES.names), self.ledger.columns(NAMES))
        )
        with (
            partitioned(scratch / "now.arrow", NAMES, now) as now_in,
            partitioned(scratch / "told.arrow", NAMES, told) as told_in,
        ):
            for number in range(self._portions if len(self.ledger) else 0):
                found |= reassigned_addresses(now_in(number), told_in(number))
        return found

    def _by_address(self, tables: Iterable[pa.Table]) -> Iterator[GroupedTable]:
        for table in tables:
            names = table.select(NAMES.names).group_by(NAMES.names, use_threads=False).aggregate([])
            known = names.filter(pc.is_valid(names["email"]))
            lower = known.set_column(0, "email", pc.utf8_lower(known["email"]))
            yield lower, portion_of(hashed(lower["email"]), self._portions)

    def _slices(self, columns: list[str] | None = None) -> Iterator[pa.Table]:
        with pq.ParquetFile(self.rows, pre_buffer=False) as file:
            for group in range(file.num_row_groups):  # one reader for all would keep the names of all
                yield _plain(file.read_row_group(group, columns, use_threads=False))


def _plain(table: pa.Table) -> pa.Table:
    """Return a table with texts instead of numbered texts."""
    fields = [
        pa.field(one.name, pa.string() if pa.types.is_dictionary(one.type) else one.type)
        for one in table.schema
    ]
    return table.cast(pa.schema(fields))


def reassigned_addresses(now: pa.Table, told: pa.Table) -> ReassignedAddresses:
    """Return the addresses told of before that are with other employees now, with those of before.

    :param now: address and employee ID in the run, each pair at least once; `told` in the ledger.
    """
    pairs_now, pairs_told = (pc.binary_join_element_wise(*one.columns, "\0") for one in (now, told))
    come = now["email"].filter(pc.invert(pc.is_in(pairs_now, value_set=pairs_told)))
    gone = told["email"].filter(pc.invert(pc.is_in(pairs_told, value_set=pairs_now)))
    changed = pa.chunked_array([*come.chunks, *gone.chunks], pa.string())
    concerned = pc.and_(
        pc.is_in(told["email"], value_set=changed), pc.is_in(told["email"], value_set=now["email"])
    )
    found: ReassignedAddresses = {}
    for email, employee_id in zip(*(one.to_pylist() for one in told.filter(concerned).columns), strict=True):
        found.setdefault(email, []).append(employee_id)
    return found


def _to_be_spoken_of(delta: Delta) -> GroupedTable:
    """Return what is sent or listed of some rows, and the window of each."""
    rows = delta.rows.assign(send=delta.send)
    kept = rows[delta.send | (rows["verdict"] != Change.UNCHANGED)]
    return pa.Table.from_pandas(kept[CLASSIFIED.names], CLASSIFIED, preserve_index=False), (
        kept["row"].to_numpy() // WINDOW
    )


@dataclass
class DeltaSummary:
    """What the decisions of a run add up to."""

    seen: npt.NDArray[np.bool_]
    sent: int = 0
    verdicts: Counter[int] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    corrections: int = 0
    learners: int = 0
    fell: int = 0
    oldest: datetime | None = None
    growth: dict[tuple[str, int, int], int] = field(default_factory=dict)

    def add(self, delta: Delta) -> None:
        """Count the rows of a decision."""
        rows = delta.rows
        sent = rows[delta.send]
        self.seen[rows.loc[rows["verdict"] == Change.UNCHANGED, "place"]] = True
        self.sent += len(sent)
        self.verdicts.update(rows["verdict"].tolist())
        self.statuses.update(sent["status"].tolist())
        self.warnings.update(delta.warnings)
        self.corrections += len(delta.to_correct())
        self.learners += rows["employee_id"].nunique()
        self.fell += delta.fell
        for one in delta.growth:
            course = one["course"], one["lessons_were"], one["lessons_are"]
            self.growth[course] = self.growth.get(course, 0) + one["learners"]
        dates = sent["completed_at"].dropna()
        if len(dates):
            first = pd.Timestamp(dates.min()).to_pydatetime()
            self.oldest = min(first, self.oldest or first)

    def course_growth(self) -> list[CourseGrowth]:
        """Return the courses that gained lessons under finished learners, for the manifest."""
        return [
            CourseGrowth(course, before, now, learners)
            for (course, before, now), learners in sorted(self.growth.items())
        ]

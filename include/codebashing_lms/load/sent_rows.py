"""The rows of a delivery, in the order in which they were sent: whom a refusal means, what the journal keeps.

sent_rows.parquet   rows that are sent, and rows that count as known to the LMS already
refused.parquet     which of them the LMS refused, and why, as its answers come in
refused.csv         the same for people
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.delivery.transport import Refusal
from include.codebashing_lms.ledger.numbered_files import remove
from include.codebashing_lms.ledger.schema import SENT, align_to_schema
from include.codebashing_lms.load.receipt import Part
from include.codebashing_lms.load.repeat_refusals import fingerprints, normalize_reason
from include.codebashing_lms.staging.files import StagedPath, atomic_write, local_copy
from include.codebashing_lms.staging.layout import REFUSED_LIST, REFUSED_ROWS, SENT_ROWS
from include.codebashing_lms.transform.lists import SET_ASIDE_COLUMNS, escape_formulas

REFUSED = pa.schema([("row", pa.int64()), ("reason", pa.string())])
ROWS_AT_ONCE = 50_000
WHAT_NEXT = "goes again with the next run; refused three times for the same reason, it waits for a person"


@dataclass(frozen=True)
class SentRows:
    """The rows of a delivery in a run's folder."""

    folder: StagedPath

    @cached_property
    def told(self) -> pa.Table:
        """Return what the run's load decided to tell."""
        return _read(self.folder / SENT_ROWS)

    def of_parts(self, parts: list[Part]) -> list[Any]:
        """Return for each part of the file the numbers of its rows among all that are sent."""
        courses = self.told.filter(self.told["sent"])["course_id"].to_numpy(zero_copy_only=False)
        rows, done = np.arange(len(courses)), Counter[str | None]()
        found = []
        for part in parts:
            own = rows if part.course is None else rows[courses == part.course]
            found.append(own[done[part.course] : done[part.course] + part.rows])
            done[part.course] += part.rows
        return found

    def to_journal(self, only: Any = None, whole: bool = True) -> "JournalRows":
        """Return the rows for the journal: what the LMS took, what it refused, what it had already.

        What was found unchanged and sent all the same stands in the journal's entry by itself.

        :param only: the numbers of the rows that it is about; None: all that were sent.
        :param whole: whether what counts as known to the LMS already belongs to it.
        """
        return JournalRows(self.folder / SENT_ROWS, dict(self.refused()), only, whole)

    def refused(self) -> Iterator[tuple[int, str]]:
        """Give number and reason of the rows that the LMS refused so far."""
        if not (self.folder / REFUSED_ROWS).exists():
            return
        table = _read(self.folder / REFUSED_ROWS)
        yield from zip(*(table.column(name).to_pylist() for name in REFUSED.names), strict=True)

    def refuse(self, refusals: Iterable[Refusal], of_part: Any) -> int:
        """Note which rows the LMS refused; return how many of its words fit no row that was sent.

        :param of_part: the numbers of the rows in the file that the LMS speaks of.
        """
        found = dict(self.refused())
        names = RowIndex(self.told.filter(self.told["sent"]).take(pa.array(of_part)))
        strange = 0
        for refusal in refusals:
            meant = names.meant(refusal)
            strange += not meant
            for place in meant:
                found.setdefault(int(of_part[place]), refusal.reason)
        if found:
            self._stage(sorted(found.items()))
        return strange

    def _stage(self, refused: list[tuple[int, str]]) -> None:
        with atomic_write(self.folder / REFUSED_ROWS) as part:
            rows, reasons = zip(*refused, strict=True)
            pq.write_table(pa.table({"row": rows, "reason": reasons}, REFUSED), part)
        sent = self.told.filter(self.told["sent"]).take(pa.array(rows))
        listed(self.folder / REFUSED_LIST, sent, reasons)


def listed(target: StagedPath, rows: pa.Table, reasons: Iterable[str]) -> None:
    """List refused rows for people."""
    whose = zip(*(rows[name].to_pylist() for name in ("email", "employee_id", "course")), strict=True)
    with atomic_write(target) as part, part.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(SET_ASIDE_COLUMNS)
        for reason, (email, employee_id, course) in zip(reasons, whose, strict=True):
            lines.writerow(escape_formulas([reason, WHAT_NEXT, email, employee_id, course, 1]))


class RowIndex:
    """Finds the rows of a file that the LMS speaks of."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows
        self._places: dict[tuple[str | None, str | None], list[int]] | None = None

    def meant(self, refusal: Refusal) -> list[int]:
        """Return the numbers of the rows that are meant: all of a learner or a course named alone."""
        if refusal.row is not None:
            return [refusal.row] if 0 <= refusal.row < len(self.rows) else []
        if refusal.user_key is None and refusal.course_id is None:
            return []
        if self._places is None:
            self._places = self._by_name()
        return self._places.get((refusal.user_key, refusal.course_id), [])

    def _by_name(self) -> dict[tuple[str | None, str | None], list[int]]:
        places: dict[tuple[str | None, str | None], list[int]] = {}
        names = zip(*(self.rows[name].to_pylist() for name in ("user_key", "course_id")), strict=True)
        for place, (user, course) in enumerate(names):
            for key in ((user, course), (user, None), (None, course)):
                places.setdefault(key, []).append(place)
        return places


@dataclass(frozen=True)
class JournalRows:
    """The rows of a delivery that go into the journal, table after table: the others are never all in memory.

    :param refused: number and reason of the rows that the LMS refused.
    :param only: the numbers of the rows that it is about; None: all that were sent.
    :param whole: whether what counts as known to the LMS already belongs to it.
    """

    file: StagedPath
    refused: dict[int, str]
    only: Any
    whole: bool

    def __iter__(self) -> Iterator[pa.Table]:
        done = 0
        with local_copy(self.file) as copy, pq.ParquetFile(copy, pre_buffer=False) as file:
            for batch in file.iter_batches(ROWS_AT_ONCE, use_threads=False):
                table = pa.Table.from_batches([batch])
                yield self._of(table, done)
                done += int(flag(table, "sent").sum())

    def _of(self, table: pa.Table, done: int) -> pa.Table:
        """Return what the journal keeps of rows, before which so many were sent."""
        sent = flag(table, "sent")
        row = np.where(sent, done + np.cumsum(sent) - 1, -1)
        refused = np.isin(row, list(self.refused))
        kept = np.where(sent, ~flag(table, "known") | refused, self.whole)
        if self.only is not None:
            kept &= ~sent | np.isin(row, self.only)
        reasons = [self.refused.get(one) for one in row[kept].tolist()] if refused.any() else []
        return _with_refusals(table.filter(pa.array(kept)), reasons)


def _with_refusals(table: pa.Table, reasons: list[str | None]) -> pa.Table:
    """Return rows as the journal has them."""
    if not reasons:
        return align_to_schema(table, SENT)
    refused = np.flatnonzero([reason is not None for reason in reasons])
    shown: list[int | None] = [None] * len(reasons)
    rows: pd.DataFrame = table.take(pa.array(refused)).to_pandas()
    for place, fingerprint in zip(refused.tolist(), fingerprints(rows), strict=True):
        shown[place] = fingerprint
    kinds = [None if reason is None else normalize_reason(reason) for reason in reasons]
    columns = {"refusal": pa.array(kinds, pa.string()), "refused_as": pa.array(shown, pa.int64())}
    return pa.table({name: columns[name] if name in columns else table[name] for name in SENT.names}, SENT)


def without_refusals(folder: StagedPath) -> None:
    """Forget what the LMS refused of an earlier file: this is another one."""
    for name in (REFUSED_ROWS, REFUSED_LIST):
        remove(folder / name)


def flag(table: pa.Table, name: str) -> Any:
    """Return a column of yes and no."""
    return pc.fill_null(table[name], False).to_numpy()


def _read(source: StagedPath) -> pa.Table:
    with local_copy(source) as copy:
        return pq.read_table(copy)

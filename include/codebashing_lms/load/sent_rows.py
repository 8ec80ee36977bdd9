"""The rows of a delivery, in the order in which they were sent: which files they are in, which were refused.

sent_rows.parquet   rows that are sent, and rows that count as known to the LMS already
refused.parquet     which of them the LMS refused, why, and whether as before, as its answers come in
refused.csv         the same for people
"""

import csv
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from include.codebashing_lms.delivery.transport import Refusal
from include.codebashing_lms.ledger.numbered_files import remove
from include.codebashing_lms.ledger.schema import KEY, SENT
from include.codebashing_lms.load.journal_rows import JournalRows
from include.codebashing_lms.load.receipt import Part
from include.codebashing_lms.load.repeat_refusals import normalize_reason
from include.codebashing_lms.staging.files import StagedPath, atomic_write, local_copy
from include.codebashing_lms.staging.layout import REFUSED_LIST, REFUSED_ROWS, SENT_ROWS
from include.codebashing_lms.transform.lists import SET_ASIDE_COLUMNS, escape_formulas

# `sent`: the row is in the file; `known`: the LMS had its values before
SCHEMA = pa.schema(
    [field for field in SENT if field.name not in ("refusal", "refused_as")]
    + [("course_title", pa.string()), ("accepted", pa.bool_()), ("sent", pa.bool_()), ("known", pa.bool_())]
)
REFUSED = pa.schema([("row", pa.int64()), ("reason", pa.string()), ("as_before", pa.bool_())])
WHAT_NEXT = "goes again with the next run; refused three times for the same reason, it waits for a person"


@dataclass(frozen=True)
class SentRows:
    """The rows of a delivery in a run's folder."""

    folder: StagedPath

    @cached_property
    def sent(self) -> pa.Table:
        """Return the rows that are in the files, in their order."""
        rows = _read(self.folder / SENT_ROWS)
        return rows.filter(rows["sent"])

    def of_parts(self, parts: list[Part]) -> list[Any]:
        """Return for each part of the file the numbers of its rows among all that are sent."""
        courses = self.sent["course_id"].to_numpy(zero_copy_only=False)
        rows, done = np.arange(len(courses)), Counter[str | None]()
        found = []
        for part in parts:
            own = rows if part.course is None else rows[courses == part.course]
            found.append(own[done[part.course] : done[part.course] + part.rows])
            done[part.course] += part.rows
        return found

    def to_journal(self, only: Any = None, whole: bool = True) -> JournalRows:
        """Return the rows for the journal: accepted rows, refused rows, and rows that the LMS had already.

        A row that was found unchanged and sent all the same is not among them: the journal's entry says so.

        :param only: numbers of sent rows; None: all of them.
        :param whole: with the rows that count as known to the LMS already.
        """
        reasons = {row: reason for row, (reason, _) in self.refused().items()}
        return JournalRows(self.folder / SENT_ROWS, reasons, only, whole)

    def refused(self) -> dict[int, tuple[str, bool]]:
        """Return by number the rows that the LMS refused so far: the reason, and whether it is as before."""
        if not (self.folder / REFUSED_ROWS).exists():
            return {}
        row, *refusal = (column.to_pylist() for column in _read(self.folder / REFUSED_ROWS).columns)
        return dict(zip(row, zip(*refusal, strict=True), strict=True))

    def refuse(self, refusals: Iterable[Refusal], of_part: Any, before: Collection[tuple[str, str, str]]) -> int:
        """Write down which rows the LMS refused; return how many refusals match no row that was sent.

        :param of_part: the numbers of the rows in the file that the refusals are about.
        :param before: learner, course and reason of earlier refusals.
        """
        found = self.refused()
        index = RowIndex(self.sent.take(pa.array(of_part)))
        unmatched = 0
        for refusal in refusals:
            matches = index.match(refusal)
            unmatched += not matches
            for row in matches:
                key = (*(index.rows[name][row].as_py() for name in KEY), normalize_reason(refusal.reason))
                found.setdefault(int(of_part[row]), (refusal.reason, key in before))
        if found:
            self._stage(sorted((row, *refusal) for row, refusal in found.items()))
        return unmatched

    def _stage(self, refused: list[tuple[int, str, bool]]) -> None:
        rows, reasons, as_before = zip(*refused, strict=True)
        with atomic_write(self.folder / REFUSED_ROWS) as part:
            table = {"row": rows, "reason": reasons, "as_before": as_before}
            pq.write_table(pa.table(table, REFUSED), part)
        write_refused_list(self.folder / REFUSED_LIST, self.sent.take(pa.array(rows)), reasons)


def write_refused_list(target: StagedPath, rows: pa.Table, reasons: Iterable[str]) -> None:
    """List refused rows for people."""
    names = zip(*(rows[name].to_pylist() for name in ("email", "employee_id", "course")), strict=True)
    with atomic_write(target) as part, part.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(SET_ASIDE_COLUMNS)
        for reason, (email, employee_id, course) in zip(reasons, names, strict=True):
            lines.writerow(escape_formulas([reason, WHAT_NEXT, email, employee_id, course, 1]))


class RowIndex:
    """Finds the rows of a file that a refusal is about."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    def match(self, refusal: Refusal) -> list[int]:
        """Return the numbers of the rows: all of a learner or of a course that is named alone."""
        if refusal.row is not None:
            return [refusal.row] if 0 <= refusal.row < len(self.rows) else []
        if refusal.user_key is None and refusal.course_id is None:
            return []
        return self._by_name.get((refusal.user_key, refusal.course_id), [])

    @cached_property
    def _by_name(self) -> dict[tuple[str | None, str | None], list[int]]:
        found: dict[tuple[str | None, str | None], list[int]] = {}
        names = zip(*(self.rows[name].to_pylist() for name in ("user_key", "course_id")), strict=True)
        for row, (user, course) in enumerate(names):
            for key in ((user, course), (user, None), (None, course)):
                found.setdefault(key, []).append(row)
        return found


def forget_refusals(folder: StagedPath) -> None:
    """Remove what the LMS refused of an earlier file: another file is sent."""
    for name in (REFUSED_ROWS, REFUSED_LIST):
        remove(folder / name)


def _read(source: StagedPath) -> pa.Table:
    with local_copy(source) as copy:
        return pq.read_table(copy)

"""What people read about the records that were not emitted: set_aside.csv and left_out.parquet."""

import csv
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from include.codebashing_lms.transform.fates import MERGED, REMEDY, SET_ASIDE, WITHHELD, Fate
from include.codebashing_lms.transform.progress import Courses, of_courses
from include.codebashing_lms.transform.values import Bools, Ints

SET_ASIDE_COLUMNS = ("reason", "detail", "email", "employee_id", "course", "records")
FORMULA = ("=", "+", "-", "@")
OF_THE_LEARNER = (
    Fate.NOT_AN_OBJECT,
    Fate.MISSING_EMPLOYEE_ID,
    Fate.INVALID_EMPLOYEE_ID,
    Fate.INVALID_EMAIL,
    Fate.CONFLICTING_EMPLOYEE_ID,
    Fate.UNMAPPED_USER,
)
LEFT_OUT = pa.schema(
    [(name, pa.string()) for name in ("place", "reason", "email", "employee_id", "course")]
    + [("percent_complete", pa.float64())]
)


class Listings:
    """Both files, written batch by batch. An unmapped course is one line, however many learners it has.

    :param columns: labels of the LMS file's columns.
    """

    def __init__(
        self, set_aside: Path, left_out: Path, courses: Courses, one_course: bool, columns: list[str]
    ) -> None:
        self.courses, self.one_course, self.columns = courses, one_course, columns
        self.unmapped: Counter[str] = Counter()
        self._file = set_aside.open("w", encoding="utf-8", newline="")
        self._csv = csv.writer(self._file)
        self._csv.writerow(SET_ASIDE_COLUMNS)
        self._left_out = pq.ParquetWriter(left_out, LEFT_OUT)

    def __enter__(self) -> "Listings":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for course, learners in self.unmapped.items():
            fate = Fate.UNMAPPED_COURSE
            self._csv.writerow(harmless([fate.reason, REMEDY[fate], "", "", course, learners]))
        self._file.close()
        self._left_out.close()

    def add(self, rows: pd.DataFrame) -> None:
        """List the records of a batch, joined with their learners, that were not emitted."""
        if rows.empty:
            return
        fate = rows["fate"]
        rows = rows.assign(slug=of_courses(self.courses.slugs, rows["course"].to_numpy()))
        unmapped = fate == Fate.UNMAPPED_COURSE
        self.unmapped.update(rows.loc[unmapped, "slug"])
        self._add_set_aside(rows[fate.isin(SET_ASIDE) & ~unmapped])
        self._add_left_out(rows[fate.isin([*WITHHELD, *MERGED]) | unmapped])

    def _add_set_aside(self, rows: pd.DataFrame) -> None:
        """List a line for each record; one for all of a learner where the fault is the learner's."""
        if rows.empty:
            return
        whole = rows["fate"].isin(OF_THE_LEARNER).to_numpy() & (not self.one_course)
        at, records = _lines(rows["learner"].to_numpy(), whole)
        lines = rows.iloc[at]
        slugs = np.where(whole[at], "", lines["slug"])
        reasons = zip(lines["fate"], lines["fault"], strict=True)
        people = zip(lines["email"], lines["employee_id"], slugs, records.tolist(), strict=True)
        for (number, fault), line in zip(reasons, people, strict=True):
            fate = Fate(number)
            detail = REMEDY[fate] if fault < 0 else f"{self.columns[fault]}: {REMEDY[fate]}"
            self._csv.writerow(harmless([fate.reason, detail, *line]))

    def _add_left_out(self, rows: pd.DataFrame) -> None:
        if rows.empty:
            return
        fates = [Fate(number) for number in rows["fate"]]
        table = {
            "place": [_place(fate) for fate in fates],
            "reason": [fate.reason for fate in fates],
            "email": rows["email"],
            "employee_id": rows["employee_id"],
            "course": rows["slug"],
            "percent_complete": rows["hundredths"] / 100,
        }
        self._left_out.write_table(pa.table(table, schema=LEFT_OUT))


def _place(fate: Fate) -> str:
    """Return the place of a record; those of an unmapped course have no line of their own elsewhere."""
    if fate in MERGED:
        return "merged"
    return "withheld" if fate in WITHHELD else "set_aside"


def _lines(learner: Ints, whole: Bools) -> tuple[Ints, Ints]:
    """Return which rows stand for a line, and for how many: one a learner where `whole`, else each alone."""
    of_learners, alone = np.flatnonzero(whole), np.flatnonzero(~whole)
    begins = np.flatnonzero(np.diff(learner[of_learners], prepend=-1))
    at = np.concatenate([of_learners[begins], alone])
    records = np.concatenate([np.diff(begins, append=len(of_learners)), np.ones(len(alone), dtype=np.int64)])
    order = np.argsort(at)
    return at[order], records[order]


def harmless(cells: list[Any]) -> list[Any]:
    """Keep a spreadsheet from taking a cell for a formula; some overlook blanks before it."""
    texts = [cell if isinstance(cell, str) or not pd.isna(cell) else "" for cell in cells]
    return [
        f"'{text}" if isinstance(text, str) and text.lstrip().startswith(FORMULA) else text for text in texts
    ]

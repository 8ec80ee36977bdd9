"""The lists of records that are not emitted: set_aside.csv for people, left_out.parquet for the page."""

import csv
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from include.codebashing_lms.transform.lms_file.courses import Courses, course_texts
from include.codebashing_lms.transform.records.columns import Bools, Ints, text_array
from include.codebashing_lms.transform.records.dispositions import SET_ASIDE, Disposition

Rows = dict[str, npt.NDArray[Any]]  # columns of records

SET_ASIDE_COLUMNS = ("reason", "detail", "email", "employee_id", "course", "records")
FORMULA = ("=", "+", "-", "@")
IS_SET_ASIDE = np.isin(np.arange(len(Disposition)), SET_ASIDE)
IS_OF_THE_LEARNER = np.isin(np.arange(len(Disposition)), [one for one in SET_ASIDE if one.meaning.of_learner])
LEFT_OUT = pa.schema(
    [(name, pa.string()) for name in ("place", "reason", "email", "employee_id", "course")]
    + [("percent_complete", pa.float64())]
)


class RecordLists:
    """Writes both files, batch by batch. An unmapped course has one line for all its learners.

    :param columns: labels of the LMS file's columns.
    """

    def __init__(self, set_aside: Path, left_out: Path, courses: Courses, one_course: bool, columns: list[str]) -> None:
        self.courses, self.one_course, self.columns = courses, one_course, columns
        self.unmapped: Counter[str] = Counter()
        self._file = set_aside.open("w", encoding="utf-8", newline="")
        self._csv = csv.writer(self._file)
        self._csv.writerow(SET_ASIDE_COLUMNS)
        self._left_out = pq.ParquetWriter(left_out, LEFT_OUT)

    def __enter__(self) -> "RecordLists":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for course, learners in self.unmapped.items():
            disposition = Disposition.UNMAPPED_COURSE
            self._csv.writerow(
                escape_formulas([disposition.reason, disposition.meaning.detail, "", "", course, learners])
            )
        self._file.close()
        self._left_out.close()

    def add(self, records: pd.DataFrame, learners: pd.DataFrame) -> None:
        """List the records of a batch of learners that are not emitted."""
        at = np.flatnonzero(records["disposition"].to_numpy() != Disposition.EMITTED)
        if not len(at):
            return
        rows = {name: records[name].to_numpy()[at] for name in ("disposition", "fault", "learner", "hundredths")}
        rows["slug"] = course_texts(self.courses.slugs, records["course"].to_numpy()[at])
        unmapped = rows["disposition"] == Disposition.UNMAPPED_COURSE
        self.unmapped.update(rows["slug"][unmapped])
        aside = IS_SET_ASIDE[rows["disposition"]] & ~unmapped
        self._add_set_aside({name: values[aside] for name, values in rows.items()}, learners)
        self._add_left_out({name: values[~aside] for name, values in rows.items()}, learners)

    def _add_set_aside(self, rows: Rows, learners: pd.DataFrame) -> None:
        """List a line for each record; one for all of a learner where the fault is the learner's."""
        whole = IS_OF_THE_LEARNER[rows["disposition"]] & (not self.one_course)
        at, records = _lines(rows["learner"], whole)
        dispositions, faults = (rows[name][at].tolist() for name in ("disposition", "fault"))
        slugs = np.where(whole[at], "", rows["slug"][at])
        lines = zip(*_people(learners, rows["learner"][at]), slugs, records.tolist(), strict=True)
        for number, fault, line in zip(dispositions, faults, lines, strict=True):
            disposition = Disposition(number)
            detail = disposition.meaning.detail
            if fault >= 0:
                detail = f"{self.columns[fault]}: {detail}"
            self._csv.writerow(escape_formulas([disposition.reason, detail, *line]))

    def _add_left_out(self, rows: Rows, learners: pd.DataFrame) -> None:
        """Keep the records that set_aside.csv has no lines for: withheld, merged, or of unmapped courses."""
        if not len(rows["disposition"]):
            return
        dispositions = [Disposition(number) for number in rows["disposition"].tolist()]
        emails, ids = _people(learners, rows["learner"])
        table = {
            "place": [disposition.meaning.group.value for disposition in dispositions],
            "reason": [disposition.reason for disposition in dispositions],
            "email": emails,
            "employee_id": ids,
            "course": rows["slug"],
            "percent_complete": rows["hundredths"] / 100,
        }
        self._left_out.write_table(pa.table(table, schema=LEFT_OUT))


def _people(learners: pd.DataFrame, who: Ints) -> tuple[list[str | None], list[str | None]]:
    at = pa.array(who)
    emails, ids = (text_array(learners[name]).take(at).to_pylist() for name in ("email", "employee_id"))
    return emails, ids


def _lines(learner: Ints, whole: Bools) -> tuple[Ints, Ints]:
    """Return the rows to list, and how many records each stands for: one a learner where `whole`."""
    of_learners, alone = np.flatnonzero(whole), np.flatnonzero(~whole)
    begins = np.flatnonzero(np.diff(learner[of_learners], prepend=-1))
    at = np.concatenate([of_learners[begins], alone])
    records = np.concatenate([np.diff(begins, append=len(of_learners)), np.ones(len(alone), dtype=np.int64)])
    order = np.argsort(at)
    return at[order], records[order]


def escape_formulas(cells: list[Any]) -> list[Any]:
    """Keep a spreadsheet from taking a cell for a formula; some overlook blanks before it."""
    texts = [cell if isinstance(cell, str) or not pd.isna(cell) else "" for cell in cells]
    return [f"'{text}" if isinstance(text, str) and text.lstrip().startswith(FORMULA) else text for text in texts]

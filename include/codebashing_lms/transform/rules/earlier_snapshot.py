"""The nearest snapshot read before a past date, as narrow columns of numbers: a row a learner.

Learners are found by employee ID, as in the LMS.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.dates import YEARS
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.streaming.json_file import decode_leniently, read_chunks
from include.codebashing_lms.streaming.json_splitter import RecordSplitter
from include.codebashing_lms.transform.decode.record_decoder import RecordDecoder
from include.codebashing_lms.transform.decode.source_keys import SourceKeys
from include.codebashing_lms.transform.lms_file.courses import NO_SLUG, Courses
from include.codebashing_lms.transform.records.columns import Bools, Ints
from include.codebashing_lms.transform.records.dates import Dates
from include.codebashing_lms.transform.records.dispositions import Disposition
from include.codebashing_lms.transform.rules.learners import IdentityRules, read_learners
from include.codebashing_lms.transform.rules.progress import course_records, keep_true_dates, primary_records

ABSENT = -1
NO_DATE = 0
EPOCH = np.datetime64(f"{YEARS.start}-01-01", "us")
SECOND = np.timedelta64(1, "s")
NOBODY = -1  # the last row of the tables, which is empty
OF_PRIMARY = ("course", "lessons_completed", "lessons_total")


@dataclass(frozen=True)
class EarlierSnapshotRef:
    """The file of the nearest snapshot read before the as-of, and its metadata."""

    snapshot: StagedPath
    sha256: str
    read_at: datetime
    fields: list[str] | None


@dataclass(frozen=True)
class EarlierValues:
    """The values of the earlier snapshot for some records of the later one, a row a record.

    :param there: the learner is in the earlier snapshot.
    :param twice: the learner is in it more than once.
    :param progress: as `progress_of`, ABSENT for a learner who is not on that course.
    :param date: of completion, to the second.
    :param lessons_completed: lessons of the primary course, ABSENT for none.
    """

    there: Bools
    twice: Bools
    progress: Ints
    date: Dates
    lessons_completed: Ints
    lessons_total: Ints


def progress_of(records: pd.DataFrame) -> Ints:
    """Return progress as one number that rises with the first lesson, even where that is 0.00 %."""
    return np.asarray(records["hundredths"].to_numpy() + records["started"].to_numpy(), dtype=np.int64)


def to_seconds(dates: Dates) -> Dates:
    """Return dates as the table of dates can hold them."""
    return _from_codes(_codes(dates))


def _codes(dates: Dates) -> Ints:
    """Return dates as 32 bits: seconds since EPOCH until 2068, twice, and odd for an instant; or NO_DATE."""
    seconds = np.clip((dates.at - EPOCH).astype("timedelta64[s]").astype(np.int64), 0, (1 << 31) - 1)
    return np.where(np.isnat(dates.at), NO_DATE, 2 * seconds + np.where(dates.is_day, 2, 1))


def _from_codes(codes: Ints) -> Dates:
    is_day = (codes != NO_DATE) & (codes % 2 == 0)
    at = EPOCH + (codes - 1) // 2 * SECOND
    return Dates(at, is_day).without(codes == NO_DATE)


class EarlierSnapshot:
    """The learners of a snapshot read before the as-of.

    :param read_at: when it was read.
    :param courses: the courses met so far, so that a course has the same number here and there.
    :param one_course: records are of primary courses: one column is enough.
    """

    def __init__(self, read_at: datetime, courses: Courses, one_course: bool) -> None:
        self.read_at, self.one_course = read_at, one_course
        self.courses = replace(courses, numbers=dict(courses.numbers))
        self._parts: list[dict[str, Any]] = []

    def read(self, path: Path, connector: Connector, rules: IdentityRules) -> None:
        """Add every learner of the snapshot file who has an employee ID."""
        keys = SourceKeys(connector)
        listed = connector.courses if isinstance(connector.courses, list) else []
        read_keys = [keys.employee_id, keys.email, keys.active_at]
        read_keys += [keys.completed, keys.total, keys.course] if self.one_course else []
        decoder = RecordDecoder(connector, read_keys, listed)
        splitter = RecordSplitter(connector.source.records_path, decoder.decode, decode_leniently)
        for batch in decoder.batches(read_chunks(path, splitter)):
            if self.one_course:
                records = primary_records(batch, keys, self.courses)
            else:
                records = course_records(batch, self.courses)
            records = keep_true_dates(records, self.read_at, keys.zone, Counter())
            self._parts.append(self._narrow(read_learners(batch, keys, rules), records))
        self._join()

    def _narrow(self, learners: pd.DataFrame, records: pd.DataFrame) -> dict[str, Any]:
        known_records = records[records["disposition"].isin((Disposition.EMITTED, Disposition.NO_COURSE))]
        learner, course = (known_records["learner"].to_numpy(), self._column_of(known_records["course"].to_numpy()))
        table = len(learners), self._width()
        progress, date = np.full(table, ABSENT, np.int16), np.full(table, NO_DATE, np.uint32)
        progress[learner, course] = progress_of(known_records)
        date[learner, course] = _codes(Dates.of(known_records, "completed"))
        columns: dict[str, npt.NDArray[Any]] = {"progress": progress, "date": date}
        for name in OF_PRIMARY:
            columns[name] = np.full(len(learners), ABSENT)
            columns[name][learner] = known_records[name].to_numpy()
        known = (learners["disposition"] == Disposition.EMITTED).to_numpy()
        ids = learners.loc[known, "employee_id"].astype("str")
        return {"ids": ids, **{name: column[known] for name, column in columns.items()}}

    def _column_of(self, course: Ints) -> Ints:
        return 0 * course if self.one_course else course - NO_SLUG  # no number is below that of NO_SLUG

    def _width(self) -> int:
        return 1 if self.one_course else len(self.courses.numbers) - NO_SLUG

    def _join(self) -> None:
        ids = pd.concat([pd.Series(dtype="str"), *(part.pop("ids") for part in self._parts)])
        first = ~ids.duplicated().to_numpy()
        self._ids = pd.Index(ids[first])
        self._rows = np.append(np.flatnonzero(first), NOBODY)
        self._twice = np.append(ids.duplicated(keep=False).to_numpy(), False)
        self._progress = self._table("progress", len(ids), np.int16, ABSENT)
        self._date = self._table("date", len(ids), np.uint32, NO_DATE)
        self._course, self._completed, self._total = map(self._of_learners, OF_PRIMARY)
        self._parts.clear()

    def _table(self, name: str, learners: int, dtype: Any, nothing: int) -> npt.NDArray[Any]:
        """Move the parts into one table that ends with an empty row; later parts may have more courses."""
        whole, row = np.full((learners + 1, self._width()), nothing, dtype), 0
        for part in self._parts:
            values = part.pop(name)
            whole[row : row + len(values), : values.shape[1]] = values
            row += len(values)
        return whole

    def _of_learners(self, name: str) -> Ints:
        return np.concatenate([*(part.pop(name) for part in self._parts), np.array([ABSENT])])

    def find(self, records: pd.DataFrame, learners: pd.DataFrame) -> EarlierValues:
        """Return the earlier values of each of a batch of later records, by employee ID and course."""
        positions = self._ids.get_indexer(pd.Index(learners["employee_id"].astype("str")))
        row = self._rows[positions][records["learner"].to_numpy()]
        course = records["course"].to_numpy()
        column = self._column_of(course)
        progress = self._progress[row, column].astype(np.int64)
        return EarlierValues(
            there=row != NOBODY,
            twice=self._twice[row],
            progress=np.where(self.one_course & (self._course[row] != course), ABSENT, progress),
            date=_from_codes(self._date[row, column].astype(np.int64)),
            lessons_completed=self._completed[row],
            lessons_total=self._total[row],
        )

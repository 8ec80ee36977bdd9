"""The numbers of the manifest: every record by disposition, and statistics about learners for the page.

They are counted while the second pass handles the records. So a page over hundreds of runs reads manifests
and no rows.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from include.codebashing_lms.transform.guards import LearnerTotals
from include.codebashing_lms.transform.lms_file.courses import NO_SLUG
from include.codebashing_lms.transform.manifest import LearnerNumbers, RecordNumbers, Statistics
from include.codebashing_lms.transform.records.columns import DONE, STATUSES, Bools, Ints, statuses, text_array
from include.codebashing_lms.transform.records.dispositions import MERGED, SET_ASIDE, WITHHELD, Disposition

BANDS = 12  # nothing done, ten of ten percent each, all done
BAND_OF = np.append(1 + np.arange(DONE) // 1000, BANDS - 1).astype(np.int8)  # of hundredths
STATUS_OF = [0, *[1] * (BANDS - 2), 2]  # of bands
# The pictures show the progress of learners that the LMS is sent, or would be sent.
REPORTED = (Disposition.EMITTED, Disposition.BELOW_THRESHOLD, Disposition.MISSING_COMPLETED_DATE)
IS_REPORTED = np.isin(np.arange(len(Disposition)), REPORTED)
SET_ASIDE_WITH_ID = [disposition for disposition in SET_ASIDE if disposition != Disposition.MISSING_EMPLOYEE_ID]


@dataclass(frozen=True)
class BatchCounts:
    """The numbers of one batch of checked records.

    :param bands: number of records per band and disposition.
    :param courses: how many REPORTED records there are by course and status; the first course is NO_SLUG, the
        lowest number.
    :param has: for each learner and disposition, whether one of the learner's records has it.
    """

    bands: Ints
    courses: Ints
    has: Bools

    @classmethod
    def of(cls, learners: int, records: pd.DataFrame) -> "BatchCounts":
        """Count the records of a batch with `learners` learners."""
        disposition, status = records["disposition"].to_numpy(), statuses(records)
        band = BAND_OF.take(records["hundredths"].to_numpy()) * (status > 0)
        bands = np.bincount(band * np.int32(len(Disposition)) + disposition, minlength=BANDS * len(Disposition))
        course = records["course"].to_numpy() - NO_SLUG
        reported = (course * len(STATUSES) + status)[IS_REPORTED.take(disposition)]
        courses = np.bincount(reported, minlength=(int(course.max(initial=0)) + 1) * len(STATUSES))
        has = np.zeros(learners * len(Disposition), dtype=np.bool_)
        has[records["learner"].to_numpy() * np.int64(len(Disposition)) + disposition] = True
        by_disposition, by_status = (-1, len(Disposition)), (-1, len(STATUSES))
        return cls(bands.reshape(by_disposition), courses.reshape(by_status), has.reshape(by_disposition))


class RecordCounts:
    """The records of all batches by disposition, and learners as the guards count them."""

    def __init__(self) -> None:
        self.learners = 0
        self.read = 0
        self.dispositions: Counter[int] = Counter()
        self.status: Counter[str] = Counter(dict.fromkeys(STATUSES, 0))
        self.learners_missing_id = 0
        self.learners_set_aside = 0

    def add(self, batch: BatchCounts) -> None:
        """Add a batch of checked records."""
        self.learners += len(batch.has)
        self.read += int(batch.bands.sum())
        for number, times in enumerate(batch.bands.sum(axis=0).tolist()):
            self.dispositions[number] += times
        for band, times in enumerate(batch.bands[:, Disposition.EMITTED].tolist()):
            self.status[STATUSES[STATUS_OF[band]]] += times
        self.learners_missing_id += int(batch.has[:, Disposition.MISSING_EMPLOYEE_ID].sum())
        self.learners_set_aside += int(batch.has[:, SET_ASIDE_WITH_ID].any(axis=1).sum())

    def learner_totals(self) -> LearnerTotals:
        """Return the learners as the guards count them."""
        return LearnerTotals(self.learners, self.learners_missing_id, self.learners_set_aside)

    def records(self) -> RecordNumbers:
        """Return the records by what becomes of them."""
        return RecordNumbers(
            read=self.read,
            emitted=self.dispositions[Disposition.EMITTED],
            withheld=self._by_reason(WITHHELD),
            set_aside=self._by_reason(SET_ASIDE),
            merged=sum(self.dispositions[disposition] for disposition in MERGED),
        )

    def _by_reason(self, dispositions: tuple[Disposition, ...]) -> dict[str, int]:
        return {
            disposition.reason: int(self.dispositions[disposition])
            for disposition in dispositions
            if self.dispositions[disposition]
        }


class LearnerStatistics:
    """The learners of all batches; a batch holds all records of its learners."""

    def __init__(self) -> None:
        self.learners: Ints = np.zeros(len(Disposition), dtype=np.int64)
        self.bands: Ints = np.zeros(BANDS, dtype=np.int64)
        self.courses: Counter[tuple[int, int]] = Counter()
        self.with_id = 0
        self.without_id: Counter[str] = Counter()

    def add(self, learners: pd.DataFrame, batch: BatchCounts) -> None:
        """Add a batch of learners and their checked records."""
        self.learners += batch.has.sum(axis=0)
        self._add_ids(learners)
        self.bands += batch.bands[:, REPORTED].sum(axis=1)
        for number, status in np.argwhere(batch.courses).tolist():
            course = max(number + NO_SLUG, -1)
            self.courses[course, status] += int(batch.courses[number, status])

    def _add_ids(self, learners: pd.DataFrame) -> None:
        ids, disposition = text_array(learners["employee_id"]), learners["disposition"].to_numpy()
        same = pc.equal(ids, pc.utf8_lower(text_array(learners["email"])))  # identity.on_missing: use_email
        by_email = same.fill_null(False).to_numpy(zero_copy_only=False)
        without = (disposition == Disposition.MISSING_EMPLOYEE_ID) | ((disposition == Disposition.EMITTED) & by_email)
        self.with_id += int((ids.is_valid().to_numpy(zero_copy_only=False) & ~without).sum())
        days = learners.loc[without, "active_at"].to_numpy().astype("datetime64[D]")
        for day, count in zip(*np.unique(days, return_counts=True), strict=True):
            self.without_id["" if np.isnat(day) else str(day)] += int(count)

    def summary(self, slugs: list[str]) -> Statistics:
        """Return the statistics for the manifest."""
        courses: dict[str, list[int]] = {}
        for (course, status), count in sorted(self.courses.items()):
            name = slugs[course] if course >= 0 else ""
            courses.setdefault(name, [0] * len(STATUSES))[status] += count
        learners = LearnerNumbers(
            emitted=int(self.learners[Disposition.EMITTED]),
            withheld=self._by_reason(WITHHELD),
            set_aside=self._by_reason(SET_ASIDE),
            merged=self._by_reason(MERGED),
        )
        without_id = dict(sorted(self.without_id.items()))
        return Statistics(learners, courses, self.bands.tolist(), self.with_id, without_id)

    def _by_reason(self, dispositions: tuple[Disposition, ...]) -> dict[str, int]:
        return {
            disposition.reason: int(self.learners[disposition])
            for disposition in dispositions
            if self.learners[disposition]
        }

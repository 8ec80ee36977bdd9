"""Counts what became of every record, and holds that the numbers add up."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from include.codebashing_lms.transform.fates import MERGED, SET_ASIDE, WITHHELD, Fate
from include.codebashing_lms.transform.guards import Census
from include.codebashing_lms.transform.progress import NO_SLUG
from include.codebashing_lms.transform.rows import STATUSES, statuses
from include.codebashing_lms.transform.values import DONE, Bools, Ints

BANDS = 12  # nothing done, ten of ten percent each, all done
BAND_OF = np.append(1 + np.arange(DONE) // 1000, BANDS - 1).astype(np.int8)  # of hundredths
STATUS_OF = [0, *[1] * (BANDS - 2), 2]  # of bands
# Of whom the LMS is told, or would be: their progress is what the pictures show.
TOLD = (Fate.EMITTED, Fate.BELOW_THRESHOLD, Fate.MISSING_COMPLETED_DATE)
IS_TOLD = np.isin(np.arange(len(Fate)), TOLD)
SET_ASIDE_WITH_ID = [fate for fate in SET_ASIDE if fate != Fate.MISSING_EMPLOYEE_ID]


@dataclass(frozen=True)
class Counted:
    """A batch of judged records, counted once for all who want to know.

    :param bands: how many records there are by band and fate.
    :param courses: how many of TOLD there are by course (the first is NO_SLUG, the lowest number) and status.
    :param met: for each learner and fate, whether one of the learner's records has it.
    """

    bands: Ints
    courses: Ints
    met: Bools

    @classmethod
    def of(cls, learners: int, records: pd.DataFrame) -> "Counted":
        """Count the records of so many learners."""
        fate, status = records["fate"].to_numpy(), statuses(records)
        band = BAND_OF.take(records["hundredths"].to_numpy()) * (status > 0)
        bands = np.bincount(band * np.int32(len(Fate)) + fate, minlength=BANDS * len(Fate))
        course = records["course"].to_numpy() - NO_SLUG
        told = (course * len(STATUSES) + status)[IS_TOLD.take(fate)]
        courses = np.bincount(told, minlength=(int(course.max(initial=0)) + 1) * len(STATUSES))
        met = np.zeros(learners * len(Fate), dtype=np.bool_)
        met[records["learner"].to_numpy() * np.int64(len(Fate)) + fate] = True
        by_fate, by_status = (-1, len(Fate)), (-1, len(STATUSES))
        return cls(bands.reshape(by_fate), courses.reshape(by_status), met.reshape(by_fate))


class Tally:
    """The manifest's numbers, added up batch by batch."""

    def __init__(self) -> None:
        self.learners = 0
        self.read = 0
        self.fates: Counter[int] = Counter()
        self.status: Counter[str] = Counter(dict.fromkeys(STATUSES, 0))
        self.learners_missing_id = 0
        self.learners_set_aside = 0

    def add(self, batch: Counted) -> None:
        """Add a batch of judged records."""
        self.learners += len(batch.met)
        self.read += int(batch.bands.sum())
        for number, times in enumerate(batch.bands.sum(axis=0).tolist()):
            self.fates[number] += times
        for band, times in enumerate(batch.bands[:, Fate.EMITTED].tolist()):
            self.status[STATUSES[STATUS_OF[band]]] += times
        self.learners_missing_id += int(batch.met[:, Fate.MISSING_EMPLOYEE_ID].sum())
        self.learners_set_aside += int(batch.met[:, SET_ASIDE_WITH_ID].any(axis=1).sum())

    def census(self) -> Census:
        """Return the learners as the guards count them."""
        return Census(self.learners, self.learners_missing_id, self.learners_set_aside)

    def records(self) -> dict[str, Any]:
        """Return the records by their place: read = emitted + withheld + set aside + merged."""
        return {
            "read": self.read,
            "emitted": self.fates[Fate.EMITTED],
            "withheld": self._by_reason(WITHHELD),
            "set_aside": self._by_reason(SET_ASIDE),
            "merged": sum(self.fates[fate] for fate in MERGED),
        }

    def _by_reason(self, fates: tuple[Fate, ...]) -> dict[str, int]:
        return {fate.reason: int(self.fates[fate]) for fate in fates if self.fates[fate]}

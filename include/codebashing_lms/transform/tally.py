"""Counts what became of every record, and holds that the numbers add up."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from include.codebashing_lms.transform.fates import MERGED, SET_ASIDE, WITHHELD, Fate
from include.codebashing_lms.transform.guards import Census
from include.codebashing_lms.transform.rows import STATUSES, statuses

IS_SET_ASIDE = np.isin(np.arange(len(Fate)), SET_ASIDE)


class Tally:
    """The manifest's numbers, added up batch by batch."""

    def __init__(self) -> None:
        self.learners = 0
        self.read = 0
        self.fates: Counter[int] = Counter()
        self.status: Counter[str] = Counter(dict.fromkeys(STATUSES, 0))
        self.learners_missing_id = 0
        self.learners_set_aside = 0

    def add(self, learners: int, rows: pd.DataFrame) -> None:
        """Count a batch of judged records."""
        self.learners += learners
        self.read += len(rows)
        fate, learner = rows["fate"].to_numpy(), rows["learner"].to_numpy()
        for number, times in enumerate(np.bincount(fate, minlength=len(Fate)).tolist()):
            self.fates[number] += times
        status = statuses(rows)[fate == Fate.EMITTED]
        for name, times in zip(STATUSES, np.bincount(status, minlength=3).tolist(), strict=True):
            self.status[name] += times
        missing = fate == Fate.MISSING_EMPLOYEE_ID
        self.learners_missing_id += len(np.unique(learner[missing]))
        self.learners_set_aside += len(np.unique(learner[IS_SET_ASIDE[fate] & ~missing]))

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

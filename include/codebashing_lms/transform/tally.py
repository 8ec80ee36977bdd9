"""Counts what became of every record, and holds that the numbers add up."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from include.codebashing_lms.transform.fates import MERGED, SET_ASIDE, WITHHELD, Fate
from include.codebashing_lms.transform.guards import Census
from include.codebashing_lms.transform.rows import STATUSES, statuses


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
        for fate, times in enumerate(np.bincount(rows["fate"], minlength=len(Fate)).tolist()):
            self.fates[fate] += times
        emitted = rows[rows["fate"] == Fate.EMITTED]
        for name, times in zip(STATUSES, np.bincount(statuses(emitted), minlength=3).tolist(), strict=True):
            self.status[name] += times
        missing = rows["fate"] == Fate.MISSING_EMPLOYEE_ID
        other = rows["fate"].isin(SET_ASIDE) & ~missing
        self.learners_missing_id += rows.loc[missing, "learner"].nunique()
        self.learners_set_aside += rows.loc[other, "learner"].nunique()

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

"""Figures of a run for people: learners by what became of them, their progress, who has an employee ID.

Counted while the rows pass by, so that a page over hundreds of runs reads their manifests and no row.
"""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from include.codebashing_lms.transform.fates import MERGED, SET_ASIDE, WITHHELD, Fate
from include.codebashing_lms.transform.progress import NO_SLUG
from include.codebashing_lms.transform.rows import STATUSES, text_array
from include.codebashing_lms.transform.tally import BANDS, TOLD, Counted
from include.codebashing_lms.transform.values import Ints


class Figures:
    """Added up batch by batch; a batch holds all records of its learners."""

    def __init__(self) -> None:
        self.learners: Ints = np.zeros(len(Fate), dtype=np.int64)
        self.bands: Ints = np.zeros(BANDS, dtype=np.int64)
        self.courses: Counter[tuple[int, int]] = Counter()
        self.with_id = 0
        self.without_id: Counter[str] = Counter()

    def add(self, learners: pd.DataFrame, counted: Counted) -> None:
        """Add a batch of learners and their judged records."""
        self.learners += counted.met.sum(axis=0)
        self._add_ids(learners)
        self.bands += counted.bands[:, TOLD].sum(axis=1)
        for number, status in np.argwhere(counted.courses).tolist():
            course = max(number + NO_SLUG, -1)
            self.courses[course, status] += int(counted.courses[number, status])

    def _add_ids(self, learners: pd.DataFrame) -> None:
        """Tell learners with an employee ID from those without, these by the day of their last activity."""
        ids, fate = text_array(learners["employee_id"]), learners["fate"].to_numpy()
        same = pc.equal(ids, pc.utf8_lower(text_array(learners["email"])))  # identity.on_missing: use_email
        by_email = same.fill_null(False).to_numpy(zero_copy_only=False)
        without = (fate == Fate.MISSING_EMPLOYEE_ID) | ((fate == Fate.EMITTED) & by_email)
        self.with_id += int((ids.is_valid().to_numpy(zero_copy_only=False) & ~without).sum())
        days = learners.loc[without, "active_at"].to_numpy().astype("datetime64[D]")
        for day, count in zip(*np.unique(days, return_counts=True), strict=True):
            self.without_id["" if np.isnat(day) else str(day)] += int(count)

    def shown(self, slugs: list[str]) -> dict[str, Any]:
        """Return them for the manifest; `without_id` by the day of the last activity, "" for none."""
        courses: dict[str, list[int]] = {}
        for (course, status), count in sorted(self.courses.items()):
            name = slugs[course] if course >= 0 else ""
            courses.setdefault(name, [0] * len(STATUSES))[status] += count
        return {
            "learners": {
                "emitted": int(self.learners[Fate.EMITTED]),
                "withheld": self._by_reason(WITHHELD),
                "set_aside": self._by_reason(SET_ASIDE),
                "merged": self._by_reason(MERGED),
            },
            "courses": courses,
            "bands": self.bands.tolist(),
            "with_id": self.with_id,
            "without_id": dict(sorted(self.without_id.items())),
        }

    def _by_reason(self, fates: tuple[Fate, ...]) -> dict[str, int]:
        return {fate.reason: int(self.learners[fate]) for fate in fates if self.learners[fate]}

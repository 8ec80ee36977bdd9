"""Figures of a run for people: learners by what became of them, their progress, who has an employee ID.

Counted while the rows pass by, so that a page over hundreds of runs reads their manifests and no row.
"""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from include.codebashing_lms.transform.fates import MERGED, SET_ASIDE, WITHHELD, Fate
from include.codebashing_lms.transform.rows import STATUSES, statuses, text_array
from include.codebashing_lms.transform.values import DONE, Ints

# Of whom the LMS is told, or would be: their progress is what the pictures show.
TOLD = (Fate.EMITTED, Fate.BELOW_THRESHOLD, Fate.MISSING_COMPLETED_DATE)
BANDS = 12  # nothing done, ten of ten percent each, all done

IS_TOLD = np.isin(np.arange(len(Fate)), TOLD)
BAND_OF = np.append(1 + np.arange(DONE) // 1000, BANDS - 1).astype(np.int8)  # of hundredths


class Figures:
    """Added up batch by batch; a batch holds all records of its learners."""

    def __init__(self) -> None:
        self.learners: Ints = np.zeros(len(Fate), dtype=np.int64)
        self.bands: Ints = np.zeros(BANDS, dtype=np.int64)
        self.courses: Counter[tuple[int, int]] = Counter()
        self.with_id = 0
        self.without_id: Counter[str] = Counter()

    def add(self, learners: pd.DataFrame, records: pd.DataFrame) -> None:
        """Count a batch of learners and their judged records."""
        self._add_learners(len(learners), records)
        self._add_ids(learners)
        told = np.flatnonzero(IS_TOLD[records["fate"].to_numpy()])
        status = statuses(records)[told]
        bands = np.where(status == 0, np.int8(0), BAND_OF[records["hundredths"].to_numpy()[told]])
        self.bands += np.bincount(bands, minlength=BANDS)
        course = np.maximum(records["course"].to_numpy()[told], -1).astype(np.int64)
        counts = np.bincount((course + 1) * len(STATUSES) + status)
        for at in np.flatnonzero(counts).tolist():
            number, place = divmod(at, len(STATUSES))
            self.courses[number - 1, place] += int(counts[at])

    def _add_learners(self, learners: int, records: pd.DataFrame) -> None:
        """Count learners, not records: each once under every fate that one of their records has."""
        met = np.zeros(learners * len(Fate), dtype=np.bool_)
        met[records["learner"].to_numpy() * np.int64(len(Fate)) + records["fate"].to_numpy()] = True
        self.learners += met.reshape(learners, len(Fate)).sum(axis=0)

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

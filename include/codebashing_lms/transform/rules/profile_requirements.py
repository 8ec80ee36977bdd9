"""What the profile requires of a record that no other rule stops."""

from datetime import datetime, tzinfo

import numpy as np
import pandas as pd

from include.codebashing_lms.config.profiles.contract import Contract
from include.codebashing_lms.transform.lms_file.writer import LmsFile
from include.codebashing_lms.transform.records.columns import DONE, NO_INSTANT, Bools
from include.codebashing_lms.transform.records.dates import Dates, midnight
from include.codebashing_lms.transform.records.dispositions import Disposition

NO_COLUMN = -1


class ProfileRequirements:
    """Withholds records that the LMS does not take, and sets aside records that it could not read.

    :param file: the file that must be able to hold the values.
    """

    def __init__(self, contract: Contract, zone: tzinfo, as_of: datetime, file: LmsFile) -> None:
        self.contract, self.zone, self.file = contract, zone, file
        self._today = midnight(as_of.astimezone(zone).date(), zone)

    def apply(self, learners: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
        """Return records with their final disposition, and `fault`: the column that cannot hold a value."""
        disposition = records["disposition"].to_numpy(copy=True)
        for reason, found in self._reasons(learners, records):
            disposition[(disposition == Disposition.EMITTED) & found] = reason
        fault = np.full(len(records), NO_COLUMN, dtype=np.int8)
        if self.file.may_be_unwritable:
            left = np.flatnonzero(disposition == Disposition.EMITTED)
            fault[left] = self.file.unwritable(records.iloc[left], learners)
            disposition[fault != NO_COLUMN] = Disposition.INVALID_VALUE
        if self.contract.only_past_days:
            recent = Dates.of(records, "completed").beginnings(self.zone) >= self._today
            disposition[(disposition == Disposition.EMITTED) & recent] = Disposition.TOO_RECENT
        return records.assign(disposition=disposition, fault=fault)

    def _reasons(self, learners: pd.DataFrame, records: pd.DataFrame) -> list[tuple[Disposition, Bools]]:
        done = (records["hundredths"] == DONE).to_numpy()
        reasons = []
        if self.contract.emits == "completion":
            reasons.append((Disposition.BELOW_THRESHOLD, ~done))
        if self.contract.skips_not_started:
            reasons.append((Disposition.BELOW_THRESHOLD, ~done & ~records["started"].to_numpy()))
        if self.contract.needs_completion_date:
            reasons.append((Disposition.MISSING_COMPLETED_DATE, done & records["completed_at"].isna().to_numpy()))
        if self.contract.completed_from:
            reasons.append((Disposition.INVALID_VALUE, self._too_early(records)))
        nobody = learners["user_key"].isna().to_numpy(dtype=np.bool_)
        if nobody.any():
            reasons.append((Disposition.UNMAPPED_USER, nobody[records["learner"].to_numpy()]))
        return reasons

    def _too_early(self, records: pd.DataFrame) -> Bools:
        courses = self.file.courses
        entries = [courses.entry(slug) for slug in courses.slugs]
        days = [getattr(entry, str(self.contract.completed_from), None) for entry in entries]
        first = np.array([midnight(day, self.zone) if day else NO_INSTANT for day in [*days, None]])
        numbers = records["course"].to_numpy()
        limits = first[np.where(numbers < 0, len(days), numbers)]
        early: Bools = Dates.of(records, "completed").beginnings(self.zone) < limits
        return early

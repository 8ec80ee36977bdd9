"""The rules of a reconstructed date: which records of a later snapshot were certainly true at the as-of.

The rules alter no value: a record is emitted as it was read, or withheld. They rest on ASSUMPTIONS. Where the
nearest earlier snapshot contradicts an assumption for a record, the record is withheld.
"""

from datetime import datetime

import numpy as np
import pandas as pd

from include.codebashing_lms.transform.decode.batches import Batch
from include.codebashing_lms.transform.decode.instants import ParsedInstants, instants
from include.codebashing_lms.transform.decode.source_keys import SourceKeys
from include.codebashing_lms.transform.records.columns import DONE, NO_INSTANT, Bools, Instants, utc64
from include.codebashing_lms.transform.records.dispositions import Disposition
from include.codebashing_lms.transform.rules.earlier_snapshot import (
    ABSENT,
    NO_DATE,
    EarlierSnapshot,
    EarlierValues,
    progress_of,
    seconds_of,
)

ASSUMPTIONS = (
    "progress never falls",
    "nobody's course and no course's number of lessons changed between as_of and extracted_at",
)
FINISHED = DONE + 1  # as progress_of returns it
DAY = np.timedelta64(1, "D")


class AsOfRules:
    """The rules for one past date.

    :param as_of: the instant that the rows of the run are true for.
    :param one_course: records are of primary courses; a learner has one at a time.
    :param earlier: the nearest snapshot read before the as-of, None where there is none.
    """

    def __init__(self, as_of: datetime, one_course: bool, earlier: EarlierSnapshot | None) -> None:
        self.as_of = utc64(as_of)
        self.one_course = one_course
        self.earlier = earlier
        self.read_before = utc64(earlier.read_at if earlier else None)

    def withhold_uncertain(self, learners: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
        """Withhold the emitted records that are not certain."""
        people = learners.iloc[records["learner"].to_numpy()]
        created_by, active_by = people["created_by"].to_numpy(), people["active_by"].to_numpy()
        known = (
            (progress_of(records) == 0)
            | (active_by <= self.as_of)
            | (records["completed_by"].to_numpy() <= self.as_of)  # a date stands at 100 % only
        )
        if self.earlier:
            earlier = self.earlier.find(records, learners)
            known &= ~(
                self._contradicts(earlier, records, active_by)
                | self._may_be_new(earlier, records, created_by)
            )
        disposition = records["disposition"].to_numpy()
        reasons = np.select(
            [created_by > self.as_of, ~known], [Disposition.NOT_YET_A_USER, Disposition.UNKNOWN_AT_AS_OF], 0
        )
        return records.assign(
            disposition=np.where(disposition == Disposition.EMITTED, reasons, disposition).astype(np.int8)
        )

    def _contradicts(self, earlier: EarlierValues, records: pd.DataFrame, active_by: Instants) -> Bools:
        """Return where the earlier snapshot cannot be true together with this one and the assumptions."""
        found = _progress_disagrees(earlier, records, active_by <= self.read_before)
        found |= _dates_disagree(earlier, records, self.read_before)
        found |= earlier.lessons_total != records["lessons_total"].to_numpy()
        if self.one_course:
            found |= earlier.progress == ABSENT
        return (found & earlier.there) | earlier.twice

    def _may_be_new(self, earlier: EarlierValues, records: pd.DataFrame, created_by: Instants) -> Bools:
        """Return which records at 0 % may be newer than the as-of: the earlier snapshot lacks them."""
        was_there = ~earlier.there & (created_by <= self.as_of)
        new: Bools = (earlier.progress == ABSENT) & (progress_of(records) == 0) & ~was_there
        return new

    def hide_after_as_of(
        self, learners: pd.DataFrame, records: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame, int]:
        """Blank instants after the as-of; also return how many completions lose their date."""
        active_at, completed_at = learners["active_at"].to_numpy(), records["completed_at"].to_numpy()
        late = completed_at > self.as_of
        undated = int((late & (records["disposition"] == Disposition.EMITTED).to_numpy()).sum())
        learners = learners.assign(active_at=np.where(active_at > self.as_of, NO_INSTANT, active_at))
        return learners, records.assign(completed_at=np.where(late, NO_INSTANT, completed_at)), undated


def add_latest_possible_learners(learners: pd.DataFrame, batch: Batch, keys: SourceKeys) -> pd.DataFrame:
    """Return learners with the latest possible instants of their last activity and of their account."""
    active, nothing = instants(batch.columns[keys.active_at]), np.full(len(learners), NO_INSTANT)
    created_by = _latest(instants(batch.columns[keys.created_at])) if keys.created_at else nothing
    return learners.assign(active_by=_latest(active), created_by=created_by)


def _latest(values: ParsedInstants) -> Instants:
    """Return the latest instant that each value may mean: a day without a time may mean its end."""
    return np.where(values.whole_day, values.found + DAY, values.found)


def add_latest_possible_dates(records: pd.DataFrame) -> pd.DataFrame:
    """Return records with the latest possible instant of their completion."""
    completed_at = records["completed_at"].to_numpy()
    latest = np.where(records["date_is_day"].to_numpy(), completed_at + DAY, completed_at)
    return records.assign(completed_by=latest)


def _progress_disagrees(earlier: EarlierValues, records: pd.DataFrame, quiet: Bools) -> Bools:
    """Return where progress fell, or changed without an activity."""
    now = progress_of(records)
    fell = (earlier.progress > now) | (earlier.lessons_completed > records["lessons_completed"].to_numpy())
    disagrees: Bools = fell | (quiet & (earlier.progress != now))
    return disagrees


def _dates_disagree(earlier: EarlierValues, records: pd.DataFrame, read_at: np.datetime64) -> Bools:
    """Return where a completion date changed, or contradicts the progress in the earlier snapshot."""
    completed_at, completed_by = records["completed_at"].to_numpy(), records["completed_by"].to_numpy()
    moved = (earlier.date != NO_DATE) & (earlier.date != seconds_of(completed_at))
    finished = earlier.progress == FINISHED
    disagrees: Bools = moved | np.where(finished, completed_at > read_at, completed_by <= read_at)
    return disagrees

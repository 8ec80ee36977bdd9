"""The rules of a reconstructed date: which records of a later snapshot were certainly true at the as-of.

The rules alter no value: a record is emitted as it was read, or withheld. They rest on ASSUMPTIONS. Where the
nearest earlier snapshot contradicts an assumption for a record, the record is withheld.
"""

from collections import Counter
from datetime import datetime, tzinfo

import numpy as np
import pandas as pd

from include.codebashing_lms.transform.decode.batches import Batch
from include.codebashing_lms.transform.decode.dates import parse_dates
from include.codebashing_lms.transform.decode.source_keys import SourceKeys
from include.codebashing_lms.transform.records.columns import DONE, NO_INSTANT, Bools, Instants, utc64
from include.codebashing_lms.transform.records.dates import Dates
from include.codebashing_lms.transform.records.dispositions import Disposition
from include.codebashing_lms.transform.rules.earlier_snapshot import (
    ABSENT,
    EarlierSnapshot,
    EarlierValues,
    progress_of,
    to_seconds,
)

ASSUMPTIONS = (
    "progress never falls",
    "nobody's course and no course's number of lessons changed between as_of and extracted_at",
)
FINISHED = DONE + 1  # as progress_of returns it


class AsOfRules:
    """The rules for one past date.

    :param as_of: the instant that the rows of the run are true for.
    :param zone: time zone of the LMS, in which its days begin and end.
    :param one_course: records are of primary courses; a learner has one at a time.
    :param earlier: the nearest snapshot read before the as-of, None where there is none.
    """

    def __init__(self, as_of: datetime, zone: tzinfo, one_course: bool, earlier: EarlierSnapshot | None) -> None:
        self.as_of, self.zone = utc64(as_of), zone
        self.one_course = one_course
        self.earlier = earlier
        self.read_before = utc64(earlier.read_at if earlier else None)

    def withhold_uncertain(self, learners: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
        """Withhold the emitted records that are not certain."""
        learner = records["learner"].to_numpy()
        created_by = learners["created_by"].to_numpy()[learner]
        active_by = Dates.of(learners, "active").latest(self.zone)[learner]
        completed_by = Dates.of(records, "completed").latest(self.zone)
        known = (
            (progress_of(records) == 0)
            | (active_by <= self.as_of)
            | (completed_by <= self.as_of)  # a date stands at 100 % only
        )
        if self.earlier:
            earlier = self.earlier.find(records, learners)
            known &= ~(self._contradicts(earlier, records, active_by) | self._may_be_new(earlier, records, created_by))
        disposition = records["disposition"].to_numpy()
        reasons = np.select(
            [created_by > self.as_of, ~known], [Disposition.NOT_YET_A_USER, Disposition.UNKNOWN_AT_AS_OF], 0
        )
        return records.assign(
            disposition=np.where(disposition == Disposition.EMITTED, reasons, disposition).astype(np.int8)
        )

    def _contradicts(self, earlier: EarlierValues, records: pd.DataFrame, active_by: Instants) -> Bools:
        found = _progress_disagrees(earlier, records, active_by <= self.read_before)
        found |= _dates_disagree(earlier, records, self.read_before, self.zone)
        found |= earlier.lessons_total != records["lessons_total"].to_numpy()
        if self.one_course:
            found |= earlier.progress == ABSENT
        return (found & earlier.there) | earlier.twice

    def _may_be_new(self, earlier: EarlierValues, records: pd.DataFrame, created_by: Instants) -> Bools:
        """Return which records at 0 % may be newer than the as-of: the earlier snapshot lacks them."""
        was_there = ~earlier.there & (created_by <= self.as_of)
        new: Bools = (earlier.progress == ABSENT) & (progress_of(records) == 0) & ~was_there
        return new

    def hide_after_as_of(self, learners: pd.DataFrame, records: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, int]:
        """Blank dates after the as-of; also return how many completions lose their date."""
        active, completed = Dates.of(learners, "active"), Dates.of(records, "completed")
        late = completed.beginnings(self.zone) > self.as_of
        undated = int((late & (records["disposition"] == Disposition.EMITTED).to_numpy()).sum())
        active = active.without(active.beginnings(self.zone) > self.as_of)
        learners = learners.assign(**active.columns("active"))
        return learners, records.assign(**completed.without(late).columns("completed")), undated


def add_creation(learners: pd.DataFrame, batch: Batch, keys: SourceKeys, warnings: Counter[str]) -> pd.DataFrame:
    """Return learners with the latest instant at which their account may have been made, NaT for unknown."""
    if not keys.created_at:
        return learners.assign(created_by=np.full(len(learners), NO_INSTANT))
    created = parse_dates(batch.columns[keys.created_at], keys.zone)
    warnings["invalid_created_at"] += int(created.odd.sum())
    return learners.assign(created_by=created.found.latest(keys.zone))


def _progress_disagrees(earlier: EarlierValues, records: pd.DataFrame, quiet: Bools) -> Bools:
    now = progress_of(records)
    fell = (earlier.progress > now) | (earlier.lessons_completed > records["lessons_completed"].to_numpy())
    disagrees: Bools = fell | (quiet & (earlier.progress != now))
    return disagrees


def _dates_disagree(earlier: EarlierValues, records: pd.DataFrame, read_at: np.datetime64, zone: tzinfo) -> Bools:
    now = Dates.of(records, "completed")
    moved = ~np.isnat(earlier.date.at) & ~earlier.date.same_as(to_seconds(now), zone)
    finished = earlier.progress == FINISHED
    disagrees: Bools = moved | np.where(finished, now.earliest(zone) > read_at, now.latest(zone) <= read_at)
    return disagrees

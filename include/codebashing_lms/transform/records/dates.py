"""Columns of dates. A date of the source is an instant or a day, and stays so until a format writes it.

A frame holds dates as two columns, `<name>_at` and `<name>_is_day`. An instant is in UTC. A day is held as
its midnight, without a time zone: it is that day in every zone. Where an instant is needed, a day lies
between its beginning and its end in the zone of the LMS, or in UTC, as the source may have meant it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

import numpy as np
import pandas as pd

from include.codebashing_lms.transform.records.columns import NO_INSTANT, Bools, Instants, Ints, utc64

DAY = timedelta(days=1)
JUST_BEFORE = np.timedelta64(-1, "us")


@dataclass(frozen=True)
class Dates:
    """Dates in columns.

    :param at: instants in UTC, and midnights of days; NaT for none.
    :param is_day: which dates are days; False for none.
    """

    at: Instants
    is_day: Bools

    @classmethod
    def of(cls, frame: pd.DataFrame, name: str) -> "Dates":
        """Return the dates that two columns of a frame hold."""
        return cls(frame[f"{name}_at"].to_numpy(), frame[f"{name}_is_day"].to_numpy())

    def columns(self, name: str) -> dict[str, Any]:
        """Return the two columns of a frame."""
        return {f"{name}_at": self.at, f"{name}_is_day": self.is_day}

    def without(self, gone: Bools) -> "Dates":
        """Return the dates without some of them."""
        return Dates(np.where(gone, NO_INSTANT, self.at), self.is_day & ~gone)

    def beginnings(self, zone: tzinfo) -> Instants:
        """Return instants as they are, and the first instant of each day in a time zone."""
        return self._with_days(lambda day: midnight(day, zone))

    def earliest(self, zone: tzinfo) -> Instants:
        """Return the earliest instant that each date may mean: a day in UTC or in a time zone."""
        return self._with_days(lambda day: min(midnight(day, zone), midnight(day, UTC)))

    def latest(self, zone: tzinfo) -> Instants:
        """Return the latest instant that each date may mean: a day in UTC or in a time zone."""
        return self._with_days(lambda day: max(midnight(day + DAY, zone), midnight(day + DAY, UTC)) + JUST_BEFORE)

    def same_as(self, other: "Dates", zone: tzinfo) -> Bools:
        """Return which dates are the same: an instant and a day are, where the instant lies in that day."""
        same: Bools = (self.at == other.at) & (self.is_day == other.is_day)
        mixed = self.is_day != other.is_day
        if mixed.any():
            mixed &= self.earliest(zone) <= other.latest(zone)
            same |= mixed & (other.earliest(zone) <= self.latest(zone))
        return same

    def days(self) -> tuple[Ints, list[date]]:
        """Return the days that there are, and for each date that is a day the number of its day."""
        numbers, days = pd.factorize(self.at[self.is_day])
        found: Any = days.astype("datetime64[D]").tolist()
        return numbers, found

    def _with_days(self, instant_of: Callable[[date], np.datetime64]) -> Instants:
        if not self.is_day.any():
            return self.at
        numbers, days = self.days()
        at = self.at.copy()
        at[self.is_day] = np.array([instant_of(day) for day in days])[numbers]
        return at


def beginning(at: date, zone: tzinfo) -> np.datetime64:
    """Return an instant as it is, or the first instant of a day in a time zone."""
    return utc64(at) if isinstance(at, datetime) else midnight(at, zone)


def midnight(day: date, zone: tzinfo) -> np.datetime64:
    """Return the first instant of a day in a time zone, of any year that a date may have."""
    offset = datetime.combine(day, time(), zone).utcoffset()
    return np.datetime64(day, "us") - np.timedelta64(offset or 0, "us")

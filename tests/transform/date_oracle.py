"""A second, slow reading of dates: value by value, sharing no code with the product."""

import re
from datetime import UTC, date, datetime, timedelta
from functools import cache

WRITTEN = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:[ Tt](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
FIRST, LAST = 2000, 2261


class NoDate(Exception):
    """A value is no date, or none that can be."""


def read(value, zone):
    """Return a date for a day, a datetime for an instant, None for nothing."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    found = WRITTEN.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise NoDate
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        if hour is None:
            at = date(int(year), int(month), int(day))
            return possible(at, at.year)
        micro = int((fraction or "0").ljust(6, "0")[:6])
        whole = map(int, (year, month, day, hour, minute, second or 0))
        at = datetime(*whole, micro, tzinfo=UTC)
        if offset not in (None, "Z"):
            ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:]))
            at = at - ahead if offset[0] == "+" else at + ahead
        return possible(at, at.year, at.astimezone(zone).year)
    except (ValueError, OverflowError):
        raise NoDate from None


def possible(at, *years):
    if not all(FIRST <= year <= LAST for year in years):
        raise NoDate
    return at


@cache
def begin(at, zone):
    """Return an instant as it is, and the first instant at which a day has come in a time zone."""
    if isinstance(at, datetime):
        return at
    instant = datetime(at.year, at.month, at.day, tzinfo=UTC) - timedelta(hours=15)
    while instant.astimezone(zone).date() < at:
        instant += timedelta(minutes=15)
    return instant


def written(at, zone):
    """Return what `%Y-%m-%dT%H:%M:%S` writes."""
    if at is None:
        return ""
    if not isinstance(at, datetime):
        return f"{at.isoformat()}T00:00:00"
    return at.astimezone(zone).replace(tzinfo=None, microsecond=0).isoformat()

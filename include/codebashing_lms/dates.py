"""Instants and days as text, independent of the machine's locale and time zone."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, tzinfo

MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
# directives of strftime, and what they write; %-d is of glibc, %:z of Python 3.12, %3f is %f to three digits
DIRECTIVES: dict[str, Callable[[datetime], str]] = {
    "%Y": lambda at: f"{at.year:04d}",
    "%y": lambda at: f"{at.year % 100:02d}",
    "%m": lambda at: f"{at.month:02d}",
    "%d": lambda at: f"{at.day:02d}",
    "%-m": lambda at: str(at.month),
    "%-d": lambda at: str(at.day),
    "%H": lambda at: f"{at.hour:02d}",
    "%-H": lambda at: str(at.hour),
    "%I": lambda at: f"{(at.hour - 1) % 12 + 1:02d}",
    "%-I": lambda at: str((at.hour - 1) % 12 + 1),
    "%p": lambda at: "AM" if at.hour < 12 else "PM",
    "%M": lambda at: f"{at.minute:02d}",
    "%S": lambda at: f"{at.second:02d}",
    "%f": lambda at: f"{at.microsecond:06d}",
    "%3f": lambda at: f"{at.microsecond // 1000:03d}",
    "%j": lambda at: f"{at.timetuple().tm_yday:03d}",
    "%B": lambda at: MONTHS[at.month - 1],
    "%b": lambda at: MONTHS[at.month - 1][:3],
    "%A": lambda at: DAYS[at.weekday()],
    "%a": lambda at: DAYS[at.weekday()][:3],
    "%z": lambda at: at.strftime("%z"),
    "%:z": lambda at: re.sub(r"(\d\d)(?=\d)", r"\1:", at.strftime("%z")),
    "%Z": lambda at: at.tzname() or "",
    "%%": lambda at: "%",
}
DIRECTIVE = re.compile(r"%(?:[-:#_^0-9]+[A-Za-z]|.)?", re.DOTALL)
AS_OF = re.compile(r"\{as_of:([^{}]*)\}")
DAY = r"\d{4}-\d\d-\d\d|\d{8}|\d{4}-W\d\d-\d|\d{4}W\d{3}"
WRITTEN = re.compile(rf"(?P<day>{DAY})(?:[Tt ](?P<time>.+)|Z|[+-]\d\d:?\d\d)?", re.ASCII)
SEPARATORS = ("T", "t", " ")  # of day and time
YEARS = range(2000, 2262)  # earlier dates stand for "never"; later ones, some libraries cannot hold
ISO = "%Y-%m-%dT%H:%M:%SZ"


def format_instant(instant: datetime, pattern: str, zone: tzinfo = UTC, months: Sequence[str] | None = None) -> str:
    """Return an instant in a time zone, formatted by a pattern of DIRECTIVES.

    :param months: names of the months from January on; None: English.
    """
    return _formatted(instant.astimezone(zone), pattern, months)


def format_day(day: date, pattern: str, zone: tzinfo, months: Sequence[str] | None = None) -> str:
    """Return a day at midnight, formatted by a pattern of DIRECTIVES; it is that day in every time zone."""
    return _formatted(datetime.combine(day, time(), zone), pattern, months)


def _formatted(local: datetime, pattern: str, months: Sequence[str] | None) -> str:
    names = {name: months[local.month - 1] for name in ("%b", "%B")} if months else {}
    return DIRECTIVE.sub(lambda match: names.get(match.group()) or DIRECTIVES[match.group()](local), pattern)


def iso(instant: datetime) -> str:
    """Return an instant as our own files and messages have it: 2026-11-23T05:15:02Z."""
    return format_instant(instant, ISO)


def file_name(pattern: str, as_of: datetime, zone: tzinfo) -> str:
    """Return the name of the LMS file for an as-of."""
    return AS_OF.sub(lambda match: format_instant(as_of, match.group(1), zone), pattern)


def parse_date(text: str, zone: tzinfo = UTC) -> date | None:
    """Return the instant in an ISO 8601 text as a datetime in UTC, or the day in it as a date, else None.

    A text without a time is a day. A time without a zone is UTC. Dates outside YEARS are none: placeholders.

    :param zone: the time zone that the date is written in; the year must be one of YEARS there, too.
    """
    written = text.strip()
    try:
        if written[4:5] != "-" or written[10:11] not in SEPARATORS:
            found = WRITTEN.fullmatch(written)
            if found is None or found["time"] is None:
                at = date.fromisoformat(found["day"]) if found else None
                return at if at and at.year in YEARS else None
            written = f"{found['day']}T{found['time']}"
        instant = datetime.fromisoformat(written)
        instant = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return instant if instant.year in YEARS and instant.astimezone(zone).year in YEARS else None


def parse_instant(text: str) -> datetime | None:
    """Return the instant in an ISO 8601 text in UTC, None where there is none; a day is its midnight."""
    at = parse_date(text)
    if at is None or isinstance(at, datetime):
        return at
    return datetime.combine(at, time(), UTC)

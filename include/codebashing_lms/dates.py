"""Instants as text, independent of the machine's locale and time zone."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo

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
ISO = "%Y-%m-%dT%H:%M:%SZ"


def format_instant(
    instant: datetime, pattern: str, zone: tzinfo = UTC, months: Sequence[str] | None = None
) -> str:
    """Return an instant in a time zone, formatted by a pattern of DIRECTIVES.

    :param months: names of the months from January on; None: English.
    """
    local = instant.astimezone(zone)
    names = {name: months[local.month - 1] for name in ("%b", "%B")} if months else {}
    return DIRECTIVE.sub(lambda match: names.get(match.group()) or DIRECTIVES[match.group()](local), pattern)


def iso(instant: datetime) -> str:
    """Return an instant as our own files and messages have it: 2026-11-23T05:15:02Z."""
    return format_instant(instant, ISO)


def file_name(pattern: str, as_of: datetime, zone: tzinfo) -> str:
    """Return the name of the LMS file for an as-of."""
    return AS_OF.sub(lambda match: format_instant(as_of, match.group(1), zone), pattern)


def parse_instant(text: str) -> datetime | None:
    """Return the UTC instant in an ISO 8601 text, None where there is none. A text without a zone is UTC."""
    try:
        instant = datetime.fromisoformat(text.strip())
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None

"""Instants as text, independent of the machine's locale and time zone."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Annotated

MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
# directives of strftime, and what they write
DIRECTIVES: dict[str, Callable[[datetime], str]] = {
    "%Y": lambda at: f"{at.year:04d}",
    "%y": lambda at: f"{at.year % 100:02d}",
    "%m": lambda at: f"{at.month:02d}",
    "%d": lambda at: f"{at.day:02d}",
    "%H": lambda at: f"{at.hour:02d}",
    "%I": lambda at: f"{(at.hour - 1) % 12 + 1:02d}",
    "%p": lambda at: "AM" if at.hour < 12 else "PM",
    "%M": lambda at: f"{at.minute:02d}",
    "%S": lambda at: f"{at.second:02d}",
    "%f": lambda at: f"{at.microsecond:06d}",
    "%j": lambda at: f"{at.timetuple().tm_yday:03d}",
    "%B": lambda at: MONTHS[at.month - 1],
    "%b": lambda at: MONTHS[at.month - 1][:3],
    "%A": lambda at: DAYS[at.weekday()],
    "%a": lambda at: DAYS[at.weekday()][:3],
    "%z": lambda at: at.strftime("%z"),
    "%Z": lambda at: at.tzname() or "",
    "%%": lambda at: "%",
}
DIRECTIVE = re.compile(r"%.?", re.DOTALL)
AS_OF = re.compile(r"\{as_of:([^{}]*)\}")
ISO = "%Y-%m-%dT%H:%M:%SZ"


def _check_date_pattern(pattern: str) -> None:
    unknown = sorted(set(DIRECTIVE.findall(pattern)) - DIRECTIVES.keys())
    if unknown:
        raise ValueError(f"has unknown {' '.join(unknown)}; known are {' '.join(DIRECTIVES)}")


def _check_file_name_pattern(pattern: str) -> None:
    for date_pattern in AS_OF.findall(pattern):
        _check_date_pattern(date_pattern)
    plain = AS_OF.sub("0", pattern)
    if re.search(r"[{}]", plain):
        raise ValueError("may hold {as_of:…} with a date format, and no other braces")
    if not plain.strip() or plain in (".", "..") or re.search(r"[/\\\x00-\x1f]", pattern):
        raise ValueError("must be a file name without slashes and control characters")


def _check_course_file_name_pattern(pattern: str) -> None:
    _check_file_name_pattern(pattern.replace("{course}", "0"))


DatePattern = Annotated[str, _check_date_pattern]
FileNamePattern = Annotated[str, _check_file_name_pattern]
CourseFileNamePattern = Annotated[str, _check_course_file_name_pattern]


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

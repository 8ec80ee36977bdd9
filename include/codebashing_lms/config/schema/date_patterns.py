"""Date formats, and file names with dates: their types, and what is wrong with one.

A format without a directive would put the same text into every row. Customers know it from Excel, Java,
Oracle or PHP; the message shows the same format in directives.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from include.codebashing_lms.dates import AS_OF, DIRECTIVE, DIRECTIVES

HOURS = ("%H", "%-H", "%I", "%-I")
# what other programs call a part of a date; hours, minutes and months depend on their neighbours
FOREIGN = {
    "%Y": "yyyy YYYY yyy uuuu RRRR JJJJ jjjj aaaa y Y",
    "%y": "yy YY RR JJ",
    "%B": "MMMM mmmm MONTH Month",
    "%b": "MMM mmm MON Mon",
    "%A": "EEEE dddd DDDD DAY Day",
    "%a": "EEE E ddd DDD DY Dy",
    "%d": "dd DD TT jj",
    "%-d": "d D",
    "%H": "HH24",
    "%I": "HH12",
    "hours": "HH hh H h",
    "%M": "MI",
    "month or minute": "MM mm M m",
    "%S": "ss SS s",
    "%3f": "SSS fff FFF FF3",
    "%f": "SSSSSS ffffff FFFFFF FF6",
    "%p": "AM/PM am/pm AM PM tt aa a A",
    "%:z": "XXX xxx ZZ zzz",
    "%z": "XX xx Z",
    "T": "T",
}
MEANINGS = {word: meaning for meaning, words in FOREIGN.items() for word in words.split()}
LONGEST_FIRST = "|".join(map(re.escape, sorted(MEANINGS, key=len, reverse=True)))
TOKEN = rf"{DIRECTIVE.pattern}|'[^']*'|{LONGEST_FIRST}|."
PHP = dict(zip("djmnMFYyDlHGhgisvuAaPO", (
    "%d", "%-d", "%m", "%-m", "%b", "%B", "%Y", "%y", "%a", "%A", "%H", "%-H", "%I", "%-I", "%M", "%S", "%3f",
    "%f", "%p", "%p", "%:z", "%z",
), strict=True))  # fmt: skip
# letters beside directives: several parts of a date, or one that touches no directive, as the h of %Hh does
PARTS = re.compile(r"(?=.*[a-zA-SU-Y])(?:yyyy|yy|YYYY|YY|RRRR|MM+|mm+|MI|dd|DD|HH|hh|ss|SS+|T|Z)+")
SINGLE = re.compile(r"[yYMdDhHms]")
ZONE = re.compile(r"(?<![A-Za-z/])(?:(?:UTC|GMT)?([+-]\d\d):?(\d\d)|Z|UTC|GMT)(?![A-Za-z0-9])", re.IGNORECASE)
SAMPLES = [datetime(year, month, 1, tzinfo=UTC) for year in range(2000, 2038) for month in range(1, 13)]


def _check_date_pattern(pattern: str) -> None:
    directives = set(DIRECTIVE.findall(pattern))
    if unknown := sorted(directives - DIRECTIVES.keys()):
        raise ValueError(f"has unknown {' '.join(unknown)}; known are {' '.join(DIRECTIVES)}")
    letters = _foreign_letters(pattern)
    if directives - {"%%"} and not letters:
        return
    why = f"has {' '.join(letters)} beside its directives" if letters else "has no directive"
    right = _translated(pattern)
    if not set(DIRECTIVE.findall(right)) - {"%%"}:
        right = f"a format such as %Y-%m-%d, of {' '.join(DIRECTIVES)}"
    raise ValueError(f"{why}: the same text would stand in every row; write {right}")


def _foreign_letters(pattern: str) -> list[str]:
    plain = DIRECTIVE.sub("\0", pattern)
    if "\0" not in plain:
        return []
    found = re.findall(r"'[A-Za-z]+'", plain)  # in Java these quotes would not be written
    for match in re.finditer("[A-Za-z]+", plain):
        word, around = match.group(), plain[max(match.start() - 1, 0) : match.end() + 1]
        lonely = SINGLE.fullmatch(word) and "\0" not in around
        if lonely or (len(word) > 1 and PARTS.fullmatch(word)):
            found.append(word)
    return found


def _translated(pattern: str) -> str:
    letters = re.sub("[^A-Za-z]", "", pattern)
    if set(letters) <= PHP.keys() and {"Y", "i"} & set(letters) and not re.search(r"%|([A-Za-z])\1", pattern):
        return "".join(PHP.get(sign, sign) for sign in pattern)
    tokens: list[str] = re.findall(TOKEN, pattern, re.DOTALL)
    half_days = any(MEANINGS.get(token, token) == "%p" for token in tokens)
    done: list[str] = []
    for at, token in enumerate(tokens):
        if token.isascii() and token.isalpha() and token not in MEANINGS:
            return ""
        meaning = MEANINGS.get(token, token)
        if meaning == "hours":
            meaning = f"%{'-' if len(token) == 1 else ''}{'I' if half_days else 'H'}"
        elif meaning == "month or minute":
            after = [MEANINGS.get(one, one) for one in tokens[at + 1 : at + 3]]
            minutes = done and (done[-1] in HOURS or done[-2:-1] and done[-2] in HOURS) or "%S" in after
            meaning = "%M" if minutes else "%m" if len(token) == 2 else "%-m"
        elif len(token) > 1 and token[0] == token[-1] == "'":
            meaning = token[1:-1]
        done.append(meaning)
    return "".join(done)


def zone_error(pattern: str, zone: str) -> str | None:
    """Say which zone a format names for itself that is not the zone of its dates; None: it names none.

    A `Z` after the time of another zone makes a wrong instant.
    """
    literal = ZONE.search(DIRECTIVE.sub("\0", pattern))
    if literal is None:
        return None
    hours, minutes = literal.groups(default="0")
    offset = timedelta(hours=int(hours), minutes=int(minutes) * (-1 if hours[0] == "-" else 1))
    if all(at.astimezone(ZoneInfo(zone)).utcoffset() == offset for at in SAMPLES):
        return None
    utc = "" if offset else ", or timezone: UTC"
    return (
        f"{pattern} writes {literal.group()} after the time of {zone}, which is another instant; write %z "
        f"(+0100) or %:z (+01:00) in its place{utc}"
    )


def _check_file_name_pattern(pattern: str) -> None:
    for date_pattern in AS_OF.findall(pattern):
        _check_date_pattern(date_pattern)
    plain = AS_OF.sub("0", pattern)
    if re.search(r"[{}]", plain):
        raise ValueError("may hold {as_of:…} with a date format, and no other braces")
    if not plain.strip() or plain in (".", "..") or re.search(r"[/\\\x00-\x1f]", pattern):
        raise ValueError("must be a file name without slashes and control characters")
    if re.search(r"%[YymdHMSj]\W*%[YymdHMSj]|yyyy|YYYY", plain):
        raise ValueError("has a date outside {as_of:…}: every day has the same name; write {as_of:%Y%m%d}")


def _check_course_file_name_pattern(pattern: str) -> None:
    _check_file_name_pattern(pattern.replace("{course}", "0"))


DatePattern = Annotated[str, _check_date_pattern]
FileNamePattern = Annotated[str, _check_file_name_pattern]
CourseFileNamePattern = Annotated[str, _check_course_file_name_pattern]

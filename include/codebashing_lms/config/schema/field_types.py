"""The base class of all sections of connector files and profiles, and the types of their values.

The type of a value is an annotation. It holds a Python type, msgspec's constraints, and validators: functions
that raise ValueError. A constraint's title replaces the usual text about a wrong type.
"""

import codecs
import re
from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

# they write names of hosts, or a line's end as two letters
NO_CODE_PAGES = ("idna", "punycode", "unicode-escape", "raw-unicode-escape")

Validators = list[tuple[type, Callable[[Any], None]]]


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a file: unknown keys and wrong types are errors."""

    def __post_init__(self) -> None:
        """Run the validators of the values; raise ValueError."""
        for name, functions in _validators_of(type(self)):
            validate(getattr(self, name), functions)


@cache
def _validators_of(section: type[Section]) -> list[tuple[str, Validators]]:
    kinds: dict[str, Any] = {}
    for base in reversed(section.__mro__):  # msgspec.structs.fields takes ten times as long
        kinds |= getattr(base, "__annotations__", {})
    return [(name, functions) for name, kind in kinds.items() if (functions := validators(kind))]


def validators(kind: Any) -> Validators:
    """Return the validators of an annotation, each with the Python type of the values that it checks."""
    return [(get_origin(base) or base, one) for base, metas in members(kind) for one in metas if callable(one)]


def validate(value: Any, functions: Validators) -> None:
    """Run validators on a value that msgspec has accepted; raise ValueError."""
    for base, check in functions:
        if isinstance(value, base):
            check(value)


def members(kind: Any) -> list[tuple[Any, tuple[Any, ...]]]:
    """Return the types of a union, except for null, each with its constraints and validators."""
    if get_origin(kind) is Annotated:
        base, *metas = get_args(kind)
        return [(one, (*inner, *metas)) for one, inner in members(base)]
    if get_origin(kind) in (Union, UnionType):
        return [one for part in get_args(kind) if part is not NoneType for one in members(part)]
    return [(kind, ())]


def _check_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)  # a list of all zones takes 20 ms, for each connector at each parse of the DAGs
    except (LookupError, ValueError, OSError):
        raise ValueError("is no time zone; use an IANA name such as UTC or Europe/Amsterdam") from None


def _check_regex(pattern: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is no regular expression: {error}") from error


def _check_delimiter(delimiter: str) -> None:
    if delimiter in '"\r\n':
        raise ValueError("must be one character, but neither a quote nor a line break")


def _check_encoding(encoding: str) -> None:
    try:
        "".encode(encoding)
        known = codecs.lookup(encoding).name not in NO_CODE_PAGES
    except (LookupError, ValueError):
        known = False
    if not known:
        raise ValueError("is no encoding Python knows; try utf-8, utf-16-le, cp1252 or latin-1")


Text = Annotated[str, Meta(min_length=1)]
TimeZone = Annotated[str, _check_time_zone]
Regex = Annotated[str, _check_regex]
Delimiter = Annotated[str, Meta(min_length=1, max_length=1), _check_delimiter]
Encoding = Annotated[str, _check_encoding]
Percent = Annotated[float, Meta(ge=0, le=100)]
NonNegativeInt = Annotated[int, Meta(ge=0)]
PositiveInt = Annotated[int, Meta(gt=0)]
PositiveFloat = Annotated[float, Meta(gt=0)]

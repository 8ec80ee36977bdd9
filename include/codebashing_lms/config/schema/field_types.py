"""What the types of connector files and profiles share: they know all keys, and kinds of values.

A kind of value is an annotation: a type, msgspec's constraints, their title where the usual words for a wrong
type do not do, and functions for what else is demanded, which raise ValueError.
"""

import re
from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

Validators = list[tuple[type, Callable[[Any], None]]]


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a file: unknown keys and wrong types are errors."""

    def __post_init__(self) -> None:
        """Hold what the kinds of its values demand; raise ValueError."""
        for name, its_demands in _validators_of(type(self)):
            validate(getattr(self, name), its_demands)


@cache
def _validators_of(section: type[Section]) -> list[tuple[str, Validators]]:
    """Return the keys of a section of whose values functions demand something."""
    kinds: dict[str, Any] = {}
    for base in reversed(section.__mro__):  # msgspec.structs.fields takes ten times as long
        kinds |= getattr(base, "__annotations__", {})
    return [(name, its_demands) for name, kind in kinds.items() if (its_demands := validators(kind))]


def validators(kind: Any) -> Validators:
    """Return the functions of a kind of value, each with the type of the values that it is about."""
    return [(get_origin(base) or base, one) for base, said in members(kind) for one in said if callable(one)]


def validate(value: Any, its_demands: Validators) -> None:
    """Hold what is demanded of a value besides its type and msgspec's constraints; raise ValueError."""
    for base, demand in its_demands:
        if isinstance(value, base):
            demand(value)


def members(kind: Any) -> list[tuple[Any, tuple[Any, ...]]]:
    """Return the types that values of a kind may have, except for null, and what is said of each."""
    if get_origin(kind) is Annotated:
        base, *said = get_args(kind)
        return [(one, (*inner, *said)) for one, inner in members(base)]
    if get_origin(kind) in (Union, UnionType):
        return [one for part in get_args(kind) if part is not NoneType for one in members(part)]
    return [(kind, ())]


def _time_zone(name: str) -> None:
    try:
        ZoneInfo(name)  # to list them all takes 20 ms, for each connector whenever Airflow parses the DAGs
    except (LookupError, ValueError, OSError):
        raise ValueError("is no time zone; use an IANA name such as UTC or Europe/Amsterdam") from None


def _regex(pattern: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is no regular expression: {error}") from error


def _separates(delimiter: str) -> None:
    if delimiter in '"\r\n':
        raise ValueError("must be one character, but neither a quote nor a line break")


def _encodes(encoding: str) -> None:
    try:
        "".encode(encoding)
    except (LookupError, ValueError) as error:
        raise ValueError("is no encoding Python knows; try utf-8, utf-16-le, cp1252 or latin-1") from error


Text = Annotated[str, Meta(min_length=1)]
TimeZone = Annotated[str, _time_zone]
Regex = Annotated[str, _regex]
Delimiter = Annotated[str, Meta(min_length=1, max_length=1), _separates]
Encoding = Annotated[str, _encodes]
Percent = Annotated[float, Meta(ge=0, le=100)]
NonNegativeInt = Annotated[int, Meta(ge=0)]
PositiveInt = Annotated[int, Meta(gt=0)]
PositiveFloat = Annotated[float, Meta(gt=0)]

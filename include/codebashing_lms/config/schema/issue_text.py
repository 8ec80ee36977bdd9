"""Says what is wrong with a value and what is allowed, in words for the person who wrote the file."""

from collections.abc import Callable, Iterator
from datetime import date
from itertools import starmap
from operator import ge, gt, le, lt
from typing import Any, Literal, get_args, get_origin

from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from include.codebashing_lms.config.schema.field_types import members

TYPE_TEXTS = {
    str: "should be a valid string",
    int: "should be a valid integer",
    float: "should be a valid number",
    bool: "should be a valid boolean",
    list: "should be a valid list",
    dict: "should be a mapping",
    date: "should be a valid date",
}
LIMITS: tuple[tuple[str, Callable[[Any, Any], bool], str], ...] = (
    ("gt", gt, "be greater than"),
    ("ge", ge, "be greater than or equal to"),
    ("lt", lt, "be less than"),
    ("le", le, "be less than or equal to"),
)
UNITS: dict[Any, str] = {str: "character", list: "item"}
MAX_SHOWN = 80  # characters of a value in a message


def keys(section: type[Struct]) -> list[str]:
    """Return the keys of a section, sorted."""
    tag = section.__struct_config__.tag_field
    return sorted([one.encode_name for one in fields(section)] + ([tag] if tag else []))


def is_section(kind: Any) -> bool:
    """Return whether a type is a section."""
    return isinstance(kind, type) and issubclass(kind, Struct)


def required(field: FieldInfo) -> str:
    """Say that a key is required; where a profile says so, also where a customer finds the value."""
    metas = [one for _, metas in members(field.type) for one in metas if isinstance(one, Meta)]
    return "is required" + next((f": {one.description}" for one in metas if one.description), "")


def unknown_key(key: Any, names: list[str]) -> str:
    """Say that a section has no such key, and which keys it has."""
    return f"unknown key; {did_you_mean(str(key), names)}allowed are {', '.join(names)}"


def did_you_mean(name: str, names: list[str]) -> str:
    """Return a question about the closest name, blank without one."""
    from difflib import get_close_matches  # needed only for a misspelt name

    close = get_close_matches(name, names, 1)
    return f"did you mean {close[0]}? " if close else ""


def got(value: Any) -> str:
    """Return the end of the sentence: the value itself, if it is short."""
    if not isinstance(value, str | int | float | bool):
        return ""
    try:
        shown = repr(value)
    except ValueError:  # an integer of thousands of digits
        return ""
    return f", got {shown}" if len(shown) < MAX_SHOWN else ""


def expected(value: Any, kind: Any) -> str:
    """Say which limit a value breaks, or else which type it should have."""
    limits = (text for base, metas in members(kind) if _is_a(value, base) for text in _broken(value, metas))
    tagged = [one for one, _ in members(kind) if is_section(one) and one.__struct_config__.tag]
    if len(tagged) > 1:
        tags = [one.__struct_config__ for one in tagged]
        return f"must be a mapping with {tags[0].tag_field}: {', '.join(repr(one.tag) for one in tags)}"
    return next(limits, None) or ", or ".join(dict.fromkeys(starmap(_expected_type, members(kind))))


def _expected_type(base: Any, metas: tuple[Any, ...]) -> str:
    if is_section(base):
        return f"should be a mapping with the keys {', '.join(keys(base))}"
    if get_origin(base) is Literal:
        *others, last = map(repr, get_args(base))
        return f"should be {', '.join(others)} or {last}" if others else f"should be {last}"
    titles = (one.title for one in metas if isinstance(one, Meta) and one.title)
    return next(titles, None) or TYPE_TEXTS[get_origin(base) or base]


def _is_a(value: Any, base: Any) -> bool:
    """Return whether a value has a type; a whole number is a number, too."""
    kind = get_origin(base) or base
    return type(value) is kind or (kind is float and type(value) is int)


def _broken(value: Any, metas: tuple[Any, ...]) -> Iterator[str]:
    for meta in (one for one in metas if isinstance(one, Meta)):
        for name, keeps, text in LIMITS:
            limit = getattr(meta, name)
            if limit is not None and not keeps(value, limit):
                yield f"should {text} {limit}"
        least, most, unit = meta.min_length, meta.max_length, UNITS.get(type(value), "")
        if least is not None and len(value) < least:
            yield f"should have at least {least} {unit}{'s' if least > 1 else ''}"
        if most is not None and len(value) > most:
            yield f"should have at most {most} {unit}{'s' if most > 1 else ''}"

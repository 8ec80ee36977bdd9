"""Reads what a file holds as a type; what cannot be read is told with every mistake in it, place by place."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import starmap
from operator import ge, gt, le, lt
from typing import Any, Literal, TypeVar, get_args, get_origin

from msgspec import Meta, Struct, ValidationError, convert
from msgspec.structs import FieldInfo, fields, replace

from include.codebashing_lms.config.schema.field_types import members, validate, validators
from include.codebashing_lms.errors import ConnectorError

Kind = TypeVar("Kind")
Place = tuple[Any, ...]
WORDS = {
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
LONGEST = 80
REFUSED = (ValueError, ValidationError)  # which is a ValueError from msgspec 0.21 on only


class ValidationIssue(Struct, frozen=True):
    """One mistake: the keys that lead to it, and what is wrong there in the words of who wrote the file."""

    place: Place
    words: str

    def below(self, *keys: Any) -> "ValidationIssue":
        """Return it as the mistake of what holds the whole under some keys."""
        return replace(self, place=(*keys, *self.place))


class InvalidContent(ConnectorError, ValueError):
    """What was to be read has mistakes; a ValueError, because msgspec passes no others on.

    :param mistakes: all of them.
    """

    def __init__(self, mistakes: Iterable[ValidationIssue]) -> None:
        self.mistakes = list(mistakes)
        super().__init__(self.told("the whole"))

    def told(self, whole: str) -> str:
        """Return all mistakes in a line.

        :param whole: what has those that are about no key.
        """
        return "; ".join(f"{'.'.join(map(str, one.place)) or whole}: {one.words}" for one in self.mistakes)


def parse(content: Any, kind: type[Kind], **how: Any) -> Kind:
    """Return what a file holds, as a type.

    :param how: msgspec.convert's parameters.
    :raises Mistaken: it cannot be read.
    """
    try:
        value: Kind = _read(content, kind, how)
    except REFUSED:
        raise InvalidContent(find_issues(content, kind, **how)) from None
    return value


def find_issues(content: Any, kind: Any, **how: Any) -> list[ValidationIssue]:
    """Return every mistake in what a file holds."""
    return _IssueCollector(how).mistakes((), content, kind)


def _read(value: Any, kind: Any, how: dict[str, Any]) -> Any:
    read = convert(value, kind, **how)
    validate(read, validators(kind))
    return read


class _IssueCollector(Struct, frozen=True):
    """Looks for mistakes, on msgspec's heels: it stops at the first one and knows no words for people.

    :param how: msgspec.convert's parameters.
    """

    how: dict[str, Any]

    def mistakes(self, place: Place, value: Any, kind: Any) -> list[ValidationIssue]:
        """Return the mistakes in the parts of a value, or else the one of the whole."""
        try:
            _read(value, kind, self.how)
        except REFUSED as error:
            return self._inside(place, value, kind) or _of_the_whole(place, value, kind, error)
        return []

    def _inside(self, place: Place, value: Any, kind: Any) -> list[ValidationIssue]:
        found: list[ValidationIssue] = []
        for base, _ in members(kind):
            if _is_section(base) and _is_meant(value, base):
                found += self._in_section(place, value, base)
            elif isinstance(value, dict) and get_origin(base) is dict:
                of_keys, of_values = get_args(base)
                for key, one in value.items():
                    found += self.mistakes((*place, key), key, of_keys)
                    found += self.mistakes((*place, key), one, of_values)
            elif isinstance(value, list) and get_origin(base) is list:
                [of_entries] = get_args(base)
                for at, one in enumerate(value):
                    found += self.mistakes((*place, at), one, of_entries)
        return found

    def _in_section(self, place: Place, content: dict[Any, Any], section: Any) -> list[ValidationIssue]:
        found: list[ValidationIssue] = []
        for field in fields(section):
            name = field.encode_name
            if name in content:
                found += self.mistakes((*place, name), content[name], field.type)
            elif field.required:
                found.append(ValidationIssue((*place, name), f"is required{_where(field)}"))
        names = keys(section)
        unknown = [key for key in content if key not in names]
        return found + [ValidationIssue((*place, key), _unknown(key, names)) for key in unknown]


def keys(section: type[Struct]) -> list[str]:
    """Return the keys of a section, sorted."""
    tag = section.__struct_config__.tag_field
    return sorted([one.encode_name for one in fields(section)] + ([tag] if tag else []))


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _is_meant(value: Any, section: type[Struct]) -> bool:
    """Tell whether a value is such a section, by its tag if there are several to choose from."""
    config = section.__struct_config__
    return isinstance(value, dict) and (not config.tag_field or value.get(config.tag_field) == config.tag)


def _unknown(key: Any, names: list[str]) -> str:
    from difflib import get_close_matches  # only for who mistook a key

    close = get_close_matches(str(key), names, 1)
    meant = f"did you mean {close[0]}? " if close else ""
    return f"unknown key; {meant}allowed are {', '.join(names)}"


def _where(field: FieldInfo) -> str:
    """Say where the value is found, if a profile says so."""
    metas = [one for _, said in members(field.type) for one in said if isinstance(one, Meta)]
    return next((f": {one.description}" for one in metas if one.description), "")


def _of_the_whole(place: Place, value: Any, kind: Any, error: Exception) -> list[ValidationIssue]:
    """Say in what a value is wrong all parts of which are right."""
    cause = error.__cause__ if isinstance(error, ValidationError) else error
    if isinstance(cause, InvalidContent):
        return [one.below(*place) for one in cause.mistakes]
    words = str(cause) if cause else _expected(value, kind)
    return [ValidationIssue(place, words + _got(value))]


def _got(value: Any) -> str:
    """Return the end of the sentence: what was found instead, if that is short."""
    if not isinstance(value, str | int | float | bool):
        return ""
    try:
        shown = repr(value)
    except ValueError:  # an integer of thousands of digits
        return ""
    return f", got {shown}" if len(shown) < LONGEST else ""


def _expected(value: Any, kind: Any) -> str:
    """Say what a value should be."""
    limits = (words for base, said in members(kind) if _is_a(value, base) for words in _passed(value, said))
    tagged = [one for one, _ in members(kind) if _is_section(one) and one.__struct_config__.tag]
    if len(tagged) > 1:
        tags = [one.__struct_config__ for one in tagged]
        return f"must be a mapping with {tags[0].tag_field}: {', '.join(repr(one.tag) for one in tags)}"
    return next(limits, None) or ", or ".join(dict.fromkeys(starmap(_type_expected, members(kind))))


def _type_expected(base: Any, said: tuple[Any, ...]) -> str:
    if _is_section(base):
        return f"should be a mapping with the keys {', '.join(keys(base))}"
    if get_origin(base) is Literal:
        *others, last = map(repr, get_args(base))
        return f"should be {', '.join(others)} or {last}" if others else f"should be {last}"
    own = (one.title for one in said if isinstance(one, Meta) and one.title)
    return next(own, None) or WORDS[get_origin(base) or base]


def _is_a(value: Any, base: Any) -> bool:
    """Tell whether a value is of a type; a whole number is one, too."""
    kind = get_origin(base) or base
    return type(value) is kind or (kind is float and type(value) is int)


def _passed(value: Any, said: tuple[Any, ...]) -> Iterator[str]:
    """Give the limits of a kind that a value does not keep."""
    for meta in (one for one in said if isinstance(one, Meta)):
        for name, keeps, words in LIMITS:
            limit = getattr(meta, name)
            if limit is not None and not keeps(value, limit):
                yield f"should {words} {limit}"
        least, most, unit = meta.min_length, meta.max_length, UNITS.get(type(value), "")
        if least is not None and len(value) < least:
            yield f"should have at least {least} {unit}{'s' if least > 1 else ''}"
        if most is not None and len(value) > most:
            yield f"should have at most {most} {unit}{'s' if most > 1 else ''}"

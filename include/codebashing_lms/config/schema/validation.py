"""Reads a document as a type; an error names every issue in it, each with its path."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar, get_args, get_origin

from msgspec import Struct, ValidationError, convert
from msgspec.structs import fields, replace

from include.codebashing_lms.config.schema import issue_text
from include.codebashing_lms.config.schema.field_types import members, validate, validators
from include.codebashing_lms.errors import ConnectorError

Kind = TypeVar("Kind")
KeyPath = tuple[Any, ...]
REFUSED = (ValueError, ValidationError)  # a ValidationError is a ValueError only from msgspec 0.21 on


class ValidationIssue(Struct, frozen=True):
    """One thing that is wrong in a document.

    :param path: the keys and indexes that lead to the value; empty for the whole document.
    :param text: what is wrong there, for the person who wrote the file.
    """

    path: KeyPath
    text: str

    def below(self, *keys: Any) -> "ValidationIssue":
        """Return the issue with these keys before its path."""
        return replace(self, path=(*keys, *self.path))


class InvalidContent(ConnectorError, ValueError):
    """A document with issues; a ValueError, because msgspec passes on no other error.

    :param issues: all of them.
    """

    def __init__(self, issues: Iterable[ValidationIssue]) -> None:
        self.issues = list(issues)
        super().__init__(self.summary("the whole"))

    def summary(self, whole: str) -> str:
        """Return all issues in one line.

        :param whole: the name of the document, for issues without a path.
        """
        return "; ".join(f"{'.'.join(map(str, one.path)) or whole}: {one.text}" for one in self.issues)


def parse(content: Any, kind: type[Kind], **how: Any) -> Kind:
    """Return a document as a type.

    :param how: msgspec.convert's parameters.
    :raises InvalidContent: with every issue in the document.
    """
    try:
        value: Kind = _convert(content, kind, how)
    except REFUSED:
        raise InvalidContent(find_issues(content, kind, **how)) from None
    return value


def _convert(value: Any, kind: Any, how: dict[str, Any]) -> Any:
    converted = convert(value, kind, **how)
    validate(converted, validators(kind))
    return converted


def find_issues(value: Any, kind: Any, path: KeyPath = (), **how: Any) -> list[ValidationIssue]:
    """Return the issues in the parts of a value; where all parts are right, the issue of the whole.

    The value is converted part by part, because msgspec stops at the first issue.
    """
    try:
        _convert(value, kind, how)
    except REFUSED as error:
        return list(_in_parts(path, value, kind, how)) or _of_the_whole(path, value, kind, error)
    return []


def _in_parts(path: KeyPath, value: Any, kind: Any, how: dict[str, Any]) -> Iterator[ValidationIssue]:
    for base, _ in members(kind):
        if issue_text.is_section(base) and _matches_tag(value, base):
            yield from _in_section(path, value, base, how)
        elif isinstance(value, dict) and get_origin(base) is dict:
            key_type, value_type = get_args(base)
            for key, one in value.items():
                yield from find_issues(key, key_type, (*path, key), **how)
                yield from find_issues(one, value_type, (*path, key), **how)
        elif isinstance(value, list) and get_origin(base) is list:
            [entry_type] = get_args(base)
            for index, one in enumerate(value):
                yield from find_issues(one, entry_type, (*path, index), **how)


def _in_section(path: KeyPath, content: dict[Any, Any], section: Any, how: dict[str, Any]) -> Iterator[ValidationIssue]:
    for field in fields(section):
        name = field.encode_name
        if name in content:
            yield from find_issues(content[name], field.type, (*path, name), **how)
        elif field.required:
            yield ValidationIssue((*path, name), issue_text.required(field))
    names = issue_text.keys(section)
    for key in content:
        if key not in names:
            yield ValidationIssue((*path, key), issue_text.unknown_key(key, names))


def _matches_tag(value: Any, section: type[Struct]) -> bool:
    """Return whether a mapping has the tag of a section; a section without tags takes every mapping."""
    config = section.__struct_config__
    return isinstance(value, dict) and (not config.tag_field or value.get(config.tag_field) == config.tag)


def _of_the_whole(path: KeyPath, value: Any, kind: Any, error: Exception) -> list[ValidationIssue]:
    cause = error.__cause__ if isinstance(error, ValidationError) else error
    if isinstance(cause, InvalidContent):
        return [one.below(*path) for one in cause.issues]
    text = str(cause) if cause else issue_text.expected(value, kind)
    return [ValidationIssue(path, text + issue_text.got(value))]

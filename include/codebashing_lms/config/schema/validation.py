"""Reads a document as a type; an error names every issue in it, each with its path."""

from collections.abc import Iterable
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


def find_issues(content: Any, kind: Any, **how: Any) -> list[ValidationIssue]:
    """Return every issue in a document."""
    return _IssueCollector(how).issues((), content, kind)


def _convert(value: Any, kind: Any, how: dict[str, Any]) -> Any:
    converted = convert(value, kind, **how)
    validate(converted, validators(kind))
    return converted


class _IssueCollector(Struct, frozen=True):
    """Converts a document part by part, because msgspec stops at the first issue.

    :param how: msgspec.convert's parameters.
    """

    how: dict[str, Any]

    def issues(self, path: KeyPath, value: Any, kind: Any) -> list[ValidationIssue]:
        """Return the issues in the parts of a value; where all parts are right, the issue of the whole."""
        try:
            _convert(value, kind, self.how)
        except REFUSED as error:
            return self._in_parts(path, value, kind) or _of_the_whole(path, value, kind, error)
        return []

    def _in_parts(self, path: KeyPath, value: Any, kind: Any) -> list[ValidationIssue]:
        found: list[ValidationIssue] = []
        for base, _ in members(kind):
            if issue_text.is_section(base) and _matches_tag(value, base):
                found += self._in_section(path, value, base)
            elif isinstance(value, dict) and get_origin(base) is dict:
                key_type, value_type = get_args(base)
                for key, one in value.items():
                    found += self.issues((*path, key), key, key_type)
                    found += self.issues((*path, key), one, value_type)
            elif isinstance(value, list) and get_origin(base) is list:
                [entry_type] = get_args(base)
                for index, one in enumerate(value):
                    found += self.issues((*path, index), one, entry_type)
        return found

    def _in_section(self, path: KeyPath, content: dict[Any, Any], section: Any) -> list[ValidationIssue]:
        found: list[ValidationIssue] = []
        for field in fields(section):
            name = field.encode_name
            if name in content:
                found += self.issues((*path, name), content[name], field.type)
            elif field.required:
                found.append(ValidationIssue((*path, name), issue_text.required(field)))
        names = issue_text.keys(section)
        unknown = [key for key in content if key not in names]
        return found + [ValidationIssue((*path, key), issue_text.unknown_key(key, names)) for key in unknown]


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

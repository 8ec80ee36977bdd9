"""The settings of a profile: values that only the customer knows, with type, default and help."""

import re
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from include.codebashing_lms.config.profiles.columns import PlainColumns
from include.codebashing_lms.config.profiles.file_shape import Months
from include.codebashing_lms.config.schema.date_patterns import CourseFileNamePattern, DatePattern, FileNamePattern
from include.codebashing_lms.config.schema.field_types import Delimiter, Encoding, Regex, Section, Text
from include.codebashing_lms.config.schema.validation import InvalidContent, find_issues, parse


def _check_url(text: str) -> None:
    if not text.startswith(("https://", "http://")) or any(sign.isspace() for sign in text):
        raise ValueError("must be an address that begins with https://")


def _check_pattern(pattern: str, text: str) -> None:
    if not re.fullmatch(pattern, text):
        raise ValueError(f"must match {pattern}")


TYPES: dict[str, Any] = {
    "text": Text,
    "integer": Annotated[int, Meta(ge=1)],
    "boolean": bool,
    "date": Annotated[date, Meta(title="must be a day such as 2025-01-31")],
    "url": Annotated[str, _check_url],
    "date_format": DatePattern,
    "file_name": FileNamePattern,
    "course_file_name": CourseFileNamePattern,
    "delimiter": Delimiter,
    "encoding": Encoding,
    "months": Months,
    "labels": dict[str, Text],
    "columns": PlainColumns,
}
RESERVED = ("id", "title")
YES, NO = ("true", "yes", "y", "t", "on", "1"), ("false", "no", "n", "f", "off", "0")


class Setting(Section, frozen=True, kw_only=True):
    """One setting.

    The last three are for settings of a course.

    :param help: what the setting means, for people.
    :param where: where a customer finds the value; every required setting has it.
    :param example: a value for the example file; every required setting has one.
    :param pattern: a regular expression that the whole text must match.
    :param required_with: another setting; once it is switched on, this one is required.
    :param option: a setting of the profile; it gives the value when the course has none.
    :param apart: the value is part of the record's key, behind the learner's key and a hyphen.
    :param same_as: the course's id or title gives the value when the course has none.
    """

    type: Literal[
        "text", "integer", "boolean", "date", "url", "date_format", "file_name", "course_file_name",
        "delimiter", "encoding", "months", "labels", "columns",
    ]  # fmt: skip
    help: Text
    required: bool = False
    where: str | None = None
    default: Any = None
    example: Any = None
    allowed: list[str] | None = None
    pattern: Regex | None = None
    required_with: str | None = None
    option: str | None = None
    apart: bool = False
    same_as: Literal["id", "title"] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.required or self.required_with) and (self.where is None or self.example is None):
            raise ValueError("a required one needs where (where a customer finds the value) and example")
        if self.required and self.default is not None:
            raise ValueError("needs either required: true or a default")
        if self.default is not None and (issues := find_issues(self.default, self.kind)):
            raise InvalidContent(one.below("default") for one in issues)

    @property
    def kind(self) -> Any:
        """Return the type of the values."""
        if self.allowed:
            return Literal[tuple(self.allowed)]
        kind = TYPES[self.type]
        return Annotated[kind, partial(_check_pattern, self.pattern)] if self.pattern else kind

    def from_csv_cell(self, text: str) -> Any:
        """Return the value in a cell of a CSV file; a cell of another type stays text, and is refused."""
        if self.type == "integer" and (whole := re.fullmatch(r"([+-]?[0-9]+)(\.0+)?", text)):
            return int(whole.group(1))
        if self.type == "boolean" and text.lower() in YES + NO:
            return text.lower() in YES
        return text


def make_section(
    name: str, settings: dict[str, Setting], base: Any = Section, given: Any = None, more: Any = ()
) -> Any:
    """Return the type of `lms.options`, or of a course in the course map.

    :param given: the options; settings of a course take defaults from them.
    :param more: other required keys, with their types.
    """
    own = [(key, *_kind_and_default(one, given)) for key, one in settings.items()]
    same_as = {key: one.same_as for key, one in settings.items() if one.same_as}
    namespace = {"same_as": same_as} if same_as else None
    return msgspec.defstruct(name, [*own, *more], bases=(base,), namespace=namespace, frozen=True, kw_only=True)


def _kind_and_default(setting: Setting, given: Any) -> tuple[Any, ...]:
    if setting.same_as:
        return setting.kind | None, None
    default = getattr(given, setting.option, None) if setting.option else setting.default
    if default is not None:
        value = parse(default, setting.kind)  # YAML may hold a day as a text in quotes
        return setting.kind, msgspec.field(default_factory=lambda: value)
    if setting.required or (given is not None and getattr(given, setting.required_with or "", False)):
        return (Annotated[setting.kind, Meta(description=setting.where)],)
    return setting.kind | None, None

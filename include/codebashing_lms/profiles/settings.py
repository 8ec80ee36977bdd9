"""The settings of a profile: what only the customer knows, with type, default and help."""

import re
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, create_model, model_validator

from include.codebashing_lms.dates import CourseFileNamePattern, DatePattern, FileNamePattern
from include.codebashing_lms.profiles.columns import PlainColumns
from include.codebashing_lms.profiles.contract import Delimiter, Encoding, Months
from include.codebashing_lms.sections import Section, Text


def _url(text: str) -> str:
    if not text.startswith(("https://", "http://")) or any(sign.isspace() for sign in text):
        raise ValueError("must be an address that begins with https://")
    return text


def _day(value: Any) -> Any:
    """Take a day in quotes for one without."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a day such as 2025-01-31") from None


def _matches(pattern: str, text: str) -> str:
    if not re.fullmatch(pattern, text):
        raise ValueError(f"must match {pattern}")
    return text


TYPES: dict[str, Any] = {
    "text": Text,
    "integer": Annotated[int, Field(ge=1)],
    "boolean": bool,
    "date": Annotated[date, BeforeValidator(_day)],
    "url": Annotated[str, AfterValidator(_url)],
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


class Setting(Section):
    """One setting.

    :param help: what it is, for people.
    :param where: where a customer finds the value; every required setting says so.
    :param example: a value for the example file of a setting that has no default.
    :param pattern: a regular expression that the whole text must match.
    :param required_with: a setting that, switched on, makes this one required.
    :param option: of a course's setting: the profile's setting that stands in where a course has none.
    :param apart: of a course's setting: tells courses apart, after a hyphen behind the learner's key.
    :param same_as: of a course's setting: the course's id or title stands in where it is left out.
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
    pattern: str | None = None
    required_with: str | None = None
    option: str | None = None
    apart: bool = False
    same_as: Literal["id", "title"] | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> "Setting":
        if (self.required or self.required_with) and (self.where is None or self.example is None):
            raise ValueError("a required one needs where (where a customer finds the value) and example")
        if self.required and self.default is not None:
            raise ValueError("needs either required: true or a default")
        return self

    @property
    def annotation(self) -> Any:
        """Return the type of its values."""
        if self.allowed:
            return Literal[tuple(self.allowed)]
        kind = TYPES[self.type]
        return Annotated[kind, AfterValidator(partial(_matches, self.pattern))] if self.pattern else kind


def options_model(name: str, settings: dict[str, Setting], base: Any = Section, given: Any = None) -> Any:
    """Return the model of what a customer writes under `lms.options`, or for a course.

    :param given: the options, for settings of a course that fall back on one of them.
    """
    fields = {key: _field(one, given) for key, one in settings.items()}
    return create_model(name, __base__=base, **fields)


def _field(setting: Setting, given: Any) -> Any:
    default = getattr(given, setting.option, None) if setting.option else setting.default
    if setting.same_as:
        other = setting.same_as
        return setting.annotation, Field(default_factory=lambda known: known.get(other))
    if default is not None:
        return setting.annotation, Field(default, description=setting.help, validate_default=True)
    if setting.required or (given is not None and getattr(given, setting.required_with or "", False)):
        return setting.annotation, Field(description=setting.where)
    words = setting.where if setting.required_with else setting.help
    return setting.annotation | None, Field(None, description=words)

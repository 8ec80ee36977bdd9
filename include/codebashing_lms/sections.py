"""What the models of connector files and profiles share: they know all keys, and kinds of values."""

import re
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Model = TypeVar("Model", bound=BaseModel)


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)  # to list them all takes 20 ms, for each connector whenever Airflow parses the DAGs
    except (LookupError, ValueError, OSError):
        raise ValueError("is no time zone; use an IANA name such as UTC or Europe/Amsterdam") from None
    return name


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return pattern


TimeZone = Annotated[str, AfterValidator(_time_zone)]
Regex = Annotated[str, AfterValidator(_regex)]
Text = Annotated[str, Field(min_length=1)]
Percent = Annotated[float, Field(ge=0, le=100)]


class Section(BaseModel):
    """A part of a file: unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class _BuiltAtNeed:
    """Leaves a section out of what is built for the section around it, until a file has it.

    Building takes pydantic a millisecond a section, whenever Airflow parses the DAGs; a file has few of them.
    """

    def __get_pydantic_core_schema__(self, section: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            lambda value, info: section.model_validate(value, context=info.context)
        )


AtNeed = Annotated[Model, _BuiltAtNeed()]

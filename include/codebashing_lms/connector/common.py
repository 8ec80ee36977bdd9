"""What all parts of the connector file share."""

import re
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


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
    """A part of the connector file: unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

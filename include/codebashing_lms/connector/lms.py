"""What the LMS wants to read."""

from typing import Literal

from pydantic import Field

from include.codebashing_lms.connector.common import Section, Text, TimeZone
from include.codebashing_lms.profiles.generic_csv import GenericCsvOptions


class Course(Section):
    """What the LMS calls a course."""

    id: Text
    title: str | None = None


CourseMap = dict[Text, Course | Literal["ignore"]]


class Lms(Section):
    """What the LMS wants to read."""

    profile: Literal["generic_csv"] = "generic_csv"
    timezone: TimeZone = "UTC"
    options: GenericCsvOptions = GenericCsvOptions()
    course_map: CourseMap | Text = Field(default_factory=dict)

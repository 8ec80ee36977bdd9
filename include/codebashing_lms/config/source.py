"""The sections `source` and `identity`: where training progress is read, and which employee a learner is."""

from typing import Annotated, Literal

from include.codebashing_lms.config.schema.field_types import PositiveFloat, Regex, Section, Text


def _check_course_pattern(pattern: str) -> None:
    if pattern.count("{course}") != 1 or pattern == "{course}":
        raise ValueError("must hold {course} once and more, e.g. {course}.completed_percentage")


CoursePattern = Annotated[Text, _check_course_pattern]


class FieldNames(Section, frozen=True, kw_only=True):
    """The section `source.keys`: names of the keys in the source's records."""

    email: Text = "email"
    lessons_completed: Text = "primary_course_completed_lessons_count"
    lessons_total: Text = "primary_course_lessons_count"
    primary_course: Text = "primary_course_name"
    last_active_at: Text = "last_active_at"
    created_at: Text | None = None
    course_percentage: CoursePattern = "{course}.completed_percentage"
    course_completed_date: CoursePattern = "{course}.completed_date"


class Source(Section, frozen=True, kw_only=True):
    """The section `source`: where and how training progress is read."""

    conn_id: Text
    endpoint: Text = "/api/v1/users/sign_in_and_course_info"
    auth: Literal["token", "bearer"] = "token"
    fields: Literal["needed", "all"] = "needed"
    fields_param: Text = "fields"
    records_path: Text | None = None
    pagination: Literal["none", "page", "link"] = "none"
    employee_id_field: Text = "employee_id"
    keys: FieldNames = FieldNames()
    live_window_hours: PositiveFloat = 24
    timeout: PositiveFloat = 60


class Identity(Section, frozen=True, kw_only=True):
    """The section `identity`: which employee a record belongs to."""

    pattern: Regex = r"^[A-Za-z0-9][A-Za-z0-9._@-]*$"
    on_missing: Literal["set_aside", "use_email", "fail"] = "set_aside"
    on_conflict: Literal["set_aside", "best"] = "set_aside"
    people: Text | None = None
    crosswalk: Text | None = None

"""The connector file as models: every key a user may write, its default and its allowed values."""

import re
from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from croniter import CroniterBadDateError, croniter
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Tag,
    field_validator,
    model_validator,
)

from include.codebashing_lms.profiles.generic_csv import GenericCsvOptions

NAME = re.compile(r"[a-z0-9_]+")
ADMIN = "admin"
MAX_NAME = 200  # Airflow's limit for the ID of a DAG is 250
PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
QUARTERLY = "0 0 1 */3 *"


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is no time zone; use an IANA name such as UTC or Europe/Amsterdam")
    return name


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return pattern


def _marker_name(pattern: str) -> str:
    plain = pattern.replace("{file}", "x")
    if re.search(r"[{}/\\\x00-\x1f]", plain) or plain in (".", "..") or pattern == "{file}":
        raise ValueError("must be a file name, and may hold {file}, the delivered file's name: {file}.done")
    return pattern


TimeZone = Annotated[str, AfterValidator(_time_zone)]
Regex = Annotated[str, AfterValidator(_regex)]
Text = Annotated[str, Field(min_length=1)]
MarkerName = Annotated[Text, AfterValidator(_marker_name)]
Percent = Annotated[float, Field(ge=0, le=100)]


class Section(BaseModel):
    """A part of the connector file: unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Keys(Section):
    """Names of the keys in the source's records, where they differ from the usual ones."""

    email: Text = "email"
    lessons_completed: Text = "primary_course_completed_lessons_count"
    lessons_total: Text = "primary_course_lessons_count"
    primary_course: Text = "primary_course_name"
    last_active_at: Text = "last_active_at"
    created_at: Text | None = None
    course_percentage: Text = "{course}.completed_percentage"
    course_completed_date: Text = "{course}.completed_date"

    @field_validator("course_percentage", "course_completed_date")
    @classmethod
    def _names_the_course(cls, pattern: str) -> str:
        if pattern.count("{course}") != 1 or pattern == "{course}":
            raise ValueError("must hold {course} once and more, e.g. {course}.completed_percentage")
        return pattern


class Source(Section):
    """Where and how training progress is read."""

    conn_id: Text
    endpoint: Text = "/api/v1/users/sign_in_and_course_info"
    auth: Literal["token", "bearer"] = "token"
    fields: Literal["needed", "all"] = "needed"
    fields_param: Text = "fields"
    records_path: Text | None = None
    pagination: Literal["none", "page", "link"] = "none"
    employee_id_field: Text = "employee_id"
    keys: Keys = Keys()
    live_window_hours: PositiveFloat = 24
    timeout: PositiveFloat = 60


class Identity(Section):
    """How a record finds its employee."""

    pattern: Regex = r"^[A-Za-z0-9][A-Za-z0-9._@-]*$"
    on_missing: Literal["set_aside", "use_email", "fail"] = "set_aside"
    on_conflict: Literal["set_aside", "best"] = "set_aside"
    people: Text | None = None
    crosswalk: Text | None = None


class Guards(Section):
    """Limits beyond which a run fails before anything is sent; null switches one off."""

    min_learners: NonNegativeInt | None = 1
    max_set_aside_percent: Percent | None = 25
    max_missing_id_percent: Percent | None = None
    max_drop_percent: Percent | None = 20
    max_fall_percent: Percent | None = 5


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


class Send(Section):
    """What every way of delivery shares."""

    send: Literal["changes", "full"] | None = None
    hold: bool = False


class FolderDelivery(Send):
    """A folder of this machine, or a mounted share."""

    method: Literal["folder"]
    directory: Text
    done_file: MarkerName | None = None


class SftpDelivery(Send):
    """A drop directory on an SFTP server."""

    method: Literal["sftp"]
    conn_id: Text = "lms"
    directory: Text = "."
    temp_suffix: Text = ".part"
    done_file: MarkerName | None = None
    deadline: PositiveInt = 600

    @field_validator("temp_suffix")
    @classmethod
    def _is_a_suffix(cls, suffix: str) -> str:
        if "/" in suffix:
            raise ValueError("must not hold a slash")
        return suffix


class Success(Section):
    """What the answer's body must say, because LMSs answer errors with 200, too."""

    json_values: dict[Text, Any] = Field(default_factory=dict, alias="json")
    matches: Regex | None = None
    rejects: Regex | None = None


class HttpDelivery(Send):
    """An import endpoint."""

    method: Literal["http"]
    conn_id: Text = "lms"
    endpoint: Text
    upload: Literal["multipart", "raw"] = "multipart"
    field: Text = "file"
    params: dict[Text, str] = Field(default_factory=dict)
    success: Success = Success()
    timeout: PositiveFloat = 60
    deadline: PositiveInt = 600


Delivery = Annotated[
    Annotated[HttpDelivery, Tag("http")]
    | Annotated[SftpDelivery, Tag("sftp")]
    | Annotated[FolderDelivery, Tag("folder")],
    Discriminator("method"),
]


class StagingArea(Section):
    """Where tasks leave files for each other."""

    uri: Text | None = None
    keep_snapshots_days: PositiveInt = 90
    keep_journal_days: PositiveInt | None = None


class Connector(Section):
    """One Codebashing tenant, one LMS: the whole connector file."""

    name: Text
    schedule: str | None = "@daily"
    timezone: TimeZone = "UTC"
    start_date: date = date(2026, 1, 1)
    source: Source
    courses: Literal["primary", "all"] | Annotated[list[Text], Field(min_length=1)] = "primary"
    identity: Identity = Identity()
    guards: Guards = Guards()
    lms: Lms = Lms()
    delivery: Delivery
    staging: StagingArea = StagingArea()

    @field_validator("name")
    @classmethod
    def _usable_in_a_dag_id(cls, name: str) -> str:
        if name == ADMIN:
            raise ValueError("is taken: the DAG of that name looks after all connectors")
        if not NAME.fullmatch(name) or len(name) > MAX_NAME:
            raise ValueError(f"may hold only a-z, 0-9 and _, at most {MAX_NAME} of them")
        return name

    @field_validator("schedule")
    @classmethod
    def _is_a_schedule(cls, schedule: str | None) -> str | None:
        if schedule is None or schedule in PRESETS:
            return schedule
        if len(schedule.split()) != 5 or not croniter.is_valid(schedule):
            raise ValueError(
                f"is neither null, a preset ({', '.join(PRESETS)}) nor a cron line of five fields"
            )
        try:
            croniter(schedule).get_next()
        except CroniterBadDateError:
            raise ValueError("never comes: no such day in the calendar") from None
        return schedule

    @field_validator("courses")
    @classmethod
    def _named_once(cls, courses: str | list[str]) -> str | list[str]:
        if isinstance(courses, list) and len(set(courses)) < len(courses):
            raise ValueError("names a course twice")
        return courses

    @model_validator(mode="after")
    def _combinations(self) -> "Connector":
        if self.identity.on_missing != "set_aside" and self.guards.max_missing_id_percent is not None:
            raise ValueError(
                "guards.max_missing_id_percent needs identity.on_missing: set_aside; "
                f"with {self.identity.on_missing} no learner is without an ID"
            )
        if self.identity.crosswalk is not None:
            raise ValueError(
                "identity.crosswalk is for profiles whose user key is not the employee ID; "
                f"{self.lms.profile} has none"
            )
        return self

    @property
    def dag_id(self) -> str:
        """Return the ID of this connector's DAG."""
        return f"codebashing_lms_{self.name}"

    @property
    def cron(self) -> str | None:
        """Return the schedule as a cron line of five fields, None without a schedule."""
        presets = {"@quarterly": QUARTERLY}
        return presets.get(self.schedule, self.schedule) if self.schedule else None

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone of the schedule."""
        return ZoneInfo(self.timezone)

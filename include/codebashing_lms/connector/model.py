"""The whole connector file."""

import re
from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter
from pydantic import Field, PositiveInt, field_validator, model_validator

from include.codebashing_lms.connector.delivery import Delivery
from include.codebashing_lms.connector.guards import Guards
from include.codebashing_lms.connector.lms import Lms
from include.codebashing_lms.connector.notify import Notify
from include.codebashing_lms.connector.report import Report
from include.codebashing_lms.connector.source import Identity, Source
from include.codebashing_lms.sections import AtNeed, Section, Text, TimeZone

NAME = re.compile(r"[a-z0-9_]+")
ADMIN = "admin"
MAX_NAME = 200  # Airflow's limit for the ID of a DAG is 250
PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
QUARTERLY = "0 0 1 */3 *"
OF_UPLOADS = ("upload", "field", "params", "token_param", "success", "job", "compression")


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
    source: AtNeed[Source]
    courses: Literal["primary", "all"] | Annotated[list[Text], Field(min_length=1)] = "primary"
    identity: AtNeed[Identity] = Identity.model_construct()
    guards: AtNeed[Guards] = Guards.model_construct()
    lms: AtNeed[Lms] = Field(default_factory=Lms)
    delivery: Delivery
    staging: AtNeed[StagingArea] = StagingArea.model_construct()
    notify: AtNeed[Notify] = Notify.model_construct()
    report: AtNeed[Report] = Report.model_construct()

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
        return self

    @model_validator(mode="after")
    def _fits_the_profile(self) -> "Connector":
        """Hold that the way to the LMS, and the user keys, are what the profile needs."""
        contract, delivery = self.lms.contract, self.delivery
        if delivery.method not in contract.methods:
            ways = " or ".join(contract.methods)
            raise ValueError(
                f"lms.profile {contract.profile} needs delivery.method {ways}, not {delivery.method}"
            )
        if delivery.send == "full" and contract.refuses_full:
            raise ValueError(
                f"delivery.send: full is impossible with lms.profile {contract.profile}: rows that it has "
                "the LMS would add again, or refuse; use changes"
            )
        if self.identity.crosswalk is not None and contract.employee_id_is_key:
            raise ValueError(
                "identity.crosswalk is for profiles whose user key is not the employee ID; "
                f"{contract.profile} has none"
            )
        if self.identity.crosswalk is None and contract.needs_crosswalk:
            raise ValueError(
                f"identity.crosswalk is required: {contract.profile} knows people by {contract.user_key}. "
                "Give a CSV employee_id,user_key, or state with lms.options.user_key: employee_id that "
                "both are equal"
            )
        return self

    @model_validator(mode="after")
    def _uploads_what_is_uploaded(self) -> "Connector":
        """Hold that nothing is said about uploads where an LMS is told in calls of its own."""
        contract, delivery = self.lms.contract, self.delivery
        if delivery.method != "http":
            return self
        if contract.sender == "file":
            if delivery.wait:
                raise ValueError(
                    "delivery.wait is not for files that are uploaded as they are; use delivery.job"
                )
            return self
        useless = [name for name in OF_UPLOADS if getattr(delivery, name) != _default(delivery, name)]
        if delivery.results and (delivery.results.names_rows or delivery.results.report):
            useless.append("results")
        if useless:
            more = ", except for max_refused_percent," if useless[0] == "results" else ""
            raise ValueError(
                f"delivery.{useless[0]}{more} is for files that are uploaded as they are; lms.profile "
                f"{contract.profile} knows itself how to tell the LMS"
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


def _default(section: Section, name: str) -> Any:
    return type(section).model_fields[name].get_default(call_default_factory=True)

"""The whole connector file: a connector is one Codebashing tenant and one LMS."""

import re
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, field

from include.codebashing_lms.config.delivery import Delivery, HttpDelivery
from include.codebashing_lms.config.lms import Lms, parse_lms
from include.codebashing_lms.config.notifications import Notify, Report
from include.codebashing_lms.config.profiles.contract import Contract
from include.codebashing_lms.config.schema.field_types import (
    NonNegativeInt,
    Percent,
    PositiveInt,
    Section,
    Text,
    TimeZone,
)
from include.codebashing_lms.config.schema.validation import parse
from include.codebashing_lms.config.source import Identity, Source

NAME = re.compile(r"[a-z0-9_]+")
ADMIN = "admin"
DAG_PREFIX = "codebashing_lms_"
MAX_NAME = 200  # Airflow's limit for the ID of a DAG is 250
PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
UPLOAD_ONLY_KEYS = ("upload", "field", "params", "token_param", "success", "job", "compression")


def _check_name(name: str) -> None:
    if name == ADMIN:
        raise ValueError("is taken: the DAG of that name looks after all connectors")
    if not NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise ValueError(f"may hold only a-z, 0-9 and _, at most {MAX_NAME} of them")


def _check_schedule(schedule: str) -> None:
    if schedule in PRESETS:
        return
    from croniter import CroniterBadDateError, croniter  # not needed for a preset

    if len(schedule.split()) != 5 or not croniter.is_valid(schedule):
        raise ValueError(f"is neither null, a preset ({', '.join(PRESETS)}) nor a cron line of five fields")
    try:
        croniter(schedule).get_next()
    except CroniterBadDateError:
        raise ValueError("never comes: no such day in the calendar") from None


def _check_courses(courses: list[str]) -> None:
    if len(set(courses)) < len(courses):
        raise ValueError("names a course twice")


GUARD_WORDS = {  # for the trigger form and the page
    "min_learners": "Enough learners were read",
    "max_set_aside_percent": "Not too many learners set aside",
    "max_missing_id_percent": "Not too many learners without an employee ID",
    "max_drop_percent": "Not many fewer learners than last time",
    "max_fall_percent": "Not many learners whose progress fell",
}


class Guards(Section, frozen=True, kw_only=True):
    """Limits: a run that crosses one fails before it sends anything; null switches a limit off."""

    min_learners: NonNegativeInt | None = 1
    max_set_aside_percent: Percent | None = 25
    max_missing_id_percent: Percent | None = None
    max_drop_percent: Percent | None = 20
    max_fall_percent: Percent | None = 5


class StagingArea(Section, frozen=True, kw_only=True):
    """The section `staging`: where tasks leave files for each other."""

    uri: Text | None = None
    keep_snapshots_days: PositiveInt = 90
    keep_journal_days: PositiveInt | None = None


class Connector(Section, frozen=True, kw_only=True):
    """The content of a connector file."""

    name: Annotated[Text, _check_name]
    schedule: Annotated[str, _check_schedule] | None = "@daily"
    timezone: TimeZone = "UTC"
    start_date: date = date(2026, 1, 1)
    source: Source
    courses: Literal["primary", "all"] | Annotated[list[Text], Meta(min_length=1), _check_courses] = "primary"
    identity: Identity = Identity()
    guards: Guards = Guards()
    lms: Lms = field(default_factory=partial(parse_lms, {}))
    delivery: Delivery
    staging: StagingArea = StagingArea()
    notify: Notify = Notify()
    report: Report = Report()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.identity.on_missing != "set_aside" and self.guards.max_missing_id_percent is not None:
            raise ValueError(
                "guards.max_missing_id_percent needs identity.on_missing: set_aside; "
                f"with {self.identity.on_missing} no learner is without an ID"
            )
        _check_method(self.lms.contract, self.delivery)
        _check_crosswalk(self.lms.contract, self.identity)
        if isinstance(self.delivery, HttpDelivery):
            _check_uploads(self.lms.contract, self.delivery)

    @property
    def dag_id(self) -> str:
        """Return the ID of the connector's DAG."""
        return DAG_PREFIX + self.name

    @property
    def cron(self) -> str | None:
        """Return the schedule as a cron line of five fields, None without a schedule."""
        return "0 0 1 */3 *" if self.schedule == "@quarterly" else self.schedule

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone of the schedule."""
        return ZoneInfo(self.timezone)


def parse_connector(content: Any, folder: Path | None = None) -> Connector:
    """Return the connector that a mapping describes.

    :param folder: the folder of the connector file; it may hold profiles.
    :raises InvalidContent: with every issue in the mapping.
    :raises ConnectorError: a profile's own file has issues.
    """
    return parse(content, Connector, builtin_types=(date,), dec_hook=lambda _, lms: parse_lms(lms, folder))


def _check_method(contract: Contract, delivery: Delivery) -> None:
    if delivery.method not in contract.methods:
        methods = " or ".join(contract.methods)
        raise ValueError(f"lms.profile {contract.profile} needs delivery.method {methods}, not {delivery.method}")
    if delivery.send == "full" and contract.refuses_full:
        raise ValueError(
            f"delivery.send: full is impossible with lms.profile {contract.profile}: rows that it has "
            "the LMS would add again, or refuse; use changes"
        )


def _check_crosswalk(contract: Contract, identity: Identity) -> None:
    if identity.crosswalk is not None and contract.employee_id_is_key:
        raise ValueError(
            "identity.crosswalk is for profiles with another user key than the employee ID; "
            f"{contract.profile} has none"
        )
    if identity.crosswalk is None and contract.needs_crosswalk:
        raise ValueError(
            f"identity.crosswalk is required: {contract.profile} knows people by {contract.user_key}. "
            "Give a CSV employee_id,user_key, or state with lms.options.user_key: employee_id that "
            "both are equal"
        )


def _check_uploads(contract: Contract, delivery: HttpDelivery) -> None:
    if contract.sender == "file":
        if delivery.wait:
            raise ValueError("delivery.wait is not for files that are uploaded as they are; use delivery.job")
        return
    unset = HttpDelivery(endpoint=delivery.endpoint)
    refused = [name for name in UPLOAD_ONLY_KEYS if getattr(delivery, name) != getattr(unset, name)]
    if delivery.results and (delivery.results.names_rows or delivery.results.report):
        refused.append("results")
    if refused:
        more = ", except for max_refused_percent," if refused[0] == "results" else ""
        raise ValueError(
            f"delivery.{refused[0]}{more} is for files that are uploaded as they are; lms.profile "
            f"{contract.profile} calls the LMS instead of uploading a file"
        )

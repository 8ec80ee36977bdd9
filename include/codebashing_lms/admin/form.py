"""The form of the admin DAG: the actions that a person may choose, and the fields that each needs."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from include.codebashing_lms.errors import ConnectorError

# Fields that an action may use besides a reason.
ACTION_NAMES: dict[str, frozenset[str]] = {
    "first_delivery": frozenset({"answer", "since", "file"}),
    "reset": frozenset(),
    "rebuild": frozenset(),
    "purge": frozenset(),
    "notify": frozenset(),
    "resend": frozenset({"file", "course", "since", "until"}),
    "refused": frozenset({"file"}),
    "roll_back": frozenset({"number"}),
    "settle": frozenset({"delivery", "found"}),
}
# Answers to the question before a first delivery, and the field that each needs.
ANSWERS: dict[str, str | None] = {"all": None, "since": "since", "baseline": "file"}
NEEDED = {"settle": {"delivery", "found"}, "refused": {"file"}}
FOUND = ("taken", "not_taken")
WITHOUT_REASON = ("rebuild", "purge", "notify")  # they do not change what counts as known


@dataclass(frozen=True)
class AdminForm:
    """The values of the form, with the person and the run."""

    action: str
    run_id: str
    triggered_by: str | None = None
    reason: str | None = None
    answer: str | None = None
    file: str | None = None
    since: str | None = None
    until: str | None = None
    course: str | None = None
    number: int | None = None
    delivery: str | None = None
    found: str | None = None


def check(form: AdminForm) -> None:
    """Raise ConnectorError for a form that lacks a value, or has one that its action does not use."""
    if form.action not in ACTION_NAMES:
        raise form_error(f"action must be one of {', '.join(ACTION_NAMES)}")
    if not form.reason and form.action not in WITHOUT_REASON:
        raise form_error(f"{form.action} needs a reason: it is kept in the journal with your name")
    given = _given(form)
    unused = given - ACTION_NAMES[form.action]
    if unused:
        raise form_error(f"{form.action} has no use for {_join(unused)}: leave it empty")
    missing = _needed(form) - given
    if missing:
        raise form_error(f"{form.action} needs {_join(missing)}")
    if form.action == "resend" and not given:
        raise form_error("resend needs to know which rows: a file of employee IDs, a course, or dates")
    if form.found not in (None, *FOUND):
        raise form_error(f"found must be one of {', '.join(FOUND)}")


def _given(form: AdminForm) -> set[str]:
    return {name for name in frozenset().union(*ACTION_NAMES.values()) if getattr(form, name) is not None}


def _needed(form: AdminForm) -> set[str]:
    if form.action != "first_delivery":
        return NEEDED.get(form.action, set())
    if form.answer not in ANSWERS:
        raise form_error(f"first_delivery needs an answer: {', '.join(ANSWERS)}")
    needed = {name for answer, name in ANSWERS.items() if answer == form.answer and name}
    unused = _given(form) - needed - {"answer"}
    if unused:
        raise form_error(f"the answer {form.answer} has no use for {_join(unused)}: leave it empty")
    return needed


def _join(names: set[str]) -> str:
    return ", ".join(sorted(names))


def form_error(reason: str) -> ConnectorError:
    """Return the error of an action that was not carried out."""
    return ConnectorError(f"{reason[0].upper()}{reason[1:]}. Nothing was changed. Trigger the admin DAG again.")


def first_moment(day: str | None, name: str) -> datetime | None:
    """Return the beginning of a day, in UTC."""
    if day is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(day), time(), UTC)
    except ValueError:
        raise form_error(f"{name} must be a date such as 2026-11-23") from None


def end_of(day: str | None, name: str) -> datetime | None:
    """Return the first moment after a day, in UTC."""
    first = first_moment(day, name)
    try:
        return first + timedelta(days=1) if first else None
    except OverflowError:
        raise form_error(f"{name} must be a date such as 2026-11-23") from None

"""One card per connector: its last run, in numbers and in a sentence."""

from dataclasses import dataclass
from datetime import datetime

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.load.receipt import State
from include.codebashing_lms.reporting.views import runs as rows_told
from include.codebashing_lms.reporting.views.run_status import ACT, GOOD, QUIET, WAITING, RunStatus, status_of
from include.codebashing_lms.reporting.views.runs import Run, Runs
from include.codebashing_lms.reporting.wording import plural
from include.codebashing_lms.transform.records.dispositions import Disposition


@dataclass(frozen=True)
class Schedule:
    """What Airflow knows of a connector's DAG.

    :param failed: which tasks of the last run failed.
    """

    known: bool = False
    paused: bool = False
    next_run: datetime | None = None
    last_run_id: str | None = None
    last_state: str | None = None
    last_at: datetime | None = None
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class CardNumbers:
    """A run in four numbers: rows handed over, new or changed ones, learners set aside, rows refused."""

    sent: int
    changed: int
    set_aside: int
    refused: int


@dataclass(frozen=True)
class Card:
    """What the overview says of a connector."""

    name: str
    dag_id: str
    destination: str
    hold: bool
    schedule: Schedule
    run: Run | None
    status: RunStatus | None
    numbers: CardNumbers | None
    sentence: str
    tone: str


def card(connector: Connector, runs: Runs, schedule: Schedule) -> Card:
    """Return the card of a connector."""
    run = next(iter(runs.telling), None)
    end = status_of(run) if run else None
    tone, sentence = _state(connector, run, end, schedule)
    return Card(
        name=connector.name,
        dag_id=connector.dag_id,
        destination=destination(connector),
        hold=connector.delivery.hold,
        schedule=schedule,
        run=run,
        status=end,
        numbers=numbers(run) if run else None,
        sentence=sentence,
        tone=tone,
    )


def destination(connector: Connector) -> str:
    """Say where a connector's files go."""
    delivery = connector.delivery
    transports = {"folder": "a folder", "sftp": "an SFTP server", "http": "an HTTP interface"}
    return f"{transports.get(delivery.method, delivery.method)}, profile {connector.lms.profile}"


def numbers(run: Run) -> CardNumbers:
    """Return a run in four numbers."""
    set_aside = run.set_aside()
    receipt = run.receipt
    sent = receipt.rows if receipt and receipt.state in (State.DELIVERED, State.WORKING) else 0
    return CardNumbers(
        sent=sent,
        changed=rows_told.changed_rows(run) if sent else 0,
        set_aside=sum(set_aside.values()),
        refused=rows_told.refused(run),
    )


def _state(
    connector: Connector, run: Run | None, end: RunStatus | None, schedule: Schedule
) -> tuple[str, str]:
    """Return the tone and the sentence of a connector's state: what needs somebody comes first."""
    if _failed_since(run, schedule):
        where = f" at {', '.join(schedule.failed)}" if schedule.failed else ""
        return ACT, f"The last run failed{where}: the end of that task's log says what to do."
    if run is None or end is None:
        return QUIET, "Nothing has run yet."
    if end.tone == ACT:
        return ACT, end.sentence
    if connector.delivery.hold:
        return QUIET, "On hold: files are built, and nothing is sent."
    return _people(run, end)


def _failed_since(run: Run | None, schedule: Schedule) -> bool:
    if schedule.last_state != "failed":
        return False
    return run is None or run.manifest.run_id != schedule.last_run_id or bool(schedule.failed)


def _people(run: Run, end: RunStatus) -> tuple[str, str]:
    """Say how many learners need somebody."""
    waiting = run.set_aside()
    no_id = waiting.pop(Disposition.MISSING_EMPLOYEE_ID.reason, 0)
    others = sum(waiting.values())
    parts = []
    if no_id:
        parts.append(f"{plural(no_id, 'learner needs', 'learners need')} an employee ID")
    if others:
        parts.append(f"{plural(others, 'learner needs', 'learners need')} somebody to look")
    if refused := rows_told.refused(run):
        parts.append(f"{plural(refused, 'row was', 'rows were')} refused by the LMS")
    if parts:
        return WAITING, _listed(parts) + "; everybody else is up to date."
    return (GOOD, "Everyone is up to date.") if end.tone == GOOD else (end.tone, end.sentence)


def _listed(parts: list[str]) -> str:
    """Return parts of a sentence with commas and an `and`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))

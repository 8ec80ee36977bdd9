"""One card per connector: its last run, in numbers and in a sentence."""

from dataclasses import dataclass
from datetime import datetime

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.load.outcome import new_and_known
from include.codebashing_lms.load.receipt import State
from include.codebashing_lms.reporting.views.run_status import ACT, GOOD, QUIET, WAITING, RunStatus, status_of
from include.codebashing_lms.reporting.views.runs import Run, Runs
from include.codebashing_lms.reporting.wording import plural
from include.codebashing_lms.transform.records.dispositions import Disposition


@dataclass(frozen=True)
class Schedule:
    """The state of a connector's DAG in Airflow.

    :param failed: the failed tasks of the last run.
    """

    paused: bool = False
    next_run: datetime | None = None
    last_run_id: str | None = None
    last_state: str | None = None
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class CardNumbers:
    """A run in four numbers: rows sent, new or changed rows, learners set aside, rows refused."""

    sent: int
    changed: int
    set_aside: int
    refused: int


@dataclass(frozen=True)
class Card:
    """A connector in the overview."""

    name: str
    dag_id: str
    destination: str
    schedule: Schedule
    run: Run | None
    status: RunStatus | None
    numbers: CardNumbers | None
    sentence: str
    tone: str


def card(connector: Connector, runs: Runs, schedule: Schedule) -> Card:
    """Return the card of a connector."""
    run = next((run for run in runs.all if not run.is_trial), None)
    status = status_of(run) if run else None
    tone, sentence = _state(connector, run, status, schedule)
    return Card(
        name=connector.name,
        dag_id=connector.dag_id,
        destination=_destination(connector),
        schedule=schedule,
        run=run,
        status=status,
        numbers=_numbers(run) if run else None,
        sentence=sentence,
        tone=tone,
    )


def _destination(connector: Connector) -> str:
    delivery = connector.delivery
    transports = {"folder": "a folder", "sftp": "an SFTP server", "http": "an HTTP interface"}
    return f"{transports.get(delivery.method, delivery.method)}, profile {connector.lms.profile}"


def _numbers(run: Run) -> CardNumbers:
    receipt, set_aside = run.receipt, sum(run.manifest.learners_set_aside().values())
    sent = receipt.rows if receipt and receipt.state in (State.DELIVERED, State.WORKING) else 0
    return CardNumbers(sent, run.changed_rows() if sent else 0, set_aside, run.refused_rows())


def _state(connector: Connector, run: Run | None, status: RunStatus | None, schedule: Schedule) -> tuple[str, str]:
    """Return the tone and the sentence of a connector's state: what needs a person comes first."""
    last, failed = run and run.manifest.run_id, schedule.last_state == "failed"
    if failed and (last != schedule.last_run_id or schedule.failed):
        where = f" at {', '.join(schedule.failed)}" if schedule.failed else ""
        return ACT, f"The last run failed{where}: the end of that task's log says what to do."
    if run is None or status is None:
        return QUIET, "Nothing has run yet."
    if status.tone == ACT:
        return ACT, status.sentence
    if connector.delivery.hold:
        return QUIET, "On hold: files are built, and nothing is sent."
    return _people(run, status)


def _people(run: Run, status: RunStatus) -> tuple[str, str]:
    set_aside = run.manifest.learners_set_aside()
    no_id = set_aside.pop(Disposition.MISSING_EMPLOYEE_ID.reason, 0)
    refused = run.refused_rows()
    known = new_and_known(refused, run.known_refusals)
    counts = (
        (no_id, "learner needs an employee ID", "learners need an employee ID"),
        (sum(set_aside.values()), "learner needs somebody to look", "learners need somebody to look"),
        (refused, f"row was refused by the LMS{known}", f"rows were refused by the LMS{known}"),
    )
    parts = [plural(count, one, many) for count, one, many in counts if count]
    if parts:
        joined = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
        return WAITING, f"{joined}; everybody else is up to date."
    return (GOOD, "Everyone is up to date.") if status.tone == GOOD else (status.tone, status.sentence)

"""After a run: who must know of it, and what they are told."""

import logging
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context

from codebashing_lms_airflow.airflow_compat import AirflowException, AirflowFailException
from codebashing_lms_airflow.links import RUN_TAB, run_url
from codebashing_lms_airflow.notifiers import problems, send
from codebashing_lms_airflow.run_context import RunResult, home_of, run_of, run_result
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.extract.snapshots import courses_seen
from include.codebashing_lms.reporting.alerts.message import Alert, alert_about, trial
from include.codebashing_lms.reporting.alerts.state import (
    AlertState,
    after_failure,
    after_success,
    read_state,
    write_state,
)

logger = logging.getLogger(__name__)

NOBODY: dict[str, Any] = {"subject": None, "told": []}


def run_notify(connector: Connector, context: Context) -> dict[str, Any]:
    """Tell people of a run where they must know; return who was told of what.

    A failure is told by a second try without a look at earlier runs: the staging area may be what failed.
    """
    run = run_of(context)
    if run.form.dry_run or run.form.check_only:
        logger.info("Nobody is told of a run that sends nothing: whoever triggered it is watching")
        return NOBODY
    ending = run_result(connector, context)
    if ending.failed and context["ti"].try_number > 1:
        return _tell(connector, _alert(connector, ending, AlertState(), [], context))
    home = home_of(connector)
    memory, courses, newest = read_state(home), courses_seen(home) or [], ending.is_newest
    told = NOBODY
    if ending.failed or newest:  # what an older run sets aside is history
        told = _tell(connector, _alert(connector, ending, memory, courses, context))
    if newest:
        write_state(home, _after(memory, ending, courses))
    return told


def _alert(
    connector: Connector, ending: RunResult, memory: AlertState, courses: list[str], context: Context
) -> Alert | None:
    end = ending.end(None if ending.failed else ending.manifest)
    alert = alert_about(end, connector.notify, memory, courses)
    link = run_url(
        connector.dag_id,
        ending.run.run_id,
        f"tasks/{ending.failed}" if ending.failed else RUN_TAB,
    )
    return alert and Alert(alert.subject, alert.lines, link)


def _tell(connector: Connector, alert: Alert | None) -> dict[str, Any]:
    """Send the message; nobody reached: try again, somebody reached: show what is wrong with the rest."""
    if alert is None:
        failed = problems(connector.notify)  # found today, not on the day they are needed
        if failed:
            raise AirflowFailException(f"{' '.join(failed)} Nobody had to be told this time.")
        return NOBODY
    told, failed = send(connector.notify, alert)
    if failed and told:
        raise AirflowFailException(f"{' '.join(failed)} Told by {', '.join(told)} all the same.")
    if failed:
        raise AirflowException(f"Nobody was told: {' '.join(failed)}")
    return {"subject": alert.subject, "told": told}


def _after(memory: AlertState, ending: RunResult, courses: list[str]) -> AlertState:
    now = _in_words(datetime.now(UTC))
    if ending.failed:
        return after_failure(memory, now)
    return after_success(memory, ending.manifest, courses, now) if ending.manifest else memory


def _in_words(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def send_test_alert(connector: Connector, by: str | None) -> dict[str, Any]:
    """Send a message that shows how alerts arrive; raise AirflowFailException where one does not."""
    if not connector.notify.channels:
        raise AirflowFailException(
            f"The connector file of {connector.name} has no notify: nobody would be told. Add a channel."
        )
    told, failed = send(connector.notify, trial(connector.name, by))
    if failed:
        raise AirflowFailException(f"{' '.join(failed)} Told by {', '.join(told) or 'nobody'}.")
    return {"told": told, "sentence": f"A test message went to {', '.join(told)}; see whether it arrived."}

"""The task notify: a run and how it ended, for include/codebashing_lms/reporting/alerts."""

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
from include.codebashing_lms.reporting.alerts.message import Alert, alert_about, minute, trial
from include.codebashing_lms.reporting.alerts.state import (
    AlertState,
    after_failure,
    after_success,
    read_state,
    write_state,
)

logger = logging.getLogger(__name__)

NO_ALERT: dict[str, Any] = {"subject": None, "channels": []}


def run_notify(connector: Connector, context: Context) -> dict[str, Any]:
    """Send an alert when the run failed or needs a person; return its subject and the channels it went to.

    The second try for a failed run does not read the state of earlier runs: the staging area may be broken.
    """
    run = run_of(context)
    if run.form.dry_run or run.form.check_only:
        logger.info("A run that sends nothing gets no alert: the person who triggered it is watching")
        return NO_ALERT
    result = run_result(connector, context)
    if result.failed and context["ti"].try_number > 1:
        return _send(connector, _alert(connector, result, AlertState(), []))
    home = home_of(connector)
    state, courses, newest = read_state(home), courses_seen(home) or [], result.is_newest
    sent = NO_ALERT
    if result.failed or newest:  # findings of an older date are history
        sent = _send(connector, _alert(connector, result, state, courses))
    if newest:
        write_state(home, _state_after(state, result, courses))
    return sent


def _alert(connector: Connector, result: RunResult, state: AlertState, courses: list[str]) -> Alert | None:
    end = result.end(None if result.failed else result.manifest)
    alert = alert_about(end, connector.notify, state, courses)
    tab = f"tasks/{result.failed}" if result.failed else RUN_TAB
    link = run_url(connector.dag_id, result.run.run_id, tab)
    return alert and Alert(alert.subject, alert.lines, link)


def _send(connector: Connector, alert: Alert | None) -> dict[str, Any]:
    """Send an alert; try again when no channel took it, and fail for good when only some did."""
    if alert is None:
        failed = problems(connector.notify)  # found today, not on the day of the first alert
        if failed:
            raise AirflowFailException(f"{' '.join(failed)} No alert was due this time.")
        return NO_ALERT
    sent, failed = send(connector.notify, alert)
    if failed and sent:
        raise AirflowFailException(f"{' '.join(failed)} The alert was sent by {', '.join(sent)}.")
    if failed:
        raise AirflowException(f"Nobody got the alert: {' '.join(failed)}")
    return {"subject": alert.subject, "channels": sent}


def _state_after(state: AlertState, result: RunResult, courses: list[str]) -> AlertState:
    now = minute(datetime.now(UTC))
    if result.failed:
        return after_failure(state, now)
    return after_success(state, result.manifest, courses, now) if result.manifest else state


def send_test_alert(connector: Connector, by: str | None) -> dict[str, Any]:
    """Send a test alert; raise AirflowFailException for a channel that does not take it."""
    if not connector.notify.channels:
        raise AirflowFailException(
            f"The connector file of {connector.name} has no notify: nobody would get an alert. Add a channel."
        )
    sent, failed = send(connector.notify, trial(connector.name, by))
    if failed:
        raise AirflowFailException(f"{' '.join(failed)} Sent by {', '.join(sent) or 'no channel'}.")
    return {"channels": sent, "sentence": f"A test message went to {', '.join(sent)}; see whether it arrived."}

"""After a run: the report for LMS administrators."""

import logging
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context, ObjectStoragePath

from codebashing_lms_airflow.failures import airflow_failures
from codebashing_lms_airflow.run_context import RunResult, run_of, run_result
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.load.outcome import read_outcome
from include.codebashing_lms.reporting.alerts.message import LOOK
from include.codebashing_lms.reporting.report.content import RunEnd, report_content
from include.codebashing_lms.reporting.report.publish import publish
from include.codebashing_lms.reporting.report.render import render_report
from include.codebashing_lms.staging.files import atomic_write
from include.codebashing_lms.staging.layout import REFUSED_LIST, REPORT, SET_ASIDE

logger = logging.getLogger(__name__)

LISTS = (SET_ASIDE, REFUSED_LIST)


def run_report(connector: Connector, context: Context) -> dict[str, Any]:
    """Write the report of a run to its folder and to where it is wanted; return whether it went there."""
    run = run_of(context)
    if run.form.dry_run or run.form.check_only:
        logger.info("No report of a run that sends nothing")
        return {"report": None, "published": False}
    with airflow_failures(context):
        ending = run_result(connector, context)
        report = _written(connector, ending, run.run_id)
        newest = ending.is_newest  # a report of an older date must not hide today's
        if newest:
            _publish(connector, ending, report)
    return {"report": str(report), "published": newest}


def _written(connector: Connector, ending: RunResult, run_id: str) -> Any:
    facts = report_content(
        connector, _ended(ending, run_id), ending.folder, ending.manifest, datetime.now(UTC)
    )
    target = ending.folder / REPORT
    with atomic_write(target) as part:
        part.write_text(render_report(facts), encoding="utf-8")
    return target


def _ended(ending: RunResult, run_id: str) -> RunEnd:
    if ending.failed:
        failure = ending.failure or {
            "message": f"{ending.failed} was killed, or met the unforeseen.",
            "advice": LOOK,
        }
        return RunEnd(run_id, ending.failed, failure["message"], failure["advice"])
    if ending.outcome:
        return RunEnd(run_id, what=ending.outcome["sentence"], outcome=ending.outcome["outcome"])
    staged = read_outcome(ending.folder)
    return RunEnd(run_id, what=staged.sentence, outcome=staged.kind) if staged else RunEnd(run_id, what="")


def _publish(connector: Connector, ending: RunResult, report: Any) -> None:
    from codebashing_lms_airflow.hooks import sftp_connection

    wanted = connector.report
    connection = sftp_connection(wanted.conn_id) if wanted.conn_id else None
    lists = [path for name in LISTS if (path := ending.folder / name).exists()]
    publish(wanted, connection, [*lists, report], ObjectStoragePath)
    logger.info("The report went to %s", wanted.directory or wanted.uri)

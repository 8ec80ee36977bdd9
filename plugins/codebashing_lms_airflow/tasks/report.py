"""After a run: the report for LMS administrators."""

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context, ObjectStoragePath

from codebashing_lms_airflow.failures import airflow_failures
from codebashing_lms_airflow.run_context import RunResult, run_of, run_result
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.load.outcome import read_outcome
from include.codebashing_lms.reporting.report.content import report_content
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
        result = run_result(connector, context)
        report = _written(connector, result)
        newest = result.is_newest  # a report of an older date must not hide today's
        if newest:
            _publish(connector, result, report)
    return {"report": str(report), "published": newest}


def _written(connector: Connector, result: RunResult) -> Any:
    end = result.end(result.manifest)
    if end.outcome is None and (staged := read_outcome(result.folder)):
        end = replace(end, outcome=staged.kind, sentence=staged.sentence)
    target = result.folder / REPORT
    with atomic_write(target) as part:
        html = render_report(report_content(connector, end, result.folder, datetime.now(UTC)))
        part.write_text(html, encoding="utf-8")
    return target


def _publish(connector: Connector, result: RunResult, report: Any) -> None:
    from codebashing_lms_airflow.hooks import sftp_connection

    wanted = connector.report
    connection = sftp_connection(wanted.conn_id) if wanted.conn_id else None
    lists = [path for name in LISTS if (path := result.folder / name).exists()]
    publish(wanted, connection, [*lists, report], ObjectStoragePath)
    logger.info("The report went to %s", wanted.directory or wanted.uri)

"""The task report: a run and how it ended, for include/codebashing_lms/reporting/report."""

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
    """Write the report of a run and publish it; return its path, and whether it was published."""
    run = run_of(context)
    if run.form.dry_run or run.form.check_only:
        logger.info("A run that sends nothing gets no report")
        return {"report": None, "published": False}
    with airflow_failures(context):
        result = run_result(connector, context)
        report = _write_report(connector, result)
        newest = result.is_newest  # a report of an older date must not replace today's
        if newest:
            _publish(connector, result, report)
    return {"report": str(report), "published": newest}


def _write_report(connector: Connector, result: RunResult) -> Any:
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

    target = connector.report
    connection = sftp_connection(target.conn_id) if target.conn_id else None
    lists = [path for name in LISTS if (path := result.folder / name).exists()]
    publish(target, connection, [*lists, report], ObjectStoragePath)
    logger.info("The report went to %s", target.directory or target.uri)

"""After a run: the report for LMS administrators."""

import logging
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context, ObjectStoragePath

from codebashing_lms_airflow.context import run_of
from codebashing_lms_airflow.endings import Ending, ending_of
from codebashing_lms_airflow.failures import airflow_failures
from include.codebashing_lms.alert import LOOK
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.outcome import NAME as OUTCOME
from include.codebashing_lms.report import Ended, facts_of, page, put_down
from include.codebashing_lms.report.set_aside import NAME as SET_ASIDE
from include.codebashing_lms.sent_rows import REFUSED_LIST
from include.codebashing_lms.staging import new_file, read_json

logger = logging.getLogger(__name__)

NAME = "report.html"
LISTS = (SET_ASIDE, REFUSED_LIST)


def reported(connector: Connector, context: Context) -> dict[str, Any]:
    """Write the report of a run to its folder and to where it is wanted; return whether it went there."""
    run = run_of(context)
    if run.form.dry_run or run.form.check_only:
        logger.info("No report of a run that sends nothing")
        return {"report": None, "published": False}
    with airflow_failures(context):
        ending = ending_of(connector, context)
        report = _written(connector, ending, run.run_id)
        newest = ending.is_newest  # a report of an older date must not hide today's
        if newest:
            _publish(connector, ending, report)
    return {"report": str(report), "published": newest}


def _written(connector: Connector, ending: Ending, run_id: str) -> Any:
    facts = facts_of(connector, _ended(ending, run_id), ending.folder, ending.manifest, datetime.now(UTC))
    target = ending.folder / NAME
    with new_file(target) as part:
        part.write_text(page(facts), encoding="utf-8")
    return target


def _ended(ending: Ending, run_id: str) -> Ended:
    if ending.failed:
        failure = ending.failure or {
            "message": f"{ending.failed} was killed, or met the unforeseen.",
            "advice": LOOK,
        }
        return Ended(run_id, ending.failed, failure["message"], failure["advice"])
    noted = ending.folder / OUTCOME
    outcome = ending.outcome or (read_json(noted) if noted.exists() else {})
    return Ended(run_id, what=outcome.get("sentence", ""), outcome=outcome.get("outcome"))


def _publish(connector: Connector, ending: Ending, report: Any) -> None:
    from codebashing_lms_airflow.connections import sftp_site

    wanted = connector.report
    site = sftp_site(wanted.conn_id) if wanted.conn_id else None
    lists = [path for name in LISTS if (path := ending.folder / name).exists()]
    put_down(wanted, site, [*lists, report], ObjectStoragePath)
    logger.info("The report went to %s", wanted.directory or wanted.uri)

"""The task extract: the run's date, and sessions with Codebashing, for include/codebashing_lms/extract."""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context

from codebashing_lms_airflow.failures import airflow_failures
from codebashing_lms_airflow.hooks import CodebashingHook
from codebashing_lms_airflow.run_context import folder_of, home_of, host_name, run_of
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.extract.client import RetryPolicy, SourceClient
from include.codebashing_lms.extract.logical_date import logical_date
from include.codebashing_lms.extract.run import extract


def run_extract(
    connector: Connector, hook: CodebashingHook, retry_policy: RetryPolicy | None, context: Context
) -> dict[str, Any]:
    """Stage the snapshot of a run; return its path and its numbers."""

    def open_client() -> SourceClient:
        session = hook.get_conn()
        url = hook.url_from_endpoint(connector.source.endpoint)
        return SourceClient(connector.source, url, session, retry_policy or RetryPolicy())

    with airflow_failures(context):
        run, now = run_of(context), datetime.now(UTC)
        date = logical_date(run.scheduled, run.form.as_of, run.is_backfill, connector)
        home, workspace = home_of(connector), folder_of(connector, run, date)
        summary = extract(connector, open_client, home, workspace, run.run_id, date, now)
    return {**summary, "host": host_name()}

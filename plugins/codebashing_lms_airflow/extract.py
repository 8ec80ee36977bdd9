"""The first task: Codebashing's answer, or the archived one of the run's date, as a staged snapshot."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import Context

from codebashing_lms_airflow.connections import source_access
from codebashing_lms_airflow.context import Run, folder_of, here, run_of, staging_root
from codebashing_lms_airflow.failures import airflow_failures
from include.codebashing_lms.api import PATIENCE, Patience
from include.codebashing_lms.archive import pointer_of, purge, recall, remember
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.run_dates import logical_date, reading_for
from include.codebashing_lms.source import fetch_snapshot, fields_to_ask
from include.codebashing_lms.staging import StagedPath, read_json

logger = logging.getLogger(__name__)


class CodebashingExtractOperator(HttpOperator):
    """Read training progress from Codebashing into the staging area.

    Both credentials come from the connection when the request is made: no field of the operator holds
    them, and none is a template.

    :param connector: the connector file; names the connection, the endpoint and everything else
    :param patience: how often a request that may heal is tried before the task is
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, connector: Connector, patience: Patience = PATIENCE, **kwargs: Any) -> None:
        source = connector.source
        super().__init__(method="GET", http_conn_id=source.conn_id, endpoint=source.endpoint, **kwargs)
        self.connector = connector
        self.patience = patience

    def execute(self, context: Context) -> dict[str, Any]:
        """Return where the snapshot lies, and its numbers."""
        with airflow_failures():
            return extracted(self.connector, self.patience, run_of(context), datetime.now(UTC))


def extracted(connector: Connector, patience: Patience, run: Run, now: datetime) -> dict[str, Any]:
    """Find out the run's date, then recall that date's snapshot or read Codebashing."""
    date = logical_date(run.scheduled, run.form.as_of, run.is_backfill, connector)
    snapshots = staging_root(connector) / connector.name / "snapshots"
    archived = recall(snapshots, date)
    reading = reading_for(date, now, archived is not None, connector.source.live_window_hours)
    if archived is None:
        archived = _read_live(connector, patience, run, date, snapshots)
    logger.info("%s: %s records as of %s", reading, archived["records"], archived["read_at"])
    return {
        "host": here(),
        "logical_date": date.isoformat(),
        "provenance": "replayed" if reading == "replay" else "live",
        "as_of": archived["read_at"],
        "archived": str(pointer_of(snapshots, date)),
        "snapshot": str(snapshots / archived["snapshot"]),
        "records": archived["records"],
        "warnings": archived["warnings"],
    }


def _read_live(
    connector: Connector, patience: Patience, run: Run, date: datetime, snapshots: StagedPath
) -> dict[str, Any]:
    """Read Codebashing, and archive the answer as that of the run's date."""
    access = source_access(connector.source.conn_id)
    fields = fields_to_ask(connector, _courses_seen(snapshots.parent / "courses_seen.json"))
    workspace = folder_of(connector, run, date)
    fetched = fetch_snapshot(connector, access, snapshots, workspace, fields, patience)
    archived = {
        "snapshot": fetched.snapshot.name,
        "sha256": fetched.sha256,
        "bytes": fetched.bytes,
        "read_at": fetched.read_at.isoformat(),
        "logical_date": date.isoformat(),
        "run_id": run.run_id,
        "fields": fetched.fields,
        "records": fetched.records,
        "warnings": fetched.warnings,
    }
    remember(snapshots, date, archived)
    purge(snapshots, connector.staging.keep_snapshots_days, fetched.read_at)
    return archived


def _courses_seen(path: StagedPath) -> list[str]:
    courses: list[str] = read_json(path)["courses"] if path.exists() else []
    return courses

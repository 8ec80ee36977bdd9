"""The first task: Codebashing's answer, or an archived one that tells the run's date, as a snapshot."""

import logging
from datetime import datetime
from typing import Any

from codebashing_lms_airflow.hooks import source_access
from codebashing_lms_airflow.run_context import Run, folder_of, host_name, staging_root
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.extract.client import RetryPolicy
from include.codebashing_lms.extract.fetch import fetch_snapshot, fields_to_ask
from include.codebashing_lms.extract.logical_date import logical_date, provenance_for
from include.codebashing_lms.extract.snapshots import (
    assign_date,
    mark_in_use,
    neighbours,
    purge,
    register,
    snapshot_of_date,
)
from include.codebashing_lms.staging.files import StagedPath, read_json

logger = logging.getLogger(__name__)

PROVENANCE = {"live": "live", "replay": "replayed", "reconstruct": "reconstructed"}


def run_extract(
    connector: Connector, patience: RetryPolicy | None, run: Run, now: datetime
) -> dict[str, Any]:
    """Find out the run's date, then take what it is told from: an archived snapshot, or Codebashing now."""
    date = logical_date(run.scheduled, run.form.as_of, run.is_backfill, connector)
    snapshots = staging_root(connector) / connector.name / "snapshots"
    own = snapshot_of_date(snapshots, date)
    reading = provenance_for(date, now, own is not None, connector.source.live_window_hours)
    earlier, found = neighbours(snapshots, date) if reading == "reconstruct" else (None, own)
    archived = found or _read(connector, patience, run, date, snapshots)
    if reading == "live":
        assign_date(snapshots, date, archived["snapshot"])
    for used in filter(None, (earlier, archived)):
        mark_in_use(snapshots, used, now)
    if not found:
        purge(snapshots, connector.staging.keep_snapshots_days, now)
    logger.info("%s: %s records read at %s", PROVENANCE[reading], archived["records"], archived["read_at"])
    return {
        "host": host_name(),
        "logical_date": date.isoformat(),
        "provenance": PROVENANCE[reading],
        "as_of": date.isoformat() if reading == "reconstruct" else archived["read_at"],
        "snapshot": str(snapshots / archived["snapshot"]),
        "earlier": str(snapshots / earlier["snapshot"]) if earlier else None,
        "records": archived["records"],
        "warnings": archived["warnings"],
    }


def _read(
    connector: Connector, patience: RetryPolicy | None, run: Run, date: datetime, snapshots: StagedPath
) -> dict[str, Any]:
    """Read Codebashing, and archive the answer by the moment of its reading."""
    access = source_access(connector.source.conn_id)
    fields = fields_to_ask(connector, _courses_seen(snapshots.parent / "courses_seen.json"))
    workspace = folder_of(connector, run, date)
    fetched = fetch_snapshot(connector, access, snapshots, workspace, fields, patience)
    archived = {
        "snapshot": fetched.snapshot.name,
        "sha256": fetched.sha256,
        "bytes": fetched.bytes,
        "read_at": fetched.read_at.isoformat(),
        "run_id": run.run_id,
        "fields": fetched.fields,
        "records": fetched.records,
        "warnings": fetched.warnings,
    }
    register(snapshots, archived)
    return archived


def _courses_seen(path: StagedPath) -> list[str]:
    courses: list[str] = read_json(path)["courses"] if path.exists() else []
    return courses

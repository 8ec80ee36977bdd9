"""Which snapshot answers a run: the archived one of its date, a later one, or Codebashing now.

`extract` is the twin of `transform` and `load`: it knows nothing of Airflow.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.source_fields import fields_to_ask
from include.codebashing_lms.extract import snapshots
from include.codebashing_lms.extract.client import SourceClient
from include.codebashing_lms.extract.fetch import fetch_snapshot
from include.codebashing_lms.extract.logical_date import Provenance, provenance_for
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.staging.layout import SNAPSHOTS

logger = logging.getLogger(__name__)


def extract(
    connector: Connector,
    open_client: Callable[[], SourceClient],
    home: StagedPath,
    workspace: StagedPath,
    run_id: str,
    logical_date: datetime,
    now: datetime,
) -> dict[str, Any]:
    """Choose the snapshot of a run, after asking Codebashing where the archive has none.

    :param open_client: called only when Codebashing is asked.
    :param home: the connector's folder in the staging area.
    :param workspace: the folder of this run, for unfinished files.
    :return: a small summary without persons, for the next task.
    :raises RunDateError: the date is in the future.
    :raises SourceError: Codebashing gave no snapshot.
    :raises StagingError: the archived snapshot of the date is gone.
    """
    archive = home / SNAPSHOTS
    own = snapshots.snapshot_of_date(archive, logical_date)
    provenance = provenance_for(logical_date, now, own is not None, connector.source.live_window_hours)
    reconstructed = provenance == Provenance.RECONSTRUCTED
    earlier, archived = snapshots.neighbours(archive, logical_date) if reconstructed else (None, own)
    snapshot = archived or _fetch(connector, open_client(), home, workspace, run_id)
    if provenance == Provenance.LIVE:
        snapshots.assign_date(archive, logical_date, snapshot.snapshot)
    for used in filter(None, (earlier, snapshot)):
        snapshots.mark_in_use(archive, used, now)
    if not archived:
        snapshots.purge(archive, connector.staging.keep_snapshots_days, now)
    logger.info("%s: %s records read at %s", provenance, snapshot.records, snapshot.read_at.isoformat())
    return {
        "logical_date": logical_date.isoformat(),
        "provenance": provenance.value,
        "as_of": (logical_date if reconstructed else snapshot.read_at).isoformat(),
        "snapshot": str(archive / snapshot.snapshot),
        "earlier": str(archive / earlier.snapshot) if earlier else None,
        "records": snapshot.records,
        "warnings": snapshot.warnings,
    }


def _fetch(
    connector: Connector, client: SourceClient, home: StagedPath, workspace: StagedPath, run_id: str
) -> snapshots.SnapshotMetadata:
    archive, fields = home / SNAPSHOTS, fields_to_ask(connector, snapshots.courses_seen(home) or ())
    staged = fetch_snapshot(client, archive, workspace, fields)
    metadata = snapshots.SnapshotMetadata(
        staged.path.name, staged.sha256, staged.bytes, staged.read_at, run_id, fields, staged.records,
        staged.warnings,
    )  # fmt: skip
    snapshots.register(archive, metadata)
    return metadata

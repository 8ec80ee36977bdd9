"""The task transform: the snapshot and the run, for include/codebashing_lms/transform."""

from datetime import datetime
from typing import Any

from airflow.sdk import Context, ObjectStoragePath

from codebashing_lms_airflow.failures import airflow_failures
from codebashing_lms_airflow.run_context import Run, folder_of, host_name, run_of, staged_path
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.extract.snapshots import SnapshotMetadata, metadata_path
from include.codebashing_lms.staging.files import read_struct, remove_partial_files


def run_transform(connector: Connector, sha256: str, extracted: dict[str, Any], context: Context) -> dict[str, Any]:
    """Write the LMS file, the set-aside list and the manifest; return their paths and the numbers."""
    from include.codebashing_lms.transform.run import transform

    with airflow_failures(context):
        run = run_of(context)
        snapshot, metadata = _archived(extracted["snapshot"], extracted)
        folder = folder_of(connector, run, datetime.fromisoformat(extracted["logical_date"]))
        remove_partial_files(folder)
        this_run, earlier = _context(run, sha256, extracted, metadata), _earlier(extracted)
        result = transform(connector, snapshot, metadata.sha256, folder, this_run, ObjectStoragePath, earlier)
    return {**result, "host": host_name()}


def _archived(uri: str, extracted: dict[str, Any]) -> tuple[ObjectStoragePath, SnapshotMetadata]:
    snapshot = staged_path(uri, extracted, "extract")
    metadata = staged_path(str(metadata_path(snapshot.parent, snapshot.name)), extracted, "extract")
    return snapshot, read_struct(metadata, SnapshotMetadata)


def _earlier(extracted: dict[str, Any]) -> Any:
    from include.codebashing_lms.transform.rules.earlier_snapshot import EarlierSnapshotRef

    if extracted["earlier"] is None:
        return None
    snapshot, metadata = _archived(extracted["earlier"], extracted)
    return EarlierSnapshotRef(snapshot, metadata.sha256, metadata.read_at, metadata.fields)


def _context(run: Run, sha256: str, extracted: dict[str, Any], metadata: SnapshotMetadata) -> Any:
    from include.codebashing_lms.transform.context import RunContext

    return RunContext(
        run_id=run.run_id,
        triggered_by=run.triggered_by,
        params=run.params,
        logical_date=datetime.fromisoformat(extracted["logical_date"]),
        as_of=datetime.fromisoformat(extracted["as_of"]),
        extracted_at=metadata.read_at,
        provenance=extracted["provenance"],
        connector_sha256=sha256,
        fields=metadata.fields,
        source_warnings=metadata.warnings,
        skip_guards=run.form.skip_guards,
        check_only=run.form.check_only,
    )

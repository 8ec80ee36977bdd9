"""The second task: the snapshot becomes the LMS file, by the rules of include/codebashing_lms/transform."""

from datetime import datetime
from typing import Any

from airflow.sdk import Context, ObjectStoragePath

from codebashing_lms_airflow.failures import airflow_failures
from codebashing_lms_airflow.run_context import Run, folder_of, host_name, run_of, staged_path
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.extract.snapshots import metadata_path
from include.codebashing_lms.staging.files import read_json, remove_partial_files


def run_transform(
    connector: Connector, sha256: str, extracted: dict[str, Any], context: Context
) -> dict[str, Any]:
    """Write the LMS file, what was set aside and the manifest; return where they lie, and the numbers."""
    from include.codebashing_lms.transform.run import transform

    with airflow_failures(context):
        run = run_of(context)
        snapshot, noted = _archived(extracted["snapshot"], extracted)
        folder = folder_of(connector, run, datetime.fromisoformat(extracted["logical_date"]))
        remove_partial_files(folder)
        facts, earlier = _facts(run, sha256, extracted, noted), _earlier(extracted)
        result = transform(connector, snapshot, noted["sha256"], folder, facts, ObjectStoragePath, earlier)
    return {**result, "host": host_name()}


def _archived(uri: str, extracted: dict[str, Any]) -> tuple[ObjectStoragePath, dict[str, Any]]:
    """Return where a snapshot lies, and what was noted about it."""
    snapshot = staged_path(uri, extracted, "extract")
    noted = staged_path(str(metadata_path(snapshot.parent, snapshot.name)), extracted, "extract")
    return snapshot, read_json(noted)


def _earlier(extracted: dict[str, Any]) -> Any:
    from include.codebashing_lms.transform.rules.earlier_snapshot import EarlierSnapshotRef

    if extracted["earlier"] is None:
        return None
    snapshot, noted = _archived(extracted["earlier"], extracted)
    read_at = datetime.fromisoformat(noted["read_at"])
    return EarlierSnapshotRef(snapshot, noted["sha256"], read_at, noted["fields"])


def _facts(run: Run, sha256: str, extracted: dict[str, Any], noted: dict[str, Any]) -> Any:
    from include.codebashing_lms.transform.context import RunContext

    return RunContext(
        run_id=run.run_id,
        triggered_by=run.triggered_by,
        params=run.params,
        logical_date=datetime.fromisoformat(extracted["logical_date"]),
        as_of=datetime.fromisoformat(extracted["as_of"]),
        extracted_at=datetime.fromisoformat(noted["read_at"]),
        provenance=extracted["provenance"],
        connector_sha256=sha256,
        fields=noted["fields"],
        source_warnings=noted["warnings"],
        skip_guards=run.form.skip_guards,
        check_only=run.form.check_only,
    )

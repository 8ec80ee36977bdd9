"""The second task: the snapshot becomes the LMS file, by the rules of include/codebashing_lms/transform."""

from datetime import datetime
from typing import Any

from airflow.sdk import Context, ObjectStoragePath

from codebashing_lms_airflow.context import Run, folder_of, here, run_of, written
from codebashing_lms_airflow.failures import airflow_failures
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.staging import read_json, remove_leftovers


def transformed(
    connector: Connector, sha256: str, extracted: dict[str, Any], context: Context
) -> dict[str, Any]:
    """Write the LMS file, what was set aside and the manifest; return where they lie, and the numbers."""
    from include.codebashing_lms.transform import transform

    with airflow_failures():
        run = run_of(context)
        snapshot = written(extracted["snapshot"], extracted, "extract")
        archived = read_json(written(extracted["archived"], extracted, "extract"))
        folder = folder_of(connector, run, datetime.fromisoformat(extracted["logical_date"]))
        remove_leftovers(folder)
        facts = _facts(run, sha256, extracted, archived)
        result = transform(connector, snapshot, archived["sha256"], folder, facts, locate=ObjectStoragePath)
    return {**result, "host": here()}


def _facts(run: Run, sha256: str, extracted: dict[str, Any], archived: dict[str, Any]) -> Any:
    from include.codebashing_lms.transform import RunFacts

    read_at = datetime.fromisoformat(archived["read_at"])
    return RunFacts(
        run_id=run.run_id,
        triggered_by=run.triggered_by,
        params=run.params,
        logical_date=datetime.fromisoformat(extracted["logical_date"]),
        as_of=read_at,
        extracted_at=read_at,
        provenance=extracted["provenance"],
        connector_sha256=sha256,
        fields=archived["fields"],
        source_warnings=archived["warnings"],
        skip_guards=run.form.skip_guards,
        check_only=run.form.check_only,
    )

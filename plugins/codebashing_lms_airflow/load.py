"""The last task: the LMS file goes to the LMS, and the receipt says so."""

from typing import Any

from airflow.sdk import Context, ObjectStoragePath

from codebashing_lms_airflow.connections import destination
from codebashing_lms_airflow.context import here, run_of, written
from codebashing_lms_airflow.failures import airflow_failures
from codebashing_lms_airflow.lineage import tell_followers
from codebashing_lms_airflow.metrics import gauge
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.errors import CodebashingLmsError
from include.codebashing_lms.load import LoadRun, load
from include.codebashing_lms.outcome import STOPPED, note_outcome
from include.codebashing_lms.staging import read_json, remove_leftovers
from include.codebashing_lms.verdict import verdict


def loaded(connector: Connector, transformed: dict[str, Any], context: Context) -> dict[str, Any]:
    """Deliver, and say so to machines; return what became of it, and where this was."""
    with airflow_failures(context):
        outcome = delivered(connector, transformed, context)
        if outcome["outcome"] != "working":
            tell_machines(connector, outcome, transformed["manifest"], context)
    return {**outcome, "host": here()}


def tell_machines(connector: Connector, outcome: dict[str, Any], manifest_uri: str, context: Context) -> None:
    """Hand the run's numbers to other DAGs and to whoever keeps metrics; a trial run has none."""
    if outcome["outcome"] in ("dry_run", "checked"):
        return
    manifest = read_json(ObjectStoragePath(manifest_uri))
    gauge(connector, outcome, manifest)
    tell_followers(connector, outcome, manifest, context)


def delivered(connector: Connector, transformed: dict[str, Any], context: Context) -> dict[str, Any]:
    """Log in to the LMS with its Airflow connection and hand the run's file over."""
    run = run_of(context)
    this_load = LoadRun(
        run_id=run.run_id,
        dry_run=run.form.dry_run,
        check_only=run.form.check_only,
        triggered_by=run.triggered_by,
        skip_guards=run.form.skip_guards,
        reason=run.form.reason,
        clear_number=run.clear_number,
        send=run.form.send,
    )
    manifest = written(transformed["manifest"], transformed, "transform")
    remove_leftovers(manifest.parent)
    lms = destination(connector.delivery)
    try:
        outcome = load(connector, lms, transformed, manifest.parent, this_load, locate=ObjectStoragePath)
    except CodebashingLmsError as error:
        note_outcome(manifest.parent, STOPPED, str(error))
        raise
    if run.form.check_only:
        outcome["sentence"] = f"{verdict(read_json(manifest))} {outcome['sentence']}"
    note_outcome(manifest.parent, outcome["outcome"], outcome["sentence"])
    return outcome

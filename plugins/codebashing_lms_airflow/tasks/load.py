"""The task load: the run and the LMS's connection, for include/codebashing_lms/load."""

from typing import Any

from airflow.sdk import Context, ObjectStoragePath
from msgspec import to_builtins
from msgspec.structs import replace

from codebashing_lms_airflow.assets import emit_asset_event
from codebashing_lms_airflow.failures import airflow_failures
from codebashing_lms_airflow.hooks import lms_connection
from codebashing_lms_airflow.metrics import gauge
from codebashing_lms_airflow.run_context import host_name, run_of, staged_path
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.errors import CodebashingLmsError
from include.codebashing_lms.load.outcome import Outcome, OutcomeKind, write_outcome
from include.codebashing_lms.load.prepare import LoadContext
from include.codebashing_lms.load.run import load
from include.codebashing_lms.load.source_check import describe_source
from include.codebashing_lms.staging.files import remove_partial_files
from include.codebashing_lms.transform.manifest import read_manifest


def run_load(connector: Connector, transformed: dict[str, Any], context: Context) -> dict[str, Any]:
    """Deliver, publish the numbers; return the outcome, and the name of this machine."""
    with airflow_failures(context):
        outcome = deliver(connector, transformed, context)
        if outcome.kind != OutcomeKind.WORKING:
            publish_run(connector, outcome, transformed["manifest"], context)
    return {**to_builtins(outcome), "host": host_name()}


def publish_run(connector: Connector, outcome: Outcome, manifest_uri: str, context: Context) -> None:
    """Publish the run's numbers as metrics and as an asset event; a dry run and a check have none."""
    if outcome.kind in (OutcomeKind.DRY_RUN, OutcomeKind.CHECKED):
        return
    manifest = read_manifest(ObjectStoragePath(manifest_uri).parent)
    gauge(connector, outcome, manifest)
    if outcome.kind == OutcomeKind.DELIVERED:
        emit_asset_event(connector, outcome, manifest, context)


def deliver(connector: Connector, transformed: dict[str, Any], context: Context) -> Outcome:
    """Send the run's file to the LMS, and note the outcome in the run's folder."""
    run = run_of(context)
    load_context = LoadContext(
        run_id=run.run_id,
        dry_run=run.form.dry_run,
        check_only=run.form.check_only,
        triggered_by=run.triggered_by,
        skip_guards=run.form.skip_guards,
        reason=run.form.reason,
        clear_number=run.clear_number,
        send=run.form.send,
    )
    manifest = staged_path(transformed["manifest"], transformed, "transform")
    remove_partial_files(manifest.parent)
    connection = lms_connection(connector.delivery)
    try:
        outcome = load(
            connector, connection, transformed, manifest.parent, load_context, resolve=ObjectStoragePath
        )
    except CodebashingLmsError as error:
        write_outcome(manifest.parent, OutcomeKind.STOPPED, str(error))
        raise
    if run.form.check_only:
        sentence = f"{describe_source(read_manifest(manifest.parent))} {outcome.sentence}"
        outcome = replace(outcome, sentence=sentence)
    write_outcome(manifest.parent, outcome.kind, outcome.sentence)
    return outcome

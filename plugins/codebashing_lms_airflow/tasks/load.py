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

WITHOUT_NUMBERS = (OutcomeKind.WORKING, OutcomeKind.DRY_RUN, OutcomeKind.CHECKED)


def run_load(connector: Connector, transformed: dict[str, Any], context: Context) -> dict[str, Any]:
    """Deliver, publish the numbers; return the outcome, and the name of this machine."""
    with airflow_failures(context):
        outcome = deliver(connector, transformed, context)
        if outcome.kind not in WITHOUT_NUMBERS:
            manifest = read_manifest(ObjectStoragePath(transformed["manifest"]).parent)
            gauge(connector, outcome, manifest)
            if outcome.kind == OutcomeKind.DELIVERED:
                emit_asset_event(connector, outcome, manifest, context)
    return {**to_builtins(outcome), "host": host_name()}


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
    folder = staged_path(transformed["manifest"], transformed, "transform").parent
    remove_partial_files(folder)
    connection = lms_connection(connector.delivery)
    try:
        outcome = load(connector, connection, transformed, folder, load_context, resolve=ObjectStoragePath)
    except CodebashingLmsError as error:
        write_outcome(folder, OutcomeKind.STOPPED, str(error))
        raise
    if run.form.check_only:
        outcome = replace(outcome, sentence=f"{describe_source(read_manifest(folder))} {outcome.sentence}")
    write_outcome(folder, outcome.kind, outcome.sentence)
    return outcome

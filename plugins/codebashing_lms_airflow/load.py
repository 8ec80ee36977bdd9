"""The last task: the LMS file goes to the LMS, and the receipt says so."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context, ObjectStoragePath

from codebashing_lms_airflow.context import here, run_of, written
from codebashing_lms_airflow.failures import airflow_failures
from codebashing_lms_airflow.lineage import outlet_of, tell_followers
from codebashing_lms_airflow.links import RunPage
from codebashing_lms_airflow.metrics import gauge
from codebashing_lms_airflow.versions import AirflowSkipException, TimeDeltaTrigger
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.errors import CodebashingLmsError
from include.codebashing_lms.outcome import STOPPED, note_outcome
from include.codebashing_lms.staging import read_json, remove_leftovers
from include.codebashing_lms.verdict import verdict

# Nothing was sent on purpose: green would read as delivered.
NOT_SENT = ("dry_run", "checked", "held")


class CodebashingLoadOperator(BaseOperator):
    """Deliver what transform built, once.

    :param connector: the connector file
    :param transformed: what transform returned: where the manifest lies, and its numbers. (templated)
    """

    template_fields: Sequence[str] = ("transformed",)
    operator_extra_links = (RunPage(),)

    def __init__(self, *, connector: Connector, transformed: Any, **kwargs: Any) -> None:
        super().__init__(outlets=[outlet_of(connector)], **kwargs)
        self.connector = connector
        self.transformed = transformed

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what became of the delivery; end as skipped when nothing was to be sent."""
        with airflow_failures(context):
            outcome = delivered(self.connector, self.transformed, context)
            if outcome["outcome"] != "working":
                tell_machines(self.connector, outcome, self.transformed["manifest"], context)
        if outcome["outcome"] == "working":
            # the trigger knows how long, and nothing else; what is waited for stands in the receipt
            wait = TimeDeltaTrigger(timedelta(seconds=outcome["ask_again_in"]))
            self.defer(trigger=wait, method_name="ask_again")
        if outcome["outcome"] in NOT_SENT:
            raise AirflowSkipException(outcome["sentence"])
        return {**outcome, "host": here()}

    def ask_again(self, context: Context, event: object = None) -> dict[str, Any]:
        """Go on after a while, in whatever worker: as a retry would, by what the receipt says."""
        return self.execute(context)


def tell_machines(connector: Connector, outcome: dict[str, Any], manifest_uri: str, context: Context) -> None:
    """Hand the run's numbers to other DAGs and to whoever keeps metrics; a trial run has none."""
    if outcome["outcome"] in ("dry_run", "checked"):
        return
    manifest = read_json(ObjectStoragePath(manifest_uri))
    gauge(connector, outcome, manifest)
    tell_followers(connector, outcome, manifest, context)


def delivered(connector: Connector, transformed: dict[str, Any], context: Context) -> dict[str, Any]:
    """Log in to the LMS with its Airflow connection and hand the run's file over."""
    from codebashing_lms_airflow.connections import destination
    from include.codebashing_lms.load import LoadRun, load

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

"""How a run ended, seen by the tasks that come after load."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow.sdk import Context, ObjectStoragePath

from codebashing_lms_airflow.context import Run, folder_of, run_of, staging_root
from codebashing_lms_airflow.failures import FAILURE
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.staging import instant_name, read_json

STEPS = ("extract", "transform", "load")


@dataclass(frozen=True)
class Ending:
    """The end of a run. What is staged is read only when asked for.

    :param failed: the first task that failed, None when none did.
    :param failure: what that task said; None when it was killed.
    :param transformed: what transform returned; None when the run did not come that far.
    :param outcome: what load returned; None when it failed, or sent nothing on purpose.
    """

    connector: Connector
    run: Run
    logical_date: datetime
    failed: str | None
    failure: dict[str, Any] | None
    transformed: dict[str, Any] | None
    outcome: dict[str, Any] | None

    @property
    def folder(self) -> Any:
        """Return the run's folder in the staging area; of a cleared load it is still that of transform."""
        if self.transformed:
            return ObjectStoragePath(self.transformed["manifest"]).parent
        return folder_of(self.connector, self.run, self.logical_date)

    @property
    def manifest(self) -> dict[str, Any] | None:
        """Return the manifest as load left it, or as transform did before a guard stopped it."""
        staged = self.folder / "manifest.json"
        manifest: dict[str, Any] | None = read_json(staged) if staged.exists() else None
        return manifest

    @property
    def is_newest(self) -> bool:
        """Tell whether what this run found is how things are: no run of a later date has begun."""
        runs = staging_root(self.connector) / self.connector.name / "runs"
        if self.run.is_backfill:
            return False
        own = instant_name(self.logical_date)
        return not runs.exists() or all(folder.name <= own for folder in runs.iterdir())


def ending_of(connector: Connector, context: Context) -> Ending:
    """Return how the run of a context ended."""
    ti, run = context["ti"], run_of(context)
    states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id])[ti.run_id]
    failed = next((step for step in STEPS if str(states.get(step)) == "failed"), None)
    failure = ti.xcom_pull(task_ids=failed, key=FAILURE) if failed else None
    extracted, transformed, outcome = (ti.xcom_pull(task_ids=step) for step in STEPS)
    date = datetime.fromisoformat(extracted["logical_date"]) if extracted else run.scheduled
    return Ending(connector, run, date, failed, failure, transformed, outcome)

"""Airflow's context as plain values: a run, its folders in the staging area, and how it ended."""

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from airflow.configuration import AIRFLOW_HOME
from airflow.sdk import Context, ObjectStoragePath

from codebashing_lms_airflow.failures import FAILURE
from codebashing_lms_airflow.forms import Form, read_form
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.load.outcome import OutcomeKind
from include.codebashing_lms.reporting.run_end import RunEnd
from include.codebashing_lms.staging.layout import MANIFEST, RUNS, run_folder, timestamp_name
from include.codebashing_lms.transform.manifest import Manifest, read_manifest


@dataclass(frozen=True)
class Run:
    """One run of the DAG."""

    run_id: str
    clear_number: int
    scheduled: datetime
    is_backfill: bool
    triggered_by: str | None
    params: dict[str, Any]
    form: Form


def run_of(context: Context) -> Run:
    """Return the run of a context; without a logical date its run_after counts."""
    dag_run = context["dag_run"]
    params = {name: context["params"].get(name) for name in Form.__annotations__}
    return Run(
        run_id=dag_run.run_id,
        clear_number=dag_run.clear_number or 0,
        scheduled=dag_run.logical_date or dag_run.run_after,
        is_backfill=str(getattr(dag_run.run_type, "value", dag_run.run_type)) == "backfill",
        triggered_by=getattr(dag_run, "triggering_user_name", None),
        params=params,
        form=read_form(params),
    )


def staging_root(connector: Connector) -> ObjectStoragePath:
    """Return the folder in which the tasks of all connectors leave files for each other."""
    default = os.environ.get("CODEBASHING_LMS_STAGING") or str(Path(AIRFLOW_HOME) / "staging")
    return ObjectStoragePath(connector.staging.uri or default)


def home_of(connector: Connector) -> ObjectStoragePath:
    """Return a connector's folder in the staging area."""
    home: ObjectStoragePath = staging_root(connector) / connector.name
    return home


def folder_of(connector: Connector, run: Run, logical_date: datetime) -> Any:
    """Return the folder that only this run writes to."""
    return run_folder(staging_root(connector), connector.name, logical_date, run.run_id, run.clear_number)


def host_name() -> str:
    """Return the name of this machine, for the message when a later task does not find a file."""
    return socket.gethostname()


def staged_path(uri: str, summary: dict[str, Any], task: str) -> ObjectStoragePath:
    """Return the path of a file that an earlier task wrote; raise StagingError when the file is not there.

    :param summary: what that task returned: it names the task's machine.
    """
    path = ObjectStoragePath(uri)
    if path.exists():
        return path
    raise StagingError(
        f"{task} wrote {path.name} on {summary['host']}, but on {host_name()} it is not there. The staging "
        "area must be shared by all workers: mount one volume everywhere, or set staging.uri to an object "
        f"store. If somebody removed the file, clear {task}."
    )


STEPS = ("extract", "transform", "load")


@dataclass(frozen=True)
class RunResult:
    """How a run ended. Its properties read staged files.

    :param failed: the first task that failed, None when none did.
    :param failure: the error of that task, see failures.py; None when the task was killed.
    :param transformed: what transform returned; None when transform did not succeed.
    :param outcome: what load returned; None when load failed, or sent nothing on purpose.
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
        """Return the run's folder; when only load was cleared, it is still the folder of transform."""
        if self.transformed:
            return ObjectStoragePath(self.transformed["manifest"]).parent
        return folder_of(self.connector, self.run, self.logical_date)

    @property
    def manifest(self) -> Manifest | None:
        """Return the manifest of load, or of transform when a guard stopped the run; None without one."""
        return read_manifest(self.folder) if (self.folder / MANIFEST).exists() else None

    def end(self, manifest: Manifest | None) -> RunEnd:
        """Return the end of the run for report and alerts.

        :param manifest: None for a caller that must not look into the staging area.
        """
        outcome = self.outcome or {}
        return RunEnd(
            connector=self.connector.name,
            run_id=self.run.run_id,
            logical_date=self.logical_date,
            failed=self.failed,
            failure=self.failure,
            manifest=manifest,
            outcome=OutcomeKind(outcome["outcome"]) if outcome else None,
            sentence=outcome.get("sentence", ""),
            refused=outcome.get("refused", 0),
            known_refusals=outcome.get("known_refusals", 0),
        )

    @property
    def is_newest(self) -> bool:
        """Return whether no run of a later date has begun: this run shows the present state."""
        runs = home_of(self.connector) / RUNS
        if self.run.is_backfill:
            return False
        own = timestamp_name(self.logical_date)
        return not runs.exists() or all(folder.name <= own for folder in runs.iterdir())


def run_result(connector: Connector, context: Context) -> RunResult:
    """Return how the run of a context ended."""
    ti, run = context["ti"], run_of(context)
    states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id])[ti.run_id]
    failed = next((step for step in STEPS if str(states.get(step)) == "failed"), None)
    failure = ti.xcom_pull(task_ids=failed, key=FAILURE) if failed else None
    extracted, transformed, outcome = (ti.xcom_pull(task_ids=step) for step in STEPS)
    date = datetime.fromisoformat(extracted["logical_date"]) if extracted else run.scheduled
    return RunResult(connector, run, date, failed, failure, transformed, outcome)

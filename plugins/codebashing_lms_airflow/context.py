"""What a task must know about its run: Airflow's context in, plain values out."""

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from airflow.configuration import AIRFLOW_HOME
from airflow.sdk import Context, ObjectStoragePath

from codebashing_lms_airflow.params import Form, read_form
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.staging import run_folder


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
    """Return what Airflow knows about the run; a run triggered without a logical date has its run_after."""
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
    """Return where the tasks of all connectors leave files for each other."""
    default = os.environ.get("CODEBASHING_LMS_STAGING") or str(Path(AIRFLOW_HOME) / "staging")
    return ObjectStoragePath(connector.staging.uri or default)


def folder_of(connector: Connector, run: Run, logical_date: datetime) -> Any:
    """Return the folder that only this run writes to."""
    return run_folder(staging_root(connector), connector.name, logical_date, run.run_id, run.clear_number)


def here() -> str:
    """Return the name of this machine, which later tasks compare with theirs."""
    return socket.gethostname()


def written(uri: str, by: dict[str, Any], task: str) -> ObjectStoragePath:
    """Return the path of what an earlier task wrote; raise StagingError when it is not to be found."""
    path = ObjectStoragePath(uri)
    if path.exists():
        return path
    raise StagingError(
        f"{task} wrote {path.name} on {by['host']}, but on {here()} it is not there. The staging area must "
        "be shared by all workers: mount one volume everywhere, or set staging.uri to an object store. "
        f"If somebody removed the file, clear {task}."
    )

"""Where a run is to be seen: addresses in Airflow's web interface."""

from typing import Any
from urllib.parse import quote

from airflow.configuration import conf
from airflow.sdk import BaseOperatorLink

RUN_TAB, DAG_TAB = "plugin/codebashing_lms_run", "plugin/codebashing_lms_dag"


def base_url() -> str | None:
    """Return the address of Airflow's web interface, None when this worker was not told."""
    return conf.get("api", "base_url", fallback="").rstrip("/") or None


def run_url(dag_id: str, run_id: str, place: str = "") -> str | None:
    """Return the page of a run, or a place below: a task with its log, our own tab."""
    base = base_url()
    return f"{base}{_path(dag_id, run_id, place)}" if base else None


def dag_page(dag_id: str) -> str:
    """Return our tab of a DAG; without a host where Airflow does not know its address."""
    return f"{base_url() or ''}/dags/{dag_id}/{DAG_TAB}"


def _path(dag_id: str, run_id: str, place: str) -> str:
    return f"/dags/{dag_id}/runs/{quote(run_id, safe='')}/{place}"


class RunPage(BaseOperatorLink):
    """From the task load to what its run did, in words for people."""

    name = "Codebashing → LMS"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the run's tab; asked on the worker, which may not know the interface's address."""
        return f"{base_url() or ''}{_path(ti_key.dag_id, ti_key.run_id, RUN_TAB)}"

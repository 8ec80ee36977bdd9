"""Addresses of runs and DAGs in Airflow's web interface."""

from typing import Any
from urllib.parse import quote

from airflow.configuration import conf
from airflow.sdk import BaseOperatorLink

RUN_TAB, DAG_TAB = "plugin/codebashing_lms_run", "plugin/codebashing_lms_dag"


def base_url() -> str | None:
    """Return the address of Airflow's web interface, None when this worker does not know it."""
    return conf.get("api", "base_url", fallback="").rstrip("/") or None


def run_url(dag_id: str, run_id: str, tab: str = "") -> str | None:
    """Return the page of a run, or a tab of it: a task with its log, or our own tab."""
    base = base_url()
    return f"{base}{_path(dag_id, run_id, tab)}" if base else None


def dag_page(dag_id: str) -> str:
    """Return our tab of a DAG; without a host when Airflow does not know its own address."""
    return f"{base_url() or ''}/dags/{dag_id}/{DAG_TAB}"


def _path(dag_id: str, run_id: str, tab: str) -> str:
    return f"/dags/{dag_id}/runs/{quote(run_id, safe='')}/{tab}"


class RunPage(BaseOperatorLink):
    """The link from the task load to our tab of its run."""

    name = "Codebashing → LMS"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return our tab of the run. Airflow calls this on a worker, which may not know the address."""
        return f"{base_url() or ''}{_path(ti_key.dag_id, ti_key.run_id, RUN_TAB)}"

"""Where a run is to be seen: addresses in Airflow's web interface."""

from typing import Any
from urllib.parse import quote

from airflow.configuration import conf


def base_url() -> str | None:
    """Return the address of Airflow's web interface, None when this worker was not told."""
    return conf.get("api", "base_url", fallback="").rstrip("/") or None


def task_url(dag_run: Any, task_id: str) -> str | None:
    """Return the page of a task of a run, with its log."""
    base = base_url()
    run_id = quote(dag_run.run_id, safe="")
    return f"{base}/dags/{dag_run.dag_id}/runs/{run_id}/tasks/{task_id}" if base else None

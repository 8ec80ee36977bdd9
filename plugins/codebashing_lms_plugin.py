"""The page Codebashing → LMS: in the navigation, and as a tab of every DAG and DAG run.

Airflow loads plugins in every process, tasks included: the page itself is imported at the first request.
"""

from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from codebashing_lms_airflow.links import RunPage

PREFIX = "/codebashing_lms"
TITLE = "Codebashing → LMS"
ADDRESS = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + PREFIX


async def page(scope: Any, receive: Any, send: Any) -> None:
    """Serve the page, an ASGI application."""
    from codebashing_lms_airflow.ui.application import app

    await app(scope, receive, send)


def _view(path: str, destination: str, route: str, **more: str) -> dict[str, str]:
    return {"name": TITLE, "href": f"{ADDRESS}{path}", "destination": destination, "url_route": route, **more}


class CodebashingLmsPlugin(AirflowPlugin):
    """The page, its tabs, and the link from the task load."""

    name = "codebashing_lms"
    operator_extra_links = [RunPage()]
    fastapi_apps = [{"app": page, "url_prefix": PREFIX, "name": TITLE}]
    external_views = [
        _view("/", "nav", "codebashing_lms", category="browse"),
        _view("/dags/{DAG_ID}", "dag", "codebashing_lms_dag"),
        _view("/dags/{DAG_ID}/run?run_id={RUN_ID}", "dag_run", "codebashing_lms_run"),
    ]

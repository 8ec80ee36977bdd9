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


class CodebashingLmsPlugin(AirflowPlugin):
    """The page, its tabs, and the link from the task load."""

    name = "codebashing_lms"
    operator_extra_links = [RunPage()]
    fastapi_apps = [{"app": page, "url_prefix": PREFIX, "name": TITLE}]
    external_views = [
        {
            "name": TITLE,
            "href": f"{ADDRESS}/",
            "destination": "nav",
            "category": "browse",
            "url_route": "codebashing_lms",
        },
        {
            "name": TITLE,
            "href": f"{ADDRESS}/dags/{{DAG_ID}}",
            "destination": "dag",
            "url_route": "codebashing_lms_dag",
        },
        {
            "name": TITLE,
            "href": f"{ADDRESS}/dags/{{DAG_ID}}/run?run_id={{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "codebashing_lms_run",
        },
    ]

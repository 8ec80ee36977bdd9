"""The connectors of this Airflow, by the ID of their DAG."""

from codebashing_lms_airflow.run_context import home_of
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.course_map import Course
from include.codebashing_lms.config.files import InvalidFile, read_connector_files
from include.codebashing_lms.reporting.views.runs import Runs


def read_connectors() -> tuple[dict[str, Connector], list[InvalidFile]]:
    """Return the connectors by the ID of their DAG, and the files that are broken."""
    good, broken = read_connector_files()
    return {one.connector.dag_id: one.connector for one in good}, broken


def runs_of(connector: Connector) -> Runs:
    """Return a connector's runs as they are now."""
    return Runs(home_of(connector))


def course_titles(connector: Connector) -> dict[str, str]:
    """Return the titles that the connector file gives to courses."""
    if isinstance(connector.lms.course_map, str):
        return {}
    entries = connector.lms.course_map.items()
    return {slug: one.title for slug, one in entries if isinstance(one, Course) and one.title}

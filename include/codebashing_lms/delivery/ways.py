"""Which way a connector's files go."""

from typing import Any

from include.codebashing_lms.connector import (
    Connector,
    Delivery,
    FolderDelivery,
    HttpDelivery,
    Results,
    SftpDelivery,
)
from include.codebashing_lms.delivery import Way
from include.codebashing_lms.delivery.canvas import CanvasWay
from include.codebashing_lms.delivery.folder import FolderWay
from include.codebashing_lms.delivery.http import HttpWay
from include.codebashing_lms.delivery.moodle import MoodleWay
from include.codebashing_lms.delivery.oracle_hdl import OracleHdlWay
from include.codebashing_lms.delivery.sftp import SftpSite, SftpWay
from include.codebashing_lms.delivery.xapi import XapiWay
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.http_site import HttpSite

Destination = HttpSite | SftpSite | None


def way_to(connector: Connector, destination: Destination) -> Way:
    """Return the way to the LMS; ConnectorError where the Airflow connection is of another kind."""
    delivery = connector.delivery
    if isinstance(delivery, FolderDelivery):
        return FolderWay(delivery)
    if isinstance(delivery, HttpDelivery) and isinstance(destination, HttpSite):
        return _over_http(connector, delivery, destination)
    if isinstance(delivery, SftpDelivery) and isinstance(destination, SftpSite):
        return SftpWay(delivery, destination)
    raise ConnectorError(f"The connection {delivery.conn_id} does not fit delivery.method {delivery.method}.")


def _over_http(connector: Connector, delivery: HttpDelivery, site: HttpSite) -> Way:
    """Return the way that speaks the LMS's own language, or the one that uploads the file as it is."""
    contract, lms = connector.lms.contract, connector.lms
    options = contract.options
    if contract.sender == "xapi":
        return XapiWay(delivery, site, options["version"], options["batch"])
    if contract.sender == "oracle_hdl":
        return OracleHdlWay(delivery, site)
    if contract.sender == "moodle_ws":
        named = ("user_field", "course_field", "source", "batch")
        return MoodleWay(delivery, site, *(options[name] for name in named))
    if contract.sender == "canvas":
        return CanvasWay(delivery, site, options["user_ids"], options["batch"], _assignments(lms.course_map))
    return HttpWay(delivery, site, contract.appends, contract.file.header)


def _assignments(course_map: Any) -> tuple[tuple[str, str], ...]:
    """Return course and assignment of each course that the connector file maps; of a list elsewhere, none."""
    courses = course_map.values() if isinstance(course_map, dict) else ()
    return tuple((one.id, one.assignment_id) for one in courses if one != "ignore")


def appends(connector: Connector) -> bool:
    """Tell whether the LMS would add rows a second time that it is sent a second time."""
    return connector.lms.contract.appends


def tells_refusals(connector: Connector) -> bool:
    """Tell whether the LMS says of every row at once, or when its job has ended, if it refused it."""
    delivery = connector.delivery
    if not isinstance(delivery, HttpDelivery):
        return False
    return connector.lms.contract.sender != "file" or bool(delivery.results and delivery.results.names_rows)


def most_refused(delivery: Delivery) -> float:
    """Return how many percent of its rows the LMS may refuse of a file that counts as delivered."""
    return (delivery.results or Results()).max_refused_percent

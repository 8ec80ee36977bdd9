"""The transport of a connector, and what follows from the connector file for its deliveries."""

from typing import Any

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.delivery import Delivery, FolderDelivery, HttpDelivery, SftpDelivery
from include.codebashing_lms.config.delivery_results import Results
from include.codebashing_lms.connections.model import HttpConnection, LmsConnection, SftpConnection
from include.codebashing_lms.delivery.folder import FolderTransport
from include.codebashing_lms.delivery.http.upload import HttpTransport
from include.codebashing_lms.delivery.lms_apis.canvas import CanvasTransport
from include.codebashing_lms.delivery.lms_apis.grades import GradeItem
from include.codebashing_lms.delivery.lms_apis.moodle import MoodleTransport
from include.codebashing_lms.delivery.lms_apis.oracle_hdl import OracleHdlTransport
from include.codebashing_lms.delivery.lms_apis.xapi import XapiTransport
from include.codebashing_lms.delivery.sftp import SftpTransport
from include.codebashing_lms.delivery.transport import Transport
from include.codebashing_lms.errors import ConnectorError


def transport_for(connector: Connector, connection: LmsConnection) -> Transport:
    """Return the transport to the LMS; ConnectorError where the Airflow connection is of another kind."""
    delivery = connector.delivery
    if isinstance(delivery, FolderDelivery):
        return FolderTransport(delivery)
    if isinstance(delivery, HttpDelivery) and isinstance(connection, HttpConnection):
        return _over_http(connector, delivery, connection)
    if isinstance(delivery, SftpDelivery) and isinstance(connection, SftpConnection):
        return SftpTransport(delivery, connection)
    raise ConnectorError(f"The connection {delivery.conn_id} does not fit delivery.method {delivery.method}.")


def _over_http(connector: Connector, delivery: HttpDelivery, connection: HttpConnection) -> Transport:
    contract, course_map = connector.lms.contract, connector.lms.course_map
    options = contract.options
    mapped: dict[str, Any] = course_map if isinstance(course_map, dict) else {}  # no list elsewhere is read
    if contract.sender == "xapi":
        return XapiTransport(delivery, connection, options["version"], options["batch"])
    if contract.sender == "oracle_hdl":
        return OracleHdlTransport(delivery, connection)
    if contract.sender == "moodle_ws":
        named = ("user_field", "course_field", "source", "batch", "points")
        settings = {name: options[name] for name in named}
        return MoodleTransport(delivery, connection, **settings, activities=_activities(mapped))
    if contract.sender == "canvas":
        targets = [(one.id, one.assignment_id) for one in mapped.values() if one != "ignore"]
        return CanvasTransport(delivery, connection, options["user_ids"], options["batch"], tuple(targets))
    return HttpTransport(delivery, connection, contract.appends, contract.file.header)


def _activities(course_map: dict[str, Any]) -> dict[str, GradeItem]:
    return {
        slug: GradeItem(course.id, str(course.activity_id), course.component, course.item_number)
        for slug, course in course_map.items()
        if course != "ignore"
    }


def appends(connector: Connector) -> bool:
    """Return whether the LMS adds a row a second time when it gets the row again."""
    return connector.lms.contract.appends


def reports_refusals(connector: Connector) -> bool:
    """Return whether the LMS names every refused row, in its answer or when its job has ended."""
    delivery = connector.delivery
    if not isinstance(delivery, HttpDelivery):
        return False
    return connector.lms.contract.sender != "file" or bool(delivery.results and delivery.results.names_rows)


def max_refused_percent(delivery: Delivery) -> float:
    """Return the percentage of a file's rows that the LMS may refuse in a delivery that succeeds."""
    return (delivery.results or Results()).max_refused_percent

"""Which way a connector's files go."""

from include.codebashing_lms.connector import Connector, FolderDelivery, HttpDelivery, SftpDelivery
from include.codebashing_lms.delivery import Way
from include.codebashing_lms.delivery.folder import FolderWay
from include.codebashing_lms.delivery.http import HttpWay
from include.codebashing_lms.delivery.sftp import SftpSite, SftpWay
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.http_site import HttpSite

Destination = HttpSite | SftpSite | None


def way_to(connector: Connector, destination: Destination) -> Way:
    """Return the way to the LMS; ConnectorError where the Airflow connection is of another kind."""
    delivery = connector.delivery
    if isinstance(delivery, FolderDelivery):
        return FolderWay(delivery)
    if isinstance(delivery, HttpDelivery) and isinstance(destination, HttpSite):
        return HttpWay(delivery, destination, appends(connector), connector.lms.contract.file.header)
    if isinstance(delivery, SftpDelivery) and isinstance(destination, SftpSite):
        return SftpWay(delivery, destination)
    raise ConnectorError(f"The connection {delivery.conn_id} does not fit delivery.method {delivery.method}.")


def appends(connector: Connector) -> bool:
    """Tell whether the LMS would add rows a second time that it is sent a second time."""
    return connector.lms.contract.appends

"""What Airflow connections to the stand-ins of the demo say."""

from dataclasses import replace
from typing import Any

from demo.lms import Lms
from demo.sftp import PASSWORD, USERNAME, SftpServer
from include.codebashing_lms.connections.model import HttpConnection, SftpConnection


def lms_connection(lms: Lms) -> HttpConnection:
    return HttpConnection(lms.url, password=lms.token)


def sftp_connection(server: SftpServer, **changes: Any) -> SftpConnection:
    connection = SftpConnection("127.0.0.1", server.port, USERNAME, PASSWORD, host_key=server.host_key)
    return replace(connection, **changes)

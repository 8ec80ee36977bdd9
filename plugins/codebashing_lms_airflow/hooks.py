"""Airflow connections become sessions and credentials. Nothing of them is logged or put into XCom."""

import base64
from typing import Any

import requests
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk import BaseHook, Connection
from airflow.sdk.log import mask_secret

from codebashing_lms_airflow.airflow_compat import AirflowNotFoundException
from include.codebashing_lms.config.delivery import Delivery, FolderDelivery, HttpDelivery
from include.codebashing_lms.config.source import Source
from include.codebashing_lms.connections.http import endpoint_url
from include.codebashing_lms.connections.model import HttpConnection, SftpConnection
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.extract.client import check_status
from include.codebashing_lms.extract.session import SourceCredentials, signed_session

SWITCHES = {"true": True, "1": True, "false": False, "0": False}


class CodebashingHook(HttpHook):
    """Sessions with Codebashing: they trust what the connection says and follow no redirect.

    The hook reads the connection when a session is opened, and keeps no credentials.

    :param source: the section of the connector file; names the connection
    """

    def __init__(self, source: Source) -> None:
        super().__init__(method="GET", http_conn_id=source.conn_id)
        self.source = source

    def get_conn(self, headers: Any = None, extra_options: Any = None) -> requests.Session:
        """Return a session that signs every request with the connection's token and API key."""
        credentials = source_credentials(self.http_conn_id)
        self.base_url = credentials.connection.base_url
        self.merged_extra = {"timeout": self.source.timeout, "allow_redirects": False, **(extra_options or {})}
        session = signed_session(self.source, credentials)
        session.headers.update(headers or {})
        return session

    def url_from_endpoint(self, endpoint: str | None) -> str:
        """Return the address of an endpoint; plain http is for loopback only."""
        base_url = self.base_url or source_credentials(self.http_conn_id).connection.base_url
        return endpoint_url(HttpConnection(base_url), endpoint or "")

    def check_response(self, response: requests.Response) -> None:
        """Raise a SourceError unless the status is 200; HttpHook would log the body of the answer."""
        check_status(response, self.http_conn_id, fields_requested=False)


def source_credentials(conn_id: str) -> SourceCredentials:
    """Return the credentials of Codebashing: the token is the password, the API key is in the extra."""
    connection = _connection(conn_id, "http")
    return SourceCredentials(
        connection=_http_connection(connection),
        token=_required(connection, "password", connection.password, "the Codebashing token"),
        api_key=_required(connection, "extra.api_key", connection.extra_dejson.get("api_key"), "the API key"),
    )


def lms_connection(delivery: Delivery) -> HttpConnection | SftpConnection | None:
    """Return the connection to the LMS; a folder needs none."""
    if isinstance(delivery, FolderDelivery):
        return None
    if isinstance(delivery, HttpDelivery):
        return _lms_http_connection(_connection(delivery.conn_id, "http"))
    return sftp_connection(delivery.conn_id)


def sftp_connection(conn_id: str) -> SftpConnection:
    """Return the connection to an SFTP server."""
    connection = _connection(conn_id, "sftp")
    return SftpConnection(
        host=_required_host(connection),
        port=connection.port or 22,
        username=connection.login or None,
        password=_masked(connection.password),
        private_key=_masked(_extra(connection, "private_key", str)),
        private_key_passphrase=_masked(_extra(connection, "private_key_passphrase", str)),
        key_file=_extra(connection, "key_file", str),
        host_key=_extra(connection, "host_key", str),
        known_hosts=_extra(connection, "known_hosts", str),
        no_host_key_check=_switch(connection, "no_host_key_check", default=False),
        pgp_public_key=_extra(connection, "pgp_public_key", str),
        pgp_private_key=_masked(_extra(connection, "pgp_private_key", str)),
        pgp_private_key_passphrase=_masked(_extra(connection, "pgp_private_key_passphrase", str)),
    )


def _connection(conn_id: str, kind: str) -> Connection:
    try:
        connection: Connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise ConnectorError(
            f"The Airflow connection {conn_id!r} does not exist. Create it with the type {kind} (Admin > Connections)."
        ) from None
    if connection.conn_type != kind:
        raise ConnectorError(
            f"The Airflow connection {conn_id!r} has the type {connection.conn_type}; it must be {kind}."
        )
    return connection


def _required(connection: Connection, field: str, value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConnectorError(f"The Airflow connection {connection.conn_id!r} has no usable {field}: put {what} there.")
    mask_secret(value.strip())
    return value.strip()


def _http_connection(connection: Connection, login: str | None = None, password: str | None = None) -> HttpConnection:
    return HttpConnection(
        base_url=_base_url(connection),
        login=login,
        password=password,
        verify=_switch_or_path(connection, "verify", default=True),
        cert=_extra(connection, "cert", str),
        proxies=_extra(connection, "proxies", dict),
        trust_env=_switch(connection, "trust_env", default=True),
    )


def _base_url(connection: Connection) -> str:
    host = _required_host(connection)
    address = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    if not connection.port:
        return address
    scheme, _, rest = address.partition("://")
    name, slash, path = rest.partition("/")
    return f"{scheme}://{name}:{connection.port}{slash}{path}"


def _required_host(connection: Connection) -> str:
    host = (connection.host or "").strip()
    if not host:
        raise ConnectorError(f"The Airflow connection {connection.conn_id!r} has no host.")
    return host


def _lms_http_connection(connection: Connection) -> HttpConnection:
    """With a login the LMS gets basic auth; without one the password is a bearer token."""
    what = f"the password of {connection.login}" if connection.login else "the LMS's bearer token"
    password = _required(connection, "password", connection.password, what)
    if connection.login:
        mask_secret(base64.b64encode(f"{connection.login}:{password}".encode()).decode())
    return _http_connection(connection, connection.login or None, password)


def _masked(secret: str | None) -> str | None:
    if not secret:
        return None
    mask_secret(secret)
    return secret


def _extra(connection: Connection, field: str, kind: type) -> Any:
    value = connection.extra_dejson.get(field)
    if value is not None and not isinstance(value, kind):
        raise _wrong(connection, field, "text" if kind is str else "a mapping")
    return value or None


def _switch(connection: Connection, field: str, default: bool) -> bool:
    answer = _switch_or_path(connection, field, default)
    if not isinstance(answer, bool):
        raise _wrong(connection, field, "true or false")
    return answer


def _switch_or_path(connection: Connection, field: str, default: bool) -> bool | str:
    value = connection.extra_dejson.get(field, default)
    if not isinstance(value, bool | str) or value == "":
        raise _wrong(connection, field, "true, false or a path")
    return SWITCHES.get(str(value).strip().lower(), value)


def _wrong(connection: Connection, field: str, expected: str) -> ConnectorError:
    return ConnectorError(f"The Airflow connection {connection.conn_id!r}: extra.{field} must be {expected}.")

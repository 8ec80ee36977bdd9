"""Addresses and sessions of an HTTP connection; credentials go to its host and nowhere else."""

import ipaddress
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests

from include.codebashing_lms import __version__
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.errors import ConnectorError


class _Session(requests.Session):
    """A session that follows no redirect, and prefers the connection's settings to the environment's."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return no target: requests would forward our own headers to any host."""
        return None

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Put the connection's settings before REQUESTS_CA_BUNDLE and HTTPS_PROXY, which requests prefers."""
        chosen = {**self.proxies, **(proxies or {})}
        trusted = self.verify if verify is None else verify
        return super().merge_environment_settings(url, chosen, stream, trusted, cert)


def endpoint_url(connection: HttpConnection, endpoint: str) -> str:
    """Return the address of an endpoint; plain http is for loopback only."""
    if "@" in connection.base_url:
        raise ConnectorError("The connection's host holds a login or password; put them into fields of their own.")
    base = _split(connection.base_url)
    if base.scheme not in ("https", "http") or not base.hostname:
        raise ConnectorError(
            f"{connection.base_url!r} is no web address; set the connection's host to https://<host name>."
        )
    if base.scheme == "http" and not _is_loopback(base.hostname):
        raise ConnectorError(
            f"http://{base.netloc} would carry credentials and people's data unencrypted. "
            f"Set the connection's host to https://{base.netloc}, or its schema to https."
        )
    if "://" in endpoint.partition("?")[0]:
        raise ConnectorError("The endpoint must be a path such as /api/v1/…; the host belongs into the connection.")
    return f"{connection.base_url.rstrip('/')}/{endpoint.lstrip('/')}"


def _split(base_url: str) -> SplitResult:
    try:
        return urlsplit(base_url)
    except ValueError:
        return urlsplit("")


def new_session(connection: HttpConnection) -> requests.Session:
    """Return a session that trusts what the connection says; it holds no credentials."""
    session = _Session()
    session.headers["User-Agent"] = f"codebashing-lms/{__version__}"
    session.verify = connection.verify
    session.cert = connection.cert
    session.proxies.update(connection.proxies or {})
    session.trust_env = connection.trust_env and not _is_loopback(urlsplit(connection.base_url).hostname or "")
    return session


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

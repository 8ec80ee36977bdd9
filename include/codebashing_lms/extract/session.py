"""The session with Codebashing: its credentials, and how each request is signed with them."""

import re
from dataclasses import dataclass, field

import requests

from include.codebashing_lms.config.source import Source
from include.codebashing_lms.connections.http import new_session
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.errors import ConnectorError

HEADER_SAFE = re.compile(r"[!#-~]+")


@dataclass(frozen=True)
class SourceCredentials:
    """What Codebashing's Airflow connection says: the address, and the two secrets of the API."""

    connection: HttpConnection
    token: str = field(repr=False)
    api_key: str = field(repr=False)


def signed_session(source: Source, credentials: SourceCredentials) -> requests.Session:
    """Return a session that trusts what the connection says, and adds the credentials to every request.

    The credentials are the session's `auth`: without one, requests sends what a .netrc says about the host.

    :raises ConnectorError: a secret is empty, or no header can carry it.
    """
    token, api_key = credentials.token, credentials.api_key
    _check_secret("token (the connection's password)", token, source.conn_id)
    _check_secret("api_key (in the connection's extra)", api_key, source.conn_id)
    authorization = f'Token token="{token}"' if source.auth == "token" else f"Bearer {token}"

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-API-KEY"] = api_key
        request.headers["Authorization"] = authorization
        return request

    session = new_session(credentials.connection)
    session.auth = sign
    return session


def _check_secret(name: str, secret: str, conn_id: str) -> None:
    if not HEADER_SAFE.fullmatch(secret):
        raise ConnectorError(
            f"The {name} of the Airflow connection {conn_id} is empty, or holds a blank, a quote, "
            "a line break or a character outside ASCII. Copy it anew from Codebashing."
        )

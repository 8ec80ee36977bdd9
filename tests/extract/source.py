"""A connector's source, and one call of it."""

from typing import Any

from include.codebashing_lms.config.connector import Connector, parse_connector
from include.codebashing_lms.config.source import Source
from include.codebashing_lms.connections.http import endpoint_url
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.extract.client import RetryPolicy, SourceClient
from include.codebashing_lms.extract.fetch import StagedSnapshot, fetch_snapshot
from include.codebashing_lms.extract.session import SourceCredentials, signed_session

TOKEN = "token-f00d"
API_KEY = "key-beef"
IMPATIENT = RetryPolicy(attempts=3, first_wait=0.01, longest_wait=2)


def connector(sections=None, **source) -> Connector:
    return parse_connector(
        {
            "name": "acme",
            "source": {"conn_id": "codebashing", "timeout": 0.4, **source},
            "delivery": {"method": "folder", "directory": "out"},
            **(sections or {}),
        }
    )


def source_client(
    source: Source, base_url: str, token: str = TOKEN, api_key: str = API_KEY, **connection: Any
) -> SourceClient:
    """Return a client as the task extract makes it, without Airflow."""
    credentials = SourceCredentials(HttpConnection(base_url, **connection), token, api_key)
    url = endpoint_url(credentials.connection, source.endpoint)
    return SourceClient(source, url, signed_session(source, credentials), IMPATIENT)


def fetch_once(folder, base_url: str, fields=("email",), token=TOKEN, site=None, **source) -> StagedSnapshot:
    """Stage a snapshot below a folder."""
    client = source_client(connector(**source).source, base_url, token, **(site or {}))
    asked = list(fields) if fields is not None else None
    return fetch_snapshot(client, folder / "snapshots", folder / "runs" / "one", asked)

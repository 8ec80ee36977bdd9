"""A connector's source, and one call of it."""

from include.codebashing_lms.config.connector import Connector, parse_connector
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.extract.client import RetryPolicy, SourceCredentials
from include.codebashing_lms.extract.fetch import StagedSnapshot, fetch_snapshot

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


def fetch_once(folder, base_url: str, fields=("email",), token=TOKEN, site=None, **source) -> StagedSnapshot:
    """Stage a snapshot below a folder."""
    return fetch_snapshot(
        connector(**source),
        SourceCredentials(HttpConnection(base_url, **(site or {})), token=token, api_key=API_KEY),
        folder / "snapshots",
        folder / "runs" / "one",
        list(fields) if fields is not None else None,
        IMPATIENT,
    )

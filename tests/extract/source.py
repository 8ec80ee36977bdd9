"""A connector's source, and one call of it."""

from include.codebashing_lms.api import Patience, SourceAccess
from include.codebashing_lms.connector import Connector, connector_of
from include.codebashing_lms.http_site import HttpSite
from include.codebashing_lms.source import Fetched, fetch_snapshot

TOKEN = "token-f00d"
API_KEY = "key-beef"
IMPATIENT = Patience(attempts=3, first_wait=0.01, longest_wait=2)


def connector(sections=None, **source) -> Connector:
    return connector_of(
        {
            "name": "acme",
            "source": {"conn_id": "codebashing", "timeout": 0.4, **source},
            "delivery": {"method": "folder", "directory": "out"},
            **(sections or {}),
        }
    )


def fetch_once(folder, base_url: str, fields=("email",), token=TOKEN, site=None, **source) -> Fetched:
    """Stage a snapshot below a folder."""
    return fetch_snapshot(
        connector(**source),
        SourceAccess(HttpSite(base_url, **(site or {})), token=token, api_key=API_KEY),
        folder / "snapshots",
        folder / "runs" / "one",
        list(fields) if fields is not None else None,
        IMPATIENT,
    )

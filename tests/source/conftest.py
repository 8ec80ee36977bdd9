import pytest

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


@pytest.fixture
def fetch(tmp_path):
    """Return fetch_snapshot with everything but what a test is about."""

    def _fetch(base_url: str, fields=("email",), token=TOKEN, site=None, **source) -> Fetched:
        return fetch_snapshot(
            connector(**source),
            SourceAccess(HttpSite(base_url, **(site or {})), token=token, api_key=API_KEY),
            tmp_path / "snapshots",
            tmp_path / "runs" / "one",
            list(fields) if fields is not None else None,
            IMPATIENT,
        )

    return _fetch


@pytest.fixture
def files(tmp_path):
    """Return what lies below the staging area."""
    return lambda: [path for path in tmp_path.rglob("*") if path.is_file()]

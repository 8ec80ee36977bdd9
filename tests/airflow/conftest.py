"""One Airflow for all tests here: one database, whole runs in this process, and its page."""

from datetime import timedelta

import pytest

from demo.history import Company, stage_history, stage_run
from include.codebashing_lms.config.files import read_connector, sha256_of_connector
from tests.airflow.learners import learner
from tests.fakes.receivers import MailServer, WebServer
from tests.reporting.views.acme import TODAY, write_connector

ROLES = {"ada": "admin", "ursula": "user", "vera": "viewer", "nobody": None}


@pytest.fixture(scope="session")
def airflow_db():
    """Migrate the database; it takes seconds, so once for all tests."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def site(airflow_db, tmp_path, monkeypatch, capfd, caplog):
    """Return a folder of its own for a test: connectors, connections, staging area, drop folder."""
    from tests.airflow.site import Site

    return Site(tmp_path, monkeypatch, capfd, caplog)


@pytest.fixture
def source(site):
    site.drop.mkdir()
    with site.source([learner(number) for number in range(1, 5)]) as api:
        yield api


@pytest.fixture
def mail():
    with MailServer() as server:
        yield server


@pytest.fixture
def web():
    with WebServer() as server:
        yield server


@pytest.fixture
def mail_connection(site, mail):
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com", "retry_limit": 1}
    site.connection("smtp_default", conn_type="smtp", host="127.0.0.1", port=mail.port, extra=extra)
    return {"smtp": {"to": ["oncall@example.com"]}}


@pytest.fixture(scope="session")
def company_of_five_runs(tmp_path_factory):
    """Return a folder with connectors and a staging area: `acme` with five runs, `fresh` with none."""
    folder = tmp_path_factory.mktemp("page")
    path = write_connector(folder, "acme")
    write_connector(folder, "fresh")
    connector, sha256 = read_connector(path), sha256_of_connector(path)
    company = Company(60, TODAY - timedelta(days=5), TODAY - timedelta(days=90))
    outcomes = list(stage_history(connector, sha256, folder / "staging", company, 5))
    assert [one.kind for one in outcomes] == ["delivered"] * 5
    tried = stage_run(
        connector, sha256, folder / "staging", company.answer(), TODAY + timedelta(hours=1), "manual__dry", dry_run=True
    )
    assert tried.kind == "dry_run"
    return folder


@pytest.fixture
def pages_folder(company_of_five_runs, monkeypatch):
    """Point the page at the five runs; return their folder."""
    monkeypatch.setenv("CODEBASHING_LMS_CONNECTORS", str(company_of_five_runs / "connectors"))
    monkeypatch.setenv("CODEBASHING_LMS_STAGING", f"file://{company_of_five_runs / 'staging'}")
    return company_of_five_runs


@pytest.fixture(scope="session")
def airflow_app(tmp_path_factory):
    """Return Airflow's own application, with its plugins and its default users and roles."""
    from airflow.api_fastapi.app import create_app
    from airflow.utils.db import initdb

    initdb()
    return create_app()


@pytest.fixture
def client_of(airflow_app, pages_folder):
    """Return a function that gives the HTTP client of a user, or of nobody at all."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    def client(name: str | None) -> TestClient:
        headers = {"Accept": "text/html"}
        if name:
            user = SimpleAuthManagerUser(username=name, role=ROLES[name])
            headers["Authorization"] = f"Bearer {get_auth_manager().generate_jwt(user)}"
        return TestClient(airflow_app, headers=headers, base_url="http://127.0.0.1")

    return client

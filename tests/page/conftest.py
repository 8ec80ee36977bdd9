"""Five runs of an invented company, and the page served by a real Airflow application."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from demo.history import Company, stage_history, stage_run
from include.codebashing_lms.connector_file import read_connector, sha256_of_connector

TODAY = datetime(2026, 11, 23, 5, 15, 2, tzinfo=UTC)
ROLES = {"ada": "admin", "ursula": "user", "vera": "viewer", "nobody": None}


def write_connector(folder: Path, name: str, **changes) -> Path:
    """Write a connector file that delivers to a folder beside it."""
    drop = folder / "drop" / name
    drop.mkdir(parents=True)
    content = {
        "name": name,
        "schedule": None,
        "source": {"conn_id": "codebashing"},
        "guards": {"max_set_aside_percent": None},
        "lms": {"course_map": {"java": {"id": "SEC-101", "title": "Secure Java"}, "rust": "ignore"}},
        "delivery": {"method": "folder", "directory": str(drop)},
        **changes,
    }
    content["lms"]["course_map"] |= {
        slug: {"id": slug} for slug in ("python", "dotnet", "nodejs", "frontend")
    }
    if "lms" in changes:
        return _written(folder, name, content)
    content["lms"]["course_map"] |= {slug: {"id": slug} for slug in ("go", "php")}
    return _written(folder, name, content)


def _written(folder: Path, name: str, content: dict) -> Path:
    connectors = folder / "connectors"
    connectors.mkdir(exist_ok=True)
    path = connectors / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="session")
def company_of_five_runs(tmp_path_factory):
    """Return a folder with connectors and a staging area: `acme` with five runs, `fresh` with none."""
    folder = tmp_path_factory.mktemp("page")
    path = write_connector(folder, "acme")
    write_connector(folder, "fresh")
    connector, sha256 = read_connector(path), sha256_of_connector(path)
    company = Company(60, TODAY - timedelta(days=5), TODAY - timedelta(days=90))
    outcomes = list(stage_history(connector, sha256, folder / "staging", company, 5))
    assert [one["outcome"] for one in outcomes] == ["delivered"] * 5
    tried = stage_run(
        connector,
        sha256,
        folder / "staging",
        company.answer(),
        TODAY + timedelta(hours=1),
        "manual__dry",
        dry_run=True,
    )
    assert tried["outcome"] == "dry_run"
    return folder


@pytest.fixture
def surroundings(company_of_five_runs, monkeypatch):
    """Point the page at them."""
    monkeypatch.setenv("CODEBASHING_LMS_CONNECTORS", str(company_of_five_runs / "connectors"))
    monkeypatch.setenv("CODEBASHING_LMS_STAGING", f"file://{company_of_five_runs / 'staging'}")
    return company_of_five_runs


@pytest.fixture(scope="session")
def airflow_app(tmp_path_factory):
    """Return Airflow's own application, with its plugins and its default way of telling users apart."""
    from airflow.api_fastapi.app import create_app
    from airflow.utils.db import initdb

    initdb()
    return create_app()


@pytest.fixture
def client_of(airflow_app, surroundings):
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

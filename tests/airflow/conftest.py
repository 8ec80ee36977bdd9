"""One Airflow for all tests here: one database, whole runs in this process."""

import pytest


@pytest.fixture(scope="session")
def airflow_db():
    """Migrate the database; it takes seconds, so once for all tests."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def site(airflow_db, tmp_path, monkeypatch, capfd, caplog):
    """Return a place of its own for a test: connectors, connections, staging area, drop folder."""
    from tests.airflow.site import Site

    return Site(tmp_path, monkeypatch, capfd, caplog)

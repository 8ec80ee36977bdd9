"""Airflow's surroundings, set before any test module imports it: a home that is thrown away."""

import os
import secrets
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.paths import ROOT

HOME = Path(tempfile.mkdtemp(prefix="codebashing-lms-tests-"))
for name in [name for name in os.environ if name.startswith(("AIRFLOW", "CODEBASHING_LMS_"))]:
    del os.environ[name]  # another Airflow's database must not be touched
os.environ |= {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
}


# Hypothesis watches the clock; a busy machine is no fault of the code.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(scope="session", autouse=True)
def _airflow_home():
    yield
    shutil.rmtree(HOME)


@pytest.fixture(scope="session")
def s3():
    """Return the address of an S3; one for all, as Airflow remembers a connection's file system."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def store(s3, monkeypatch):
    """Return a staging area in a bucket of its own, and the bucket."""
    from tests.fakes.object_store import bucket_of

    return bucket_of(s3, f"of{secrets.token_hex(6)}", monkeypatch)


@pytest.fixture
def staged(tmp_path):
    """Return a run that transform has staged."""
    from tests.load.staged_run import stage

    return stage(tmp_path / "staging")


@pytest.fixture
def drop(tmp_path):
    """Return an empty folder that an LMS looks into."""
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


@pytest.fixture
def lms():
    """Return an LMS with an import endpoint."""
    from demo.lms import Lms

    with Lms() as server:
        yield server


@pytest.fixture
def sftp(drop):
    """Return an SFTP server over the drop."""
    from demo.sftp import SftpServer

    with SftpServer(drop) as server:
        yield server

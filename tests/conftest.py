"""Airflow's surroundings, set before any test module imports it: a home that is thrown away."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOME = Path(tempfile.mkdtemp(prefix="codebashing-lms-tests-"))
for name in [name for name in os.environ if name.startswith(("AIRFLOW", "CODEBASHING_LMS_"))]:
    del os.environ[name]  # another Airflow's database must not be touched
os.environ |= {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
}


@pytest.fixture(scope="session", autouse=True)
def _airflow_home():
    yield
    shutil.rmtree(HOME)

"""Environment variables for the demo's Airflow."""

import json
import os
from pathlib import Path

from demo.codebashing import Codebashing

ROOT = Path(__file__).resolve().parents[1]
INBOX = ROOT / ".demo" / "lms-inbox"
DAG_ID = "codebashing_lms_demo"


def set_environment(home: Path, source: Codebashing) -> None:
    """Set variables for an Airflow in `home` that reads the stand-in; remove those of any other Airflow."""
    os.chdir(ROOT)
    INBOX.mkdir(parents=True, exist_ok=True)
    for name in [name for name in os.environ if name.startswith(("AIRFLOW", "CODEBASHING_LMS_"))]:
        del os.environ[name]
    os.environ |= _variables(home, source)


def _variables(home: Path, source: Codebashing) -> dict[str, str]:
    connection = {
        "conn_type": "http",
        "host": source.url,
        "password": source.token,
        "extra": {"api_key": source.api_key},
    }
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # SQLite lets one process write at a time; the others wait, instead of giving up after 5 s
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=60",
        "AIRFLOW_CONN_CODEBASHING": json.dumps(connection),
        "CODEBASHING_LMS_CONNECTORS": str(ROOT / "demo" / "connectors"),
        "CODEBASHING_LMS_STAGING": f"file://{home / 'staging'}",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }

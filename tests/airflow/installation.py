"""A whole Airflow: its database and its processes, seen through its API and its command line."""

import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from demo.airflow_processes import airflow
from demo.codebashing import Codebashing
from demo.ui import answer
from tests.airflow.postgres import postgres, programs
from tests.paths import ROOT

PARTS = (["api-server"], ["scheduler", "--skip-serve-logs"], ["dag-processor"])
TIMEOUT = 240  # seconds until it is up
GRACE = 20  # seconds a part has to end by itself


class Installation:
    """An Airflow in a folder; `several`: its tasks may run at the same time."""

    def __init__(self, home: Path, database: str, several: bool, more: dict[str, str], *parts: tuple[str, ...]) -> None:
        self.home, self.several, self.kinds = home, several, (*PARTS, *parts)
        self.url, self.password = f"http://127.0.0.1:{_free_port()}", secrets.token_urlsafe(9)
        (home / "passwords.json").write_text(json.dumps({"admin": self.password}))
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": self.url.rpartition(":")[2],
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(48),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "3" if several else "1",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
            "PYTHONWARNINGS": "ignore",
            **more,
        }
        if several:  # Airflow would look for another driver
            self.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"] = database
        self.parts: list[subprocess.Popen[bytes]] = []
        self._token: str | None = None

    def prepare(self) -> None:
        """Make the database, and start."""
        self._command(("db", "migrate"))
        self.start()

    def command(self, *arguments: str) -> None:
        """Run a command of Airflow's; SQLite would turn it away while other processes write."""
        if self.several:
            self._command(arguments)
            return
        self.stop()
        self._command(arguments)
        self.start()

    def _command(self, arguments: tuple[str, ...]) -> None:
        done = subprocess.run(
            airflow(*arguments), cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self, path: str, content: Any = None) -> dict[str, Any]:
        """Return what Airflow's API says, nothing where it does not answer."""
        if self._token is None:
            login = {"username": "admin", "password": self.password}
            self._token = answer(f"{self.url}/auth/token", login).get("access_token")
        return answer(f"{self.url}/api/v2/{path}", content, self._token)

    def healthy(self) -> bool:
        """Tell whether scheduler and DAG processor say that they are well."""
        health = self.ask("monitor/health")
        needed = ("metadatabase", "scheduler", "dag_processor")
        return bool(health) and all(health[part]["status"] == "healthy" for part in needed)

    def start(self) -> None:
        """Start all its processes; each is a session of its own, so that its tasks end with it."""
        for part in self.kinds:
            with (self.home / f"{part[0]}.log").open("ab") as log:
                self.parts.append(
                    subprocess.Popen(
                        airflow(*part),
                        cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True,
                    )
                )  # fmt: skip
        wait_for(self.healthy, TIMEOUT)

    def stop(self) -> None:
        """End all its processes."""
        for part in self.parts:
            os.killpg(part.pid, signal.SIGTERM)
        for part in self.parts:
            with suppress(subprocess.TimeoutExpired):
                part.wait(GRACE)
            with suppress(ProcessLookupError):
                os.killpg(part.pid, signal.SIGKILL)
            part.wait()
        self.parts.clear()


def environment_of(folder: Path, **connections: dict[str, Any]) -> dict[str, str]:
    """Return the environment of an Airflow: connector files, staging area in a folder, connections by ID."""
    return {
        "CODEBASHING_LMS_CONNECTORS": str(folder / "connectors"),
        "CODEBASHING_LMS_STAGING": f"file://{folder / 'staging'}",
        **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(one) for name, one in connections.items()},
    }


def to_codebashing(api: Codebashing) -> dict[str, Any]:
    """Return the connection to a stand-in for Codebashing."""
    extra = {"api_key": api.api_key}
    return {"conn_type": "http", "host": api.url, "password": api.token, "extra": extra}


@contextmanager
def installed(home: Path, more: dict[str, str], *parts: tuple[str, ...]) -> Iterator[Installation]:
    """Install an Airflow on PostgreSQL; without PostgreSQL on SQLite, which takes one task at a time."""
    home.mkdir()
    with ExitStack() as stack:
        where = programs()
        database = f"sqlite:///{home}/airflow.db?timeout=60"
        if where:
            database = stack.enter_context(postgres(where))
        airflow = Installation(home, database, bool(where), more, *parts)
        stack.callback(airflow.stop)
        airflow.prepare()
        yield airflow


def wait_for(condition: Callable[[], Any], timeout: float) -> Any:
    """Return the first true value of a condition, checked every other second; `timeout` in seconds."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{condition.__name__} did not come true in {timeout:g} s"
        time.sleep(2)
    return value


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

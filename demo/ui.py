"""make ui: Airflow for the browser, with the demo connector and a stand-in for Codebashing.

It writes only to .ui/ and .demo/, which may be removed at any time. Ctrl-C ends every process.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from demo.airflow_processes import AirflowProcesses, airflow
from demo.codebashing import Codebashing
from demo.environment import DAG_ID, ROOT, set_environment

HOME = ROOT / ".ui"
PASSWORDS = HOME / "passwords.json"
USUAL_PORT = 8080
START_TIMEOUT = 180  # seconds


def main() -> None:
    """Serve until Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    HOME.mkdir(exist_ok=True)
    with Codebashing(recent=True) as source:
        set_environment(HOME, source)
        url, password = f"http://127.0.0.1:{free_port()}", secrets.token_urlsafe(9)
        os.environ |= settings(url, password)
        say("Preparing Airflow's database in .ui/")
        migrate()
        say("Starting Airflow, half a minute or so")
        with AirflowProcesses(HOME) as processes:
            wait_until_ready(processes, url, password)
            say(f"\n  {url}/dags/{DAG_ID}\n  login admin, password {password}\n")
            say("Trigger a run there, or look at the one of today. Logs are in .ui/; Ctrl-C ends everything.")
            processes.watch(say)


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def free_port() -> int:
    """Return the usual port, or another one where it is taken."""
    for port in (USUAL_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    sys.exit("No free port on 127.0.0.1.")


def settings(url: str, password: str, passwords: Path = PASSWORDS) -> dict[str, str]:
    """Return variables for the address and the login, and those that keep SQLite from locking."""
    passwords.touch(0o600)
    passwords.write_text(json.dumps({"admin": password}))
    return {
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": url.rpartition(":")[2],
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(48),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        # One task at a time: the scheduler can end when two tasks report to SQLite at the same moment.
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "1",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def migrate() -> None:
    """Create or update the database."""
    log = HOME / "migrate.log"
    with log.open("wb") as out:
        result = subprocess.run([*airflow("db"), "migrate"], stdout=out, stderr=out, check=False)
    if result.returncode:
        sys.exit(f"The database could not be prepared; {log.relative_to(ROOT)} says why.")


def wait_until_ready(processes: AirflowProcesses, url: str, password: str) -> None:
    """Wait until all processes are healthy and the DAG is parsed."""
    deadline = time.monotonic() + START_TIMEOUT
    while not (healthy(url) and dag_is_there(url, password)):
        ended = processes.ended()
        if ended or time.monotonic() > deadline:
            what = f"{ended[0]} ended" if ended else f"It was not up after {START_TIMEOUT} s"
            sys.exit(f"Airflow did not start: {what}. Its logs are in {HOME.relative_to(ROOT)}/.")
        time.sleep(1)


def healthy(url: str) -> bool:
    """Tell whether every component of Airflow is healthy."""
    health = answer(f"{url}/api/v2/monitor/health")
    return bool(health) and all(part["status"] == "healthy" for part in health.values())


def dag_is_there(url: str, password: str) -> bool:
    """Tell whether Airflow has parsed the demo's DAG."""
    login = {"username": "admin", "password": password}
    token = answer(f"{url}/auth/token", login).get("access_token")
    return answer(f"{url}/api/v2/dags/{DAG_ID}", token=token).get("dag_id") == DAG_ID


def answer(url: str, content: Any = None, token: str | None = None) -> dict[str, Any]:
    """Return the answer of Airflow's API, {} where there is none."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if content is None else json.dumps(content).encode()
    try:
        with urlopen(Request(url, data, headers), timeout=30) as response:
            body: dict[str, Any] = json.load(response)
    except (OSError, HTTPException, ValueError):
        return {}
    return body


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        say("Stopped.")

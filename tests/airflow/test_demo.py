"""make demo and make ui, in a copy of the project, as the processes they are."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from urllib.request import Request, urlopen

import pytest

from tests.airflow.test_runs import GREEN
from tests.paths import ROOT


@pytest.fixture
def project(tmp_path):
    for folder in ("dags", "plugins", "include", "demo"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def demo(project, *arguments):
    """Run a demo; another Airflow's settings must not reach it."""
    environment = {**os.environ, "AIRFLOW__CORE__XCOM_BACKEND": "no.such.Backend"}
    return [sys.executable, "-m", *arguments], {"cwd": project, "env": environment, "text": True}


def test_the_demo_shows_what_it_did(project):
    command, options = demo(project, "demo.run")
    done = subprocess.run(command, **options, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    [delivered] = (project / ".demo" / "lms-inbox").iterdir()
    lines = delivered.read_text().splitlines()
    assert f"Delivered: {delivered.name}, {len(lines) - 1} rows" in done.stdout
    assert re.search(r"48 read = 35 emitted \+ 2 withheld \+ 10 set aside \+ 1 merged", done.stdout)
    assert "unmapped_course\n       the course is not in lms.course_map" in done.stdout
    assert all(f"  {task:10} done" in done.stdout for task in GREEN)
    assert "make ui" in done.stdout


def test_a_demo_that_fails_says_why(project):
    connector = project / "demo" / "connectors" / "demo.yaml"
    connector.write_text(connector.read_text().replace(".demo/lms-inbox", ".demo/missing"))
    command, options = demo(project, "demo.run")
    done = subprocess.run(command, **options, capture_output=True, check=False)
    assert done.returncode == 1
    assert "The run failed. load: DeliveryError (destination)" in done.stderr
    assert ".demo/missing does not exist" in done.stderr
    assert "loc=" not in done.stderr
    assert ".demo/airflow.log" in done.stderr


class Browser:
    """What a person clicks, as calls of Airflow's API."""

    def __init__(self, url, password):
        self.url, self.token = url, None
        self.token = self.call("/auth/token", {"username": "admin", "password": password})["access_token"]

    def call(self, path, content=None):
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        data = None if content is None else json.dumps(content).encode()
        with urlopen(Request(self.url + path, data, headers), timeout=60) as answer:
            return json.load(answer)

    def dag(self, path, content=None):
        return self.call(f"/api/v2/dags/codebashing_lms_demo/{path}", content)

    def final_states(self, run_id):
        """Return the states of a run's tasks when it is over."""
        for _ in range(120):
            if self.dag(f"dagRuns/{run_id}")["state"] in ("success", "failed"):
                tasks = self.dag(f"dagRuns/{run_id}/taskInstances")["task_instances"]
                return {task["task_id"]: task["state"] for task in tasks}
            time.sleep(1)
        raise TimeoutError(run_id)

    def trigger(self, logical_date=None, **form):
        content = {"logical_date": logical_date, "conf": form}
        return self.dag("dagRuns", content)["dag_run_id"]

    def clear(self, run_id, task_id):
        content = {"dry_run": False, "dag_run_id": run_id, "task_ids": [task_id], "include_downstream": True}
        self.dag("clearTaskInstances", {**content, "only_failed": False})


@pytest.fixture
def browser(project):
    command, options = demo(project, "demo.ui")
    with subprocess.Popen(command, **options, stdout=subprocess.PIPE) as process:
        output = ""
        while "Ctrl-C" not in output:
            line = process.stdout.readline()
            assert line, output
            output += line
        url, password = re.search(r"(http://127.0.0.1:\d+)/dags/\w+\n  login admin, password (\S+)", output).groups()
        try:
            yield Browser(url, password)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.stdout.read() == "Stopped.\n"


@pytest.mark.slow
def test_clicking_around(project, browser):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    runs = [browser.trigger(), browser.trigger(now), browser.trigger(dry_run=True), browser.trigger(as_of="2026-01-31")]
    states = [browser.final_states(run_id) for run_id in runs]
    assert states == [GREEN, GREEN, {**GREEN, "load": "skipped"}, GREEN]

    inbox = sorted((project / ".demo" / "lms-inbox").iterdir())
    browser.clear(runs[1], "extract")
    assert browser.final_states(runs[1]) == GREEN
    browser.clear(runs[1], "load")
    assert browser.final_states(runs[1]) == GREEN
    assert sorted((project / ".demo" / "lms-inbox").iterdir()) == inbox
    folders = sorted((project / ".ui" / "staging" / "demo" / "runs").glob("*/manual*.1/manifest.json"))
    assert [json.loads(manifest.read_text())["provenance"] for manifest in folders] == ["replayed"]
    log = "".join(path.read_text() for path in (project / ".ui" / "logs").rglob("task_id=load/*.log"))
    assert log.count("already_delivered: Nothing was sent") == 2

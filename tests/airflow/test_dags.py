"""What Airflow finds in the DAG folder."""

import os
import subprocess
import sys
from datetime import date, timedelta

import pytest
from airflow.models import DagBag
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.timetables.trigger import CronTriggerTimetable
from hypothesis import given
from hypothesis import strategies as st
from pendulum import instance

from include.codebashing_lms.config.connector import parse_connector
from include.codebashing_lms.config.files import VARIABLE
from include.codebashing_lms.extract.logical_date import first_tick
from tests.airflow.scheduling import first_run, minutes_before_retry
from tests.paths import ROOT

CONNECTOR = """
name: {name}
schedule: {schedule}
timezone: {zone}
source: {{conn_id: codebashing}}
delivery: {{method: folder, directory: /x}}
"""


def connector_text(name, schedule="15 5 * * *", zone="Europe/Amsterdam"):
    return CONNECTOR.format(name=name, schedule=schedule, zone=zone)


@pytest.fixture
def bag(airflow_db, tmp_path, monkeypatch):
    """Return a function that makes DAGs of files."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))

    def _bag(**files):
        for name, text in files.items():
            (tmp_path / name.replace("__", ".")).write_text(text)
        return DagBag(ROOT / "dags")

    return _bag


def test_one_dag_per_file_and_a_broken_one_hides_no_other(bag):
    found = bag(
        acme__yaml=connector_text("acme"),
        beta__yaml=connector_text("beta", schedule="null"),
        old__yml=connector_text("old"),
        typo__yaml=connector_text("typo") + "guard: {}\n",
    )
    assert found.import_errors == {}
    assert {dag_id: sorted(dag.task_dict) for dag_id, dag in found.dags.items()} == {
        "codebashing_lms_acme": ["extract", "load", "transform"],
        "codebashing_lms_beta": ["extract", "load", "transform"],
        "codebashing_lms_old": ["connector_file"],
        "codebashing_lms_typo": ["connector_file"],
        "codebashing_lms_admin": ["carry_out"],
    }


def test_the_shape_of_a_dag(bag):
    dag = bag(acme__yaml=connector_text("acme")).dags["codebashing_lms_acme"]
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == {
        "extract": {"transform"},
        "transform": {"load"},
        "load": set(),
    }
    assert (dag.catchup, dag.max_active_runs, dag.tags) == (False, 1, {"codebashing", "lms"})
    assert dag.task_dict["load"].max_active_tis_per_dag == 1
    assert {task.retries for task in dag.tasks} == {3}
    assert [minutes_before_retry(dag.task_dict["extract"], tries) for tries in (1, 2, 3)] == [5, 10, 20]
    extract = dag.task_dict["extract"]
    assert (extract.method, extract.http_conn_id, extract.template_fields) == ("GET", "codebashing", ())
    form = {name: dag.params.get_param(name) for name in dag.params}
    assert list(form) == ["dry_run", "check_only", "as_of", "send", "skip_guards", "reason"]
    assert all(param.schema["title"] and param.description.endswith(".") for param in form.values())
    assert dag.params.validate() == {name: param.value for name, param in form.items()}


def test_the_schedule_is_that_of_the_file(bag):
    found = bag(acme__yaml=connector_text("acme"), beta__yaml=connector_text("beta", schedule="null"))
    tick = first_run(found.dags["codebashing_lms_acme"])
    assert f"{tick.run_after.in_timezone('Europe/Amsterdam'):%H:%M}" == "05:15"
    assert tick.logical_date == tick.run_after
    assert first_run(found.dags["codebashing_lms_beta"]) is None


def test_a_broken_file_shows_its_message_everywhere(bag):
    dag = bag(typo__yaml=connector_text("typo") + "guard: {}\n").dags["codebashing_lms_typo"]
    message = "typo.yaml: guard: unknown key; did you mean guards?"
    assert message in dag.description
    assert message in dag.doc_md
    assert "broken" in dag.tags


def test_a_broken_connector_fails_with_its_message(site):
    (site.connectors / f"{site.name}.yaml").write_text("name: 1\n")
    ran = site.run_dag(site.dag())
    assert ran.tasks == {"connector_file": "failed"}
    assert f"{site.name}.yaml: name: should be a valid string" in ran.log


def test_a_missing_folder_is_an_import_error_that_says_so(airflow_db, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "missing"))
    messages = DagBag(ROOT / "dags").import_errors.values()
    assert len(messages) == 2
    assert all("there is no such folder for connector files" in message for message in messages)


def test_the_example_is_a_whole_connector_file(bag):
    example = ROOT / "include" / "connectors" / "acme.yaml.example"
    found = bag(acme__yaml=example.read_text())
    assert list(found.dags["codebashing_lms_acme"].task_dict) == ["extract", "transform", "load"]


def test_the_shipped_folder_makes_no_dag(airflow_db, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    found = DagBag(ROOT / "dags")
    assert (found.import_errors, found.dags) == ({}, {})


@pytest.mark.parametrize("dag_file", ["codebashing_lms.py", "codebashing_lms_admin.py"])
def test_parsing_loads_nothing_heavy_and_asks_nobody(bag, tmp_path, dag_file):
    bag(acme__yaml=connector_text("acme"))
    script = (
        "import importlib.util, socket, sys\n"
        "import airflow.sdk\n"
        "def nowhere(*_): raise AssertionError('parsing opened a connection')\n"
        "socket.socket.connect = nowhere\n"
        "spec = importlib.util.spec_from_file_location('dag_file', sys.argv[1])\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "assert [file.connector.name for file in module.good_files] == ['acme']\n"
        "print(sorted({'pandas', 'pyarrow', 'numpy', 'paramiko'} & set(sys.modules)))\n"
        "ours = {name.split('.')[2] for name in sys.modules if name.startswith('include.codebashing_lms.')}\n"
        "print(sorted(ours - {'admin', 'config', 'dates', 'errors'}))\n"
    )
    path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}", "PYTHONWARNINGS": "ignore"}
    out = subprocess.run(
        [sys.executable, "-c", script, ROOT / "dags" / dag_file],
        env={**os.environ, **path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (out.returncode, out.stdout.strip()) == (0, "[]\n[]"), out.stderr


ZONES = ["UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo"]


@given(st.sampled_from(ZONES), st.integers(0, 59), st.integers(0, 23), st.dates(date(2020, 1, 1), date(2030, 12, 31)))
def test_a_date_in_the_form_is_the_schedulers_own_tick(zone, minute, hour, day):
    """It must replay what the scheduled run of that day archived."""
    cron = f"{minute} {hour} * * *"
    connector = parse_connector(
        {
            "name": "acme",
            "schedule": cron,
            "timezone": zone,
            "source": {"conn_id": "x"},
            "delivery": {"method": "folder", "directory": "/x"},
        }
    )
    ours = first_tick(connector, day)
    before = instance(ours - timedelta(hours=20))
    theirs = CronTriggerTimetable(cron, timezone=zone).next_dagrun_info(
        last_automated_data_interval=DataInterval.exact(before), restriction=TimeRestriction(None, None, True)
    )
    assert theirs.run_after == ours

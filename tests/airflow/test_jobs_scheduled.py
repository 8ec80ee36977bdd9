"""An import job in a whole Airflow: load waits in the triggerer, and its restart begins nothing anew."""

import json
import os
import signal

import pytest
import yaml

from demo.codebashing import Codebashing
from tests.airflow.installation import environment_of, installed, to_codebashing, wait_for
from tests.airflow.test_jobs import DELIVERY
from tests.airflow.test_runs import LEARNERS
from tests.fakes.working_lms import WorkingLms

DAG_ID = "codebashing_lms_acme"
TIMEOUT = 500


@pytest.fixture
def lms():
    with WorkingLms() as server:
        yield server


@pytest.fixture
def airflow(tmp_path, lms):
    connectors = tmp_path / "connectors"
    connectors.mkdir()
    content = {
        "name": "acme",
        "schedule": None,
        "source": {"conn_id": "codebashing"},
        "delivery": {**DELIVERY, "job": {**DELIVERY["job"], "every": 30}},
    }
    (connectors / "acme.yaml").write_text(yaml.safe_dump(content))
    with Codebashing(LEARNERS) as source:
        to_lms = {"conn_type": "http", "host": lms.url, "password": lms.token}
        known = environment_of(tmp_path, codebashing=to_codebashing(source), lms=to_lms)
        with installed(tmp_path / "airflow", known, ("triggerer",)) as it:
            yield it


def load_task(airflow):
    tasks = airflow.ask(f"dags/{DAG_ID}/dagRuns/~/taskInstances?limit=100").get("task_instances", [])
    return next((task for task in tasks if task["task_id"] == "load"), {})


def restart_the_triggerer(airflow):
    """Kill it, and start another."""
    triggerer = airflow.parts.pop()
    os.killpg(triggerer.pid, signal.SIGKILL)
    triggerer.wait()
    everything, airflow.kinds = airflow.kinds, airflow.kinds[-1:]
    airflow.start()
    airflow.kinds = everything


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_triggerer_that_is_killed_while_the_lms_works(airflow, lms):
    wait_for(lambda: airflow.ask(f"dags/{DAG_ID}").get("dag_id"), TIMEOUT)
    assert airflow.ask(f"dags/{DAG_ID}/dagRuns", {"logical_date": None})["state"] == "queued"
    wait_for(lambda: load_task(airflow).get("state") == "deferred" and len(lms.asked) >= 1, TIMEOUT)
    trigger = wait_for(lambda: load_task(airflow).get("trigger"), TIMEOUT)
    known = json.dumps(trigger)
    assert "temporal.DateTimeTrigger" in known or "temporal.TimeDeltaTrigger" in known
    assert not [word for word in (lms.token, "0042", "example.com", next(iter(lms.jobs))) if word in known]
    restart_the_triggerer(airflow)
    asked = len(lms.asked)
    wait_for(lambda: len(lms.asked) > asked, TIMEOUT)
    assert (len(lms.arrivals), lms.imports) == (1, [])
    lms.work()
    wait_for(lambda: load_task(airflow).get("state") == "success", TIMEOUT)
    assert (len(lms.arrivals), len(lms.imports)) == (1, 1)

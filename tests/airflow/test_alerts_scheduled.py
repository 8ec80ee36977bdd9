"""A whole Airflow, with its scheduler, its workers and its triggerer, for what dag.test cannot show.

An alert of a failed run, a DAG that follows the asset, an alert of a late run, what StatsD
hears. It takes some minutes.
"""

from datetime import UTC, datetime

import pytest
import yaml

from demo.codebashing import Codebashing
from tests.airflow.installation import environment_of, installed, to_codebashing, wait_for
from tests.airflow.learners import learner
from tests.fakes.receivers import MailServer
from tests.fakes.statsd import StatsD
from tests.paths import ROOT

TIMEOUT = 300  # seconds
FOLLOWER = """
from airflow.sdk import DAG, Asset, task

TOLD = Asset(name="codebashing_lms/good", uri="x-codebashing-lms://good")

with DAG("follower", schedule=[TOLD]):

    @task
    def see(*, triggering_asset_events=None):
        [event] = triggering_asset_events[TOLD]
        return event.extra["rows"]

    see()
"""


def connector(folder, name, **changes):
    content = {
        "name": name,
        "schedule": None,
        "start_date": datetime(2026, 1, 1, tzinfo=UTC).date(),
        "source": {"conn_id": "codebashing"},
        "delivery": {"method": "folder", "directory": str(folder / "drop")},
        "notify": {"smtp": {"to": ["oncall@example.com"]}},
        **changes,
    }
    (folder / "connectors" / f"{name}.yaml").write_text(yaml.safe_dump(content))


@pytest.fixture
def mail():
    with MailServer() as server:
        yield server


@pytest.fixture
def statsd():
    server = StatsD()
    yield server
    server.close()


@pytest.fixture
def airflow(tmp_path, mail, statsd):
    for name in ("connectors", "drop", "dags"):
        (tmp_path / name).mkdir()
    connector(tmp_path, "good")
    connector(tmp_path, "lost", delivery={"method": "folder", "directory": str(tmp_path / "nowhere")})
    # nobody answers: its run waits to be tried again, and is not over after a minute
    late = {"smtp": {"to": ["oncall@example.com"]}, "deadline": 1}
    connector(tmp_path, "late", source={"conn_id": "silent"}, notify=late)
    for path in (ROOT / "dags").glob("*.py"):
        (tmp_path / "dags" / path.name).symlink_to(path)
    (tmp_path / "dags" / "follower.py").write_text(FOLLOWER)
    mailing = {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com"}
    smtp = {"conn_type": "smtp", "host": "127.0.0.1", "port": mail.port, "extra": mailing}
    silent = {"conn_type": "http", "host": "http://127.0.0.1:1", "password": "x", "extra": {"api_key": "y"}}
    with Codebashing([learner(number) for number in range(1, 5)]) as api:
        known = {
            **environment_of(tmp_path, codebashing=to_codebashing(api), silent=silent, smtp_default=smtp),
            "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(statsd.port),
            "AIRFLOW__METRICS__METRICS_ALLOW_LIST": "codebashing_lms",
        }
        with installed(tmp_path / "airflow", known, ("triggerer", "--skip-serve-logs")) as it:
            yield it


def trigger(airflow, name):
    def triggered():
        run = airflow.ask(f"dags/codebashing_lms_{name}/dagRuns", {"logical_date": None})
        return run.get("dag_run_id")

    return wait_for(triggered, TIMEOUT)


def states(airflow, dag_id):
    runs = airflow.ask(f"dags/{dag_id}/dagRuns").get("dag_runs", [])
    tasks = airflow.ask(f"dags/{dag_id}/dagRuns/~/taskInstances").get("task_instances", [])
    return [run["state"] for run in runs], {task["task_id"]: task["state"] for task in tasks}


def subjects(mail):
    return [one["subject"].removeprefix("Codebashing to LMS, ") for one in mail.mails]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_runs_that_fail_are_late_or_are_followed(airflow, mail, statsd):
    late = trigger(airflow, "late")
    lost = trigger(airflow, "lost")
    good = trigger(airflow, "good")

    wait_for(lambda: states(airflow, "codebashing_lms_lost")[0] == ["failed"], TIMEOUT)
    _, tasks = states(airflow, "codebashing_lms_lost")
    assert tasks == {"extract": "success", "transform": "success", "load": "failed", "notify": "success"}
    [alert] = [one for one in mail.mails if "lost: load failed, a person must act" in one["subject"]]
    body = alert.get_body(("html",)).get_content()
    assert "The delivery folder" in body
    assert f"{airflow.url}/dags/codebashing_lms_lost/runs/{lost[:8]}" in body

    wait_for(lambda: states(airflow, "codebashing_lms_good")[0] == ["success"], TIMEOUT)
    links = airflow.ask(f"dags/codebashing_lms_good/dagRuns/{good}/taskInstances/load/links")
    address = links["extra_links"]["Codebashing → LMS"]
    assert address.startswith(f"{airflow.url}/dags/codebashing_lms_good/runs/")
    assert address.endswith("/plugin/codebashing_lms_run")
    wait_for(lambda: set(states(airflow, "follower")[0]) & {"success", "failed"}, TIMEOUT)
    assert states(airflow, "follower") == (["success"], {"see": "success"})
    gauges = statsd.gauges("airflow.codebashing_lms.")
    assert gauges["good.rows_delivered"] == "4|g"

    wait_for(lambda: "late: not over after 1 minutes" in subjects(mail), TIMEOUT)
    [alert] = [one for one in mail.mails if "not over" in one["subject"]]
    assert f"The run {late} is not over 1 minutes" in alert.get_body(("html",)).get_content()
    assert sorted(subjects(mail)) == ["late: not over after 1 minutes", "lost: load failed, a person must act"]

"""The admin DAG: its form, and whole runs before and after which a connector's own DAG runs."""

import json
import time

import pytest

from tests.airflow.test_runs import GREEN, LEARNERS

COMPLETIONS = {"options": {"emits": "completion", "file_name": "{as_of:%Y%m%dT%H%M%S%f}.csv"}}
NOTHING = dict.fromkeys(["reason", "answer", "file", "since", "until", "course", "number", "delivery", "found"])


@pytest.fixture
def source(site):
    site.drop.mkdir()
    site.connector(lms=COMPLETIONS)
    with site.source(LEARNERS) as api:
        yield api


def ordered(site, action, **answers):
    """Trigger the admin DAG; return its run and what it says."""
    conf = {**NOTHING, "connector": site.name, "action": action, **answers}
    ran = site.run_dag(site.admin_dag(), run_conf=conf)
    return ran, ran.xcom.get("carry_out.return_value")


def rows(site):
    """Return the employee IDs of the delivered rows, file by file."""
    files = sorted(site.drop.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    return [[line.partition(",")[0] for line in path.read_text().splitlines()[1:]] for path in files]


def test_the_form(site):
    dag = site.admin_dag()
    form = {name: dag.params.get_param(name) for name in dag.params}
    assert list(form) == ["connector", "action", *NOTHING]
    assert form["connector"].schema["enum"] == [site.name]
    labels = form["action"].schema["values_display"]
    assert list(labels) == form["action"].schema["enum"]
    assert all(label.startswith(f"{action}: ") for action, label in labels.items())
    assert all(param.schema["title"] and param.description.endswith(".") for param in form.values())
    assert not form["connector"].has_value
    assert not form["action"].has_value
    assert (dag.schedule, dag.max_active_runs, dag.is_paused_upon_creation) == (None, 1, False)


def test_a_baseline_then_what_is_missing(site, source, tmp_path):
    asked = site.run(retries=0)
    assert asked.tasks == {**GREEN, "load": "failed"}
    assert "codebashing_lms_admin with the action first_delivery" in asked.notice
    export = tmp_path / "export.csv"
    export.write_text("employee_id,course,completed_at\n0042,java,2026-11-20\n")
    ran, result = ordered(
        site, "first_delivery", answer="baseline", file=f"file://{export}", reason="as the LMS has it"
    )
    assert ran.state == "success"
    assert (result["rows"], result["journal"]) == (1, 1)
    assert "0042" not in ran.log + json.dumps(ran.xcom)
    assert site.run().xcom["load.return_value"]["outcome"] == "nothing_to_send"


def test_all_then_a_resend_and_a_reset(site, source):
    ordered(site, "first_delivery", answer="all", reason="a new LMS")
    for action, answers in [("resend", {"course": "java"}), ("reset", {})]:
        assert site.run().tasks == GREEN
        time.sleep(1)  # the name of the next file carries the second it was read in
        ran, result = ordered(site, action, reason="its import failed", **answers)
        assert (ran.state, result["rows"]) == ("success", 1)
    site.run()
    assert rows(site) == [["0042"], ["0042"], ["0042"]]


def test_an_order_that_cannot_be_meant_fails_at_once_and_says_why(site, source):
    ran, result = ordered(site, "reset")
    assert (ran.tasks, result) == ({"carry_out": "failed"}, None)
    assert "Reset needs a reason" in ran.log
    assert "NOTICE" not in ran.log  # the person is there
    ran, _ = ordered(site, "roll_back", reason="the LMS was put back")
    assert "It has none yet. Nothing was changed." in ran.log
    ran, _ = ordered(site, "resend", reason="lost", file="nowhere://a/list.csv")
    assert "nowhere://a/list.csv cannot be read" in ran.log


def test_rebuild_and_purge(site, source):
    ordered(site, "first_delivery", answer="all", reason="a new LMS")
    site.run()
    [versions] = site.staging.rglob("versions")
    for version in versions.iterdir():
        version.unlink()
    assert "action rebuild" in site.run(retries=0).notice
    assert ordered(site, "rebuild")[1]["rows"] == 1
    assert "the journal is kept for ever" in ordered(site, "purge")[1]["sentence"]
    assert site.run().xcom["load.return_value"]["outcome"] == "nothing_to_send"

"""A backfill by a real scheduler, forwards and backwards, several runs at once, with live runs in between.

Every day a learner leaves, and only the run of that day knows that learner's last progress; everybody else
makes progress since. In whatever order the days are sent, the LMS ends with each learner's last progress.
A fourth of the days has no snapshot. This takes some four minutes, more on SQLite with one task at a time.
"""

import gzip
import hashlib
import json
from datetime import UTC, datetime, time, timedelta
from itertools import combinations

import pytest
import yaml

from demo.codebashing import Codebashing
from demo.lms import Lms
from include.codebashing_lms.extract.snapshots import SnapshotMetadata, assign_date, register
from include.codebashing_lms.staging.layout import timestamp_name
from tests.airflow.installation import environment_of, installed, to_codebashing, wait_for

DAY = timedelta(days=1)
DAG_ID = "codebashing_lms_acme"
LESSONS = 40
FIRST, MIDDLE, LAST = 21, 12, 2  # days ago
STAYING = [f"S{number}" for number in range(8)]
CONNECTOR = {
    "name": "acme",
    "start_date": datetime(2026, 1, 1, tzinfo=UTC).date(),
    "source": {"conn_id": "codebashing"},
    "delivery": {"method": "http", "endpoint": "/import", "send": "changes"},
}
TIMEOUT = 500  # seconds


def midnight(days_ago):
    return datetime.combine(datetime.now(UTC), time(), UTC) - days_ago * DAY


def lessons(days_ago):
    """Everybody does a lesson a day."""
    return 30 - days_ago


def learner(employee_id, done, active):
    return {
        "employee_id": employee_id,
        "email": f"{employee_id}@example.com",
        "primary_course_name": "java",
        "primary_course_completed_lessons_count": done,
        "primary_course_lessons_count": LESSONS,
        "last_active_at": f"{active:%Y-%m-%dT%H:%M:%S}",
        "java.completed_date": None,
    }


def is_archived(days_ago):
    return days_ago % 4 != 0


def leaver(days_ago):
    return f"L{days_ago}"


def learners_of(days_ago):
    """Return the learners of a day: those who stay, and those who leave on that day or later."""
    leaving = [leaver(day) for day in range(LAST, days_ago + 1) if is_archived(day)]
    active = midnight(days_ago) - timedelta(hours=6)
    return [learner(who, lessons(days_ago), active) for who in [*STAYING, *leaving]]


def read_back_then(snapshots, days_ago):
    """Put the snapshot into the archive that a run of that day would have read."""
    read_at = midnight(days_ago) + timedelta(seconds=7)
    name, body = (f"{timestamp_name(read_at)}.json.gz", gzip.compress(json.dumps(learners_of(days_ago)).encode()))
    snapshots.mkdir(parents=True, exist_ok=True)
    (snapshots / name).write_bytes(body)
    sha256 = hashlib.sha256(body).hexdigest()
    register(snapshots, SnapshotMetadata(name, sha256, len(body), read_at, "manual", None, 0, {}))
    assign_date(snapshots, midnight(days_ago), name)


@pytest.fixture
def source(tmp_path):
    for days_ago in filter(is_archived, range(LAST, FIRST + 1)):
        read_back_then(tmp_path / "staging" / "acme" / "snapshots", days_ago)
    now = datetime.now(UTC)
    with Codebashing([learner(who, lessons(0), now) for who in STAYING]) as api:
        yield api


@pytest.fixture
def lms():
    with Lms() as server:
        yield server


@pytest.fixture
def airflow(tmp_path, source, lms):
    connectors = tmp_path / "connectors"
    connectors.mkdir()
    (connectors / "acme.yaml").write_text(yaml.safe_dump(CONNECTOR))
    to_lms = {"conn_type": "http", "host": lms.url, "password": lms.token}
    known = environment_of(tmp_path, codebashing=to_codebashing(source), lms=to_lms)
    with installed(tmp_path / "airflow", known) as airflow:
        yield airflow


def tasks_of(airflow):
    return airflow.ask(f"dags/{DAG_ID}/dagRuns/~/taskInstances?limit=100").get("task_instances", [])


def runs_of(airflow, kind):
    """Return the number of successful runs of a kind; no task may need a second try."""
    states = {task["state"] for task in tasks_of(airflow)}
    assert not states & {"failed", "up_for_retry", "upstream_failed"}
    runs = airflow.ask(f"dags/{DAG_ID}/dagRuns?run_type={kind}&limit=100").get("dag_runs", [])
    return sum(run["state"] == "success" for run in runs)


def backfill(airflow, begin, end, *more):
    dates = ["--from-date", midnight(begin).isoformat(), "--to-date", midnight(end).isoformat()]
    airflow.command("backfill", "create", "--dag-id", DAG_ID, *dates, "--max-active-runs", "3", *more)


def is_over(airflow):
    backfills = airflow.ask(f"backfills?dag_id={DAG_ID}").get("backfills")
    return bool(backfills) and all(one["completed_at"] for one in backfills)


def progress_in(lms):
    return {employee_id: float(row["percent_complete"]) for (employee_id, _), row in lms.rows.items()}


def percent(done):
    return 100 * done / LESSONS


def gone(since, until):
    """Return the last progress of the learners who left between two days."""
    return {leaver(day): percent(lessons(day)) for day in range(until, since + 1) if is_archived(day)}


def at_once(tasks):
    """Return the pairs of tasks that ran at the same time."""
    return [
        (one["task_id"], other["task_id"])
        for one, other in combinations(tasks, 2)
        if one["start_date"] < other["end_date"] and other["start_date"] < one["end_date"]
    ]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_past_days_forwards_then_ten_backwards(airflow, source, lms, tmp_path):
    wait_for(lambda: runs_of(airflow, "scheduled") == 1, TIMEOUT)
    live = dict.fromkeys(STAYING, percent(lessons(0)))
    assert progress_in(lms) == live

    backfill(airflow, FIRST, MIDDLE)
    wait_for(lambda: runs_of(airflow, "backfill") == 10 and is_over(airflow), TIMEOUT)
    # Learners who left later were there, too: the newest day of the ten has their last progress so far.
    later = {who: percent(lessons(MIDDLE + 1)) for who in gone(MIDDLE - 1, LAST)}
    assert progress_in(lms) == live | gone(FIRST, MIDDLE) | later

    backfill(airflow, MIDDLE - 1, LAST, "--run-backwards")
    wait_for(lambda: runs_of(airflow, "backfill") > 12, TIMEOUT)
    source.learners = [learner(who, 35, datetime.now(UTC)) for who in [*STAYING, "N"]]
    assert airflow.ask(f"dags/{DAG_ID}/dagRuns", {"logical_date": None})["state"] == "queued"
    wait_for(lambda: runs_of(airflow, "manual") == 1, TIMEOUT)
    wait_for(lambda: runs_of(airflow, "backfill") == 20, TIMEOUT)
    assert progress_in(lms) == dict.fromkeys([*STAYING, "N"], percent(35)) | gone(FIRST, LAST)

    manifests = [json.loads(path.read_text()) for path in tmp_path.rglob("runs/*/*/manifest.json")]
    kinds = [manifest["provenance"] for manifest in manifests]
    assert {kind: kinds.count(kind) for kind in kinds} == {"live": 2, "replayed": 15, "reconstructed": 5}
    tasks = tasks_of(airflow)
    assert [(task["state"], task["try_number"]) for task in tasks] == [("success", 1)] * 66
    together = at_once(tasks)
    assert ("load", "load") not in together
    assert bool(together) is airflow.several

"""Whole runs for past dates: from the archive, else from a new request; what is not certain is left out."""

import gzip
import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from include.codebashing_lms.extract.snapshots import SnapshotMetadata, register
from include.codebashing_lms.staging.layout import timestamp_name
from tests.airflow.test_runs import GREEN, REFUSED, STOPPED, now

DAY = timedelta(days=1)


def learner(employee_id, done, active=None, completed=None):
    return {
        "employee_id": employee_id,
        "email": f"{employee_id}@example.com",
        "primary_course_name": "java",
        "primary_course_completed_lessons_count": done,
        "primary_course_lessons_count": 4,
        "last_active_at": active and f"{active:%Y-%m-%dT%H:%M:%S}",
        "java.completed_date": completed and f"{completed:%Y-%m-%dT%H:%M:%S}",
    }


@pytest.fixture
def date():
    """A month ago, to the second like the dates of the source."""
    return now().replace(microsecond=0) - 30 * DAY


@pytest.fixture
def source(site, date):
    site.drop.mkdir()
    learners = [
        learner("E1", 2, date),
        learner("E2", 2, date + DAY),
        learner("E3", 4, now(), date - DAY),
        learner("E4", 0),
    ]
    with site.source(learners) as api:
        yield api


def rows(site, ran):
    """Read the LMS file of a run: the percentage of each employee."""
    folder = Path(ran.xcom["transform.return_value"]["manifest"].removeprefix("file://")).parent
    lines = (folder / site.manifest(ran)["file"]).read_text().splitlines()[1:]
    return {line.split(",")[0]: line.split(",")[2] for line in lines}


def pointers(site):
    return sorted(path.stem for path in site.staging.rglob("by_logical_date/*"))


def read_back_then(site, read_at, learners):
    """Put a snapshot into the archive as if a run had read it back then."""
    snapshots = site.staging / site.name / "snapshots"
    snapshots.mkdir(parents=True, exist_ok=True)
    name, body = f"{timestamp_name(read_at)}.json.gz", gzip.compress(json.dumps(learners).encode())
    (snapshots / name).write_bytes(body)
    metadata = SnapshotMetadata(
        snapshot=name,
        sha256=hashlib.sha256(body).hexdigest(),
        bytes=len(body),
        read_at=read_at,
        run_id="manual",
        fields=None,
        records=len(learners),
        warnings={},
    )
    register(snapshots, metadata)
    return name


def test_a_past_date_is_told_from_the_answer_a_later_run_archived(site, source, date):
    live = site.run()
    source.learners = []
    ran = site.run(logical_date=date)
    assert ran.tasks == GREEN
    assert len(source.asked) == 1
    manifest = site.manifest(ran)
    assert manifest["provenance"] == "reconstructed"
    assert manifest["as_of"] == manifest["logical_date"] == f"{date:%Y-%m-%dT%H:%M:%SZ}"
    assert (manifest["extracted_at"], manifest["snapshot"]) == (
        site.manifest(live)["extracted_at"],
        site.manifest(live)["snapshot"],
    )
    assert rows(site, ran) == {"E1": "50", "E3": "100", "E4": "0"}
    assert manifest["records"]["withheld"] == {"unknown_at_as_of": 1}


def test_without_one_codebashing_is_read_but_the_answer_is_not_that_dates_own(site, source, date):
    first = site.run(logical_date=date)
    assert (first.tasks, len(source.asked), pointers(site)) == (GREEN, 1, [])
    source.learners = [learner("E1", 4, now())]
    later = site.run(logical_date=date + DAY)
    assert len(source.asked) == 1
    assert site.manifest(later)["snapshot"] == site.manifest(first)["snapshot"]
    assert rows(site, later) == {**rows(site, first), "E2": "50"}
    assert site.manifest(site.run())["provenance"] == "live"
    assert len(pointers(site)) == 1


def test_the_same_past_run_again_builds_the_same_bytes(site, source, date):
    first = site.run(logical_date=date, run_after=date)
    source.learners = []
    site.run(skip_guards=["min_learners"], reason="nobody left")
    again = site.run(logical_date=date, run_after=date)
    assert first.run_id == again.run_id
    assert site.manifest(again)["provenance"] == "reconstructed"
    assert len({ran.xcom["transform.return_value"]["sha256"] for ran in (first, again)}) == 1


def test_of_several_answers_the_next_one_tells_and_the_one_before_objects(site, source, date):
    after = [learner("E1", 2, date - DAY), learner("E2", 2, date - DAY), learner("E4", 0)]
    before = [learner("E1", 3), learner("E2", 1), learner("E4", 0)]
    for days in (-9, 20):
        read_back_then(site, date + days * DAY, [])
    names = [read_back_then(site, date + hours * DAY / 24, learners) for hours, learners in ((-30, before), (5, after))]
    ran = site.run(logical_date=None, as_of=date.isoformat())
    assert (ran.tasks, source.asked) == (GREEN, [])
    manifest = site.manifest(ran)
    assert [manifest[key]["file"] for key in ("earlier_snapshot", "snapshot")] == names
    assert rows(site, ran) == {"E2": "50", "E4": "0"}


def test_a_past_date_with_a_snapshot_of_its_own_is_replayed(site, source):
    date = now()
    first = site.run(logical_date=date)
    source.learners = []
    site.run(skip_guards=["min_learners"], reason="nobody left")
    site.connector(source={"conn_id": "codebashing", "live_window_hours": 1e-9})
    again = site.run(logical_date=None, as_of=date.isoformat())
    assert site.manifest(again)["provenance"] == "replayed"
    assert site.manifest(again)["sha256"] == site.manifest(first)["sha256"]


def test_a_replay_that_needs_a_field_nobody_asked_for_names_it(site, source):
    date = now()
    site.run(logical_date=date)
    site.connector(courses=["java"])
    ran = site.run(logical_date=date)
    assert ran.tasks == STOPPED
    assert "RunDateError" in ran.notice
    assert "without asking for java.completed_percentage, which" in ran.notice


def test_a_snapshot_that_somebody_removed_is_missed(site, source):
    date = now()
    ran = site.run(logical_date=date)
    (site.staging / site.name / "snapshots" / site.manifest(ran)["snapshot"]["file"]).unlink()
    assert site.run(logical_date=date).tasks == REFUSED


def test_an_old_answer_that_tells_a_past_date_outlives_the_purge_of_the_next_run(site, source, date):
    old = now() - 200 * DAY
    used = read_back_then(site, old + DAY, source.learners)
    unused = read_back_then(site, old - DAY * 9, source.learners)
    earlier = read_back_then(site, old - DAY, source.learners)
    ran = site.run(logical_date=old)
    assert datetime.fromisoformat(site.manifest(ran)["extracted_at"]) < date
    site.run()
    assert {used, earlier} <= set(site.files())
    assert unused not in site.files()

"""Whole runs of the DAG in Airflow, against real servers."""

from datetime import UTC, datetime, timedelta

import pytest

from codebashing_lms_airflow.run_context import staged_path
from demo.lms import Lms
from demo.sftp import USERNAME, SftpServer
from include.codebashing_lms.errors import StagingError

GREEN = {"extract": "success", "transform": "success", "load": "success"}
NOT_SENT = {**GREEN, "load": "skipped"}
STOPPED = {"extract": "success", "transform": "failed", "load": "upstream_failed"}
REFUSED = {"extract": "failed", "transform": "upstream_failed", "load": "upstream_failed"}
LEARNERS = [
    {
        "employee_id": "0042",
        "email": "Ada.Quill@example.com",
        "primary_course_name": "java",
        "primary_course_completed_lessons_count": 12,
        "primary_course_lessons_count": 12,
        "last_active_at": "2026-11-20T08:00:00.000",
        "java.completed_date": "2026-11-20T08:00:00.000",
    },
    {
        "employee_id": 1043,
        "email": "bo.fern@example.com",
        "primary_course_name": "python",
        "primary_course_completed_lessons_count": 1,
        "primary_course_lessons_count": 3,
        "last_active_at": None,
    },
    {"employee_id": None, "email": "cy.moss@example.com", "primary_course_name": None},
]
CSV = (
    b"employee_id,course_id,percent_complete,status,completed_at\r\n"
    b"0042,java,100,completed,2026-11-20T08:00:00Z\r\n"
    b"1043,python,33.33,in_progress,\r\n"
)
HOUR = timedelta(hours=1)


@pytest.fixture
def source(site):
    site.drop.mkdir()
    with site.source(LEARNERS) as api:
        yield api


def now():
    return datetime.now(UTC)


def test_into_a_folder(site, source):
    ran = site.run()
    assert ran.tasks == GREEN
    [(name, content)] = site.delivered().items()
    assert content == CSV
    manifest = site.manifest(ran)
    assert name == f"codebashing_{datetime.fromisoformat(manifest['as_of']):%Y%m%dT%H%M%S}.csv"
    assert manifest["records"] == {
        "read": 3, "emitted": 2, "withheld": {}, "set_aside": {"missing_employee_id": 1}, "merged": 0,
    }  # fmt: skip
    assert (manifest["provenance"], manifest["triggered_by"]) == ("live", "dag_test")
    assert site.receipt(ran)["state"] == "delivered"
    assert len(source.asked) == 1


@pytest.mark.parametrize("upload", ["multipart", "raw"])
def test_over_http(site, source, upload):
    delivery = {"method": "http", "endpoint": "/import", "upload": upload, "success": {"json": {"status": "ok"}}}
    site.connector(delivery=delivery)
    with Lms() as lms:
        site.connection("lms", conn_type="http", host=lms.url, password=lms.token)
        ran = site.run()
    assert ran.tasks == GREEN
    assert lms.imports == [CSV]
    assert lms.arrivals[0].key == site.receipt(ran)["delivery"]


def test_over_sftp(site, source):
    site.connector(delivery={"method": "sftp", "done_file": "{file}.done"})
    with SftpServer(site.drop) as server:
        extra = {"host_key": server.host_key}
        fields = {"host": "127.0.0.1", "port": server.port, "login": USERNAME, "password": server.password}
        site.connection("lms", conn_type="sftp", extra=extra, **fields)
        ran = site.run()
    assert ran.tasks == GREEN
    name = site.manifest(ran)["file"]
    assert site.delivered() == {name: CSV, f"{name}.done": b""}


def test_an_lms_that_refuses_fails_the_run_once(site, source):
    site.connector(delivery={"method": "http", "endpoint": "/import"})
    with Lms() as lms:
        site.connection("lms", conn_type="http", host=lms.url, password="not-the-token")
        ran = site.run()
    assert ran.tasks == {**GREEN, "load": "failed"}
    assert "DeliveryError (destination)" in ran.notice
    assert len(lms.arrivals) == 1
    assert "not-the-token" not in ran.log


def test_a_run_without_a_logical_date_speaks_for_its_run_after(site, source):
    run_after = now() - HOUR
    ran = site.run(logical_date=None, run_after=run_after)
    assert (ran.logical_date, ran.tasks) == (None, GREEN)
    assert site.manifest(ran)["logical_date"] == f"{run_after:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    ("date", "as_of", "words"), [(-HOUR, None, "is in the future"), (timedelta(0), "soon", "is neither a date")]
)
def test_a_date_that_cannot_be_told_is_refused_before_anything_is_read(site, source, date, as_of, words):
    ran = site.run(logical_date=now() - date, as_of=as_of)
    assert ran.tasks == REFUSED
    assert "RunDateError" in ran.notice
    assert words in ran.notice
    assert source.asked == []


def test_the_forms_date_is_that_days_first_tick(site, source):
    ran = site.run(as_of=f"{now():%Y-%m-%d}")
    assert ran.tasks == GREEN
    assert site.manifest(ran)["logical_date"] == f"{now():%Y-%m-%d}T00:00:00Z"


def test_the_same_run_again_replays_and_sends_nothing(site, source):
    date = now()
    first = site.run(logical_date=date, run_after=date)
    source.learners = []
    again = site.run(logical_date=date, run_after=date)
    assert (first.run_id, first.tasks) == (again.run_id, again.tasks)
    assert again.xcom["load.return_value"]["outcome"] == "already_delivered"
    assert site.manifest(again)["provenance"] == "replayed"
    assert len(source.asked) == 1
    assert list(site.delivered().values()) == [CSV]


def test_another_run_of_the_same_date_builds_the_same_bytes(site, source):
    date = now() - 23 * HOUR
    first = site.run(logical_date=date)
    source.learners = []
    again = site.run(logical_date=None, as_of=date.isoformat())
    assert again.tasks == GREEN
    manifests = [site.manifest(ran) for ran in (first, again)]
    assert [manifest["provenance"] for manifest in manifests] == ["live", "replayed"]
    assert len({(manifest["sha256"], manifest["as_of"], manifest["file"]) for manifest in manifests}) == 1


def test_a_past_date_with_a_snapshot_is_replayed_without_the_source(site, source):
    date = now()
    site.run(logical_date=date)
    site.connector(source={"conn_id": "codebashing", "live_window_hours": 0.0000001})
    site.codebashing("http://127.0.0.1:1")
    assert site.run(logical_date=date).tasks == GREEN


def test_a_dry_run_sends_nothing_and_is_not_green(site, source):
    ran = site.run(dry_run=True)
    assert ran.tasks == NOT_SENT
    assert site.delivered() == {}
    assert "was not sent: this is a dry run" in ran.log


def test_a_check_proves_both_ends_and_is_not_green(site, source):
    ran = site.run(check_only=True)
    assert ran.tasks == NOT_SENT
    assert site.delivered() == {}
    assert "could be written, renamed and deleted" in ran.log
    assert "3 learners were read, 2 of them (66.7 %) with an employee ID; 2 records could be sent" in ran.log
    assert "Keys seen: email, employee_id, java.completed_date, " in ran.log
    assert "Courses seen: java, python." in ran.log


def test_hold_builds_and_sends_nothing(site, source):
    site.connector(delivery={"method": "folder", "directory": str(site.drop), "hold": True})
    ran = site.run()
    assert ran.tasks == NOT_SENT
    assert site.manifest(ran)["records"]["emitted"] == 2
    assert site.delivered() == {}


def test_a_guard_stops_the_run_until_a_person_skips_it_with_a_reason(site, source):
    site.connector(guards={"min_learners": 4})
    stopped = site.run()
    assert stopped.tasks == STOPPED
    assert "GuardError (data)" in stopped.notice
    assert "min_learners" in stopped.notice
    assert site.delivered() == {}
    skipped = site.run(skip_guards=["min_learners"], reason="a pilot of three")
    assert skipped.tasks == GREEN
    receipt = site.receipt(skipped)
    assert (receipt["skipped_guards"], receipt["reason"]) == (["min_learners"], "a pilot of three")
    assert receipt["triggered_by"] == "dag_test"


def test_no_guard_is_skipped_without_a_reason(site, source):
    ran = site.run(skip_guards=["min_learners"], reason="  ")
    assert ran.tasks == REFUSED
    assert "skip_guards needs a reason" in ran.notice
    assert source.asked == []


def test_a_source_without_learners_is_stopped_by_its_guard(site, source):
    source.learners = []
    ran = site.run()
    assert ran.tasks == STOPPED
    assert "min_learners" in ran.notice


def test_a_renamed_key_stops_the_run(site, source):
    site.connector(source={"conn_id": "codebashing", "employee_id_field": "staff_no", "fields": "all"})
    ran = site.run()
    assert ran.tasks == STOPPED
    assert "ShapeError (data)" in ran.notice
    assert "staff_no" in ran.notice
    assert "employee_id" in ran.notice


def test_fields_unknown_to_the_source_are_explained(site, source):
    source.strict_fields = True
    ran = site.run()
    assert ran.tasks == REFUSED
    assert "`source.fields: all`" in ran.notice
    assert len(source.asked) == 1


def test_a_course_seen_for_the_first_time_is_asked_for_by_the_next_run(site, source):
    source.learners = [{**LEARNERS[0], "primary_course_name": "cobol", "cobol.completed_date": "2026-11-20"}]
    assert b"0042,cobol,100,completed,\r\n" in _one(site.run, site)
    assert b"0042,cobol,100,completed,2026-11-20T00:00:00Z\r\n" in _one(site.run, site)


def _one(run, site) -> bytes:
    name = site.manifest(run())["file"]
    return site.delivered()[name]


def test_staging_that_is_not_shared_says_where_each_task_ran(tmp_path):
    with pytest.raises(StagingError, match="extract wrote x.json.gz on worker-1, but on .* must be shared"):
        staged_path(f"file://{tmp_path}/x.json.gz", {"host": "worker-1"}, "extract")

"""Jobs, refused rows and drops where staging is a bucket."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from airflow.sdk import ObjectStoragePath
from msgspec import to_builtins

from include.codebashing_lms.ledger.destinations import destination_folder
from include.codebashing_lms.ledger.journal import open_ledger
from include.codebashing_lms.load.run import load
from include.codebashing_lms.staging.files import read_json
from include.codebashing_lms.staging.layout import run_folder
from include.codebashing_lms.transform.context import RunContext
from include.codebashing_lms.transform.run import transform
from tests.delivery.connections import lms_connection
from tests.fakes.working_lms import WorkingLms
from tests.load.staged_run import LEARNERS, RUN, connector
from tests.load.test_jobs import RESULTS, importing
from tests.load.test_pickup import RESULTS as RESULT_FILE


@pytest.fixture
def root(store):
    return store[0]


def staged(root, tmp_path, day):
    """Let transform stage a run; return its folder and what it returned."""
    as_of = datetime(2026, 11, day, 5, 15, 2, tzinfo=UTC)
    folder = run_folder(root, "acme", as_of, f"run{day}", 0)
    snapshot = tmp_path / f"{day}.json"
    snapshot.write_text(json.dumps(LEARNERS))
    context = RunContext(f"run{day}", "ada", {}, as_of, as_of, as_of, "live", "0")
    acme = connector({"method": "folder", "directory": "/drop"}, guards={"min_learners": None})
    return folder, transform(acme, snapshot, None, folder, context, ObjectStoragePath)


def loaded(delivery, connection, run, day):
    folder, transformed = run
    return to_builtins(load(connector(delivery), connection, transformed, folder, replace(RUN, run_id=f"run{day}")))


def refusals(root, delivery):
    ledger = open_ledger(destination_folder(root / "acme", connector(delivery))[0]).table
    return dict(zip(ledger["employee_id"].to_pylist(), ledger["refusals"].to_pylist(), strict=True))


def test_a_job_and_what_it_refused(root, tmp_path):
    delivery = importing(results=RESULTS, send="changes")
    with WorkingLms() as lms:
        connection, first = lms_connection(lms), staged(root, tmp_path, 23)
        lms.unknown = {"1043": "no such user"}
        assert loaded(delivery, connection, first, 23)["outcome"] == "working"
        lms.work()
        assert loaded(delivery, connection, first, 23)["refused"] == 1
        assert read_json(first[0] / "manifest.json")["refused"] == 1
        assert (first[0] / "refused.csv").exists()
        assert refusals(root, delivery) == {"1042": 0, "1043": 1}
        next_day = staged(root, tmp_path, 24)
        loaded(delivery, connection, next_day, 24)
        assert lms.arrivals[1].content.count(b"\r\n") == 2


def test_a_drop_and_its_result_file(root, tmp_path, drop):
    delivery = {"method": "folder", "directory": str(drop), "send": "changes", "results": RESULT_FILE}
    delivery["fetched"] = "removed"
    first = staged(root, tmp_path, 23)
    loaded(delivery, None, first, 23)
    [file] = drop.iterdir()
    file.unlink()
    file.with_name(f"{file.stem}_result.csv").write_text("user,course,why\n1043,python,no such user\n")
    assert loaded(delivery, None, staged(root, tmp_path, 24), 24)["rows"] == 1
    assert read_json(first[0] / "receipt.json")["pickup"]["state"] == "refused"
    assert not (root / "acme" / "pickups" / f"{read_json(first[0] / 'receipt.json')['delivery']}.json").exists()

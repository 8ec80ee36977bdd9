"""Import jobs: begun once, remembered before they are asked about, resumed by whoever comes next."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from include.codebashing_lms.dates import iso
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.journal import open_ledger
from tests.delivery.connections import lms_connection
from tests.fakes.working_lms import WorkingLms, says
from tests.load.staged_run import LEARNERS, learner, stage

STATES = {"state": "state", "done": ["finished"], "failed": ["failed"]}
JOB = {"id": "job.id", "endpoint": "/jobs/{job}", **STATES}
RESULTS = {"path": "result.refused", "row": "line", "reason": "problem", "max_refused_percent": 60}
COMPLETIONS = {"options": {"emits": "completion"}}


def importing(**settings):
    job = {**JOB, "every": 7, **settings.pop("job", {})}
    return {"method": "http", "endpoint": "/import", "job": job, **settings}


@pytest.fixture
def lms():
    with WorkingLms() as server:
        yield server


@pytest.fixture
def staging(tmp_path):
    return tmp_path / "staging"


def percents(staging):
    [folder] = ledgers(staging / "acme")
    return {
        (one["employee_id"], one["course"]): one["hundredths"] / 100
        for one in open_ledger(folder).table.to_pylist()
        if one["sent_at"]
    }


def untold(staging):
    return not ledgers(staging / "acme")


def open_jobs(staging):
    return list((staging / "acme" / "in_flight").glob("*.json"))


def test_a_job_is_remembered_before_it_is_asked_about(staged, lms, staging):
    outcome = staged.load(importing(), lms_connection(lms))
    assert (outcome["outcome"], outcome["ask_again_in"]) == ("working", 7)
    assert (staged.receipt["state"], staged.receipt["job"]) == ("working", next(iter(lms.jobs)))
    assert lms.asked == []
    assert untold(staging)


def test_it_is_asked_again_until_it_has_ended(staged, lms, staging):
    staged.load(importing(), lms_connection(lms))
    assert staged.load(importing(), lms_connection(lms))["outcome"] == "working"
    assert untold(staging)
    lms.work()
    outcome = staged.load(importing(), lms_connection(lms))
    assert outcome["outcome"] == "delivered"
    assert "imported by a job of the import endpoint http://127.0.0.1" in outcome["sentence"]
    assert "earlier try" not in outcome["sentence"]
    assert staged.receipt["state"] == "delivered"
    assert percents(staging) == {("1042", "java"): 100.0, ("1043", "python"): 33.33}
    assert (len(lms.arrivals), len(lms.imports)) == (1, 1)
    assert open_jobs(staging) == []


def test_after_its_end_a_clear_sends_nothing(staged, lms, staging):
    staged.load(importing(), lms_connection(lms))
    lms.work()
    staged.load(importing(), lms_connection(lms))
    again = stage(staging, clear_number=1)
    assert again.load(importing(), lms_connection(lms), clear_number=1)["outcome"] == "already_delivered"
    assert len(lms.arrivals) == 1


def test_the_next_run_waits_for_it_before_it_sends_anything(staged, lms, staging):
    staged.load(importing(), lms_connection(lms))
    next_day = stage(staging, [*LEARNERS, learner("1044", "java", 1, 4)], day=24, run_id="next")
    assert next_day.load(importing(send="changes"), lms_connection(lms))["outcome"] == "working"
    assert len(lms.arrivals) == 1
    lms.work()
    assert next_day.load(importing(send="changes"), lms_connection(lms))["outcome"] == "working"
    assert lms.arrivals[1].content.count(b"\r\n") == 2
    lms.work()
    assert next_day.load(importing(send="changes"), lms_connection(lms))["outcome"] == "delivered"
    assert set(percents(staging)) == {("1042", "java"), ("1043", "python"), ("1044", "java")}
    assert len(lms.imports) == 2


def test_a_run_waits_no_longer_than_its_deadline_and_the_next_goes_on_with_the_job(staged, lms, staging):
    connection = lms_connection(lms)
    staged.load(importing(), connection)
    late = staged.receipt
    late["wait"]["until"] = iso(datetime.now(UTC) - timedelta(seconds=1))
    (staged.folder / "receipt.json").write_text(json.dumps(late))
    for _ in range(2):
        with pytest.raises(DeliveryUnavailableError, match="has been working on .* since"):
            staged.load(importing(), connection)
    next_day = stage(staging, day=24, run_id="next")
    assert next_day.load(importing(), connection)["outcome"] == "working"
    lms.work()
    assert next_day.load(importing(send="changes"), connection)["outcome"] == "nothing_to_send"
    assert len(lms.arrivals) == 1


def test_an_lms_that_cannot_be_asked_now_still_works(staged, lms):
    staged.load(importing(), lms_connection(lms))
    lms.next_answers.append(says({}, 503))
    assert staged.load(importing(), lms_connection(lms))["outcome"] == "working"


def test_a_failed_job_imported_nothing_and_another_try_is_another_job(staged, lms, staging):
    connection = lms_connection(lms)
    staged.load(importing(), connection)
    lms.fail()
    with pytest.raises(DeliveryError, match="its import failed") as failure:
        staged.load(importing(), connection)
    assert not failure.value.retryable
    assert staged.receipt["state"] == "failed"
    assert untold(staging)
    assert open_jobs(staging) == []
    assert staged.load(importing(), connection)["outcome"] == "working"
    assert len(lms.jobs) == 2
    staged.load(importing(), connection)
    lms.work()
    assert staged.load(importing(), connection)["outcome"] == "delivered"
    assert (len(lms.arrivals), len(lms.imports)) == (2, 1)


def test_the_rows_of_a_failed_job_go_with_the_next_run(staged, lms, staging):
    connection = lms_connection(lms)
    staged.load(importing(), connection)
    lms.fail()
    next_day = stage(staging, day=24, run_id="next")
    assert next_day.load(importing(send="changes"), connection)["outcome"] == "working"
    lms.work()
    assert next_day.load(importing(send="changes"), connection)["outcome"] == "delivered"
    assert len(percents(staging)) == 2


def test_a_job_that_the_lms_does_not_know_any_more_is_sent_again(staged, lms, staging):
    connection = lms_connection(lms)
    staged.load(importing(), connection)
    lms.jobs.clear()
    assert staged.load(importing(), connection)["outcome"] == "working"
    lms.work()
    assert staged.load(importing(), connection)["outcome"] == "delivered"
    assert (len(lms.arrivals), len(percents(staging))) == (2, 2)
    assert lms.arrivals[0].key != lms.arrivals[1].key


@pytest.mark.parametrize("end", ["lost", "failed"])
def test_where_the_lms_adds_rows_a_person_has_to_look(staging, lms, end):
    connection = lms_connection(lms)
    seed = stage(staging, [], lms=COMPLETIONS, run_id="seed")
    seed.load(importing(), connection, lms=COMPLETIONS)
    run = stage(staging, lms=COMPLETIONS, day=24)
    assert run.load(importing(), connection, lms=COMPLETIONS)["outcome"] == "working"
    lms.jobs.clear() if end == "lost" else lms.fail()
    with pytest.raises(DeliveryError, match="action settle"):
        run.load(importing(), connection, lms=COMPLETIONS)
    assert len(lms.arrivals) == 1


def test_a_job_may_be_an_address(staged, lms):
    job = {"state": "state", "done": ["finished"]}
    delivery = {"method": "http", "endpoint": "/import", "job": job}
    staged.load(delivery, lms_connection(lms))
    assert staged.receipt["job"].startswith("/jobs/job%2F")
    lms.work()
    assert staged.load(delivery, lms_connection(lms))["outcome"] == "delivered"


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ("https://elsewhere.example.com/jobs/7", "lies on another host"),
        ("", "named no job"),
        ("..", "named no job"),
        ("x" * 501, "named no job"),
        ({"id": 7}, "named no job"),
    ],
)
def test_an_unusable_job_is_refused(staged, lms, job, message):
    lms.take = lambda *_: says({"job": {"id": job}}, 202)
    endpoint = {"endpoint": "{job}"} if "host" in message else {}
    with pytest.raises(DeliveryError, match=message):
        staged.load(importing(job=endpoint), lms_connection(lms))
    assert lms.asked == []


def test_a_job_never_becomes_another_path(staged, lms):
    lms.take = lambda *_: says({"job": {"id": "../admin?x=1#y"}}, 202)
    staged.load(importing(), lms_connection(lms))
    staged.load(importing(), lms_connection(lms))
    assert lms.asked == ["/jobs/..%2Fadmin%3Fx%3D1%23y"]


def test_an_answer_without_a_state_is_an_error_that_names_the_key(staged, lms):
    staged.load(importing(), lms_connection(lms))
    lms.next_answers.append(says({"status": "finished"}))
    with pytest.raises(DeliveryError, match=r"delivery\.job\.state"):
        staged.load(importing(), lms_connection(lms))
    assert staged.receipt["state"] == "working"


def test_rows_that_the_job_refused_go_again(staged, lms, staging):
    connection, delivery = lms_connection(lms), importing(results=RESULTS)
    lms.unknown = {"1043": "no such user"}
    staged.load(delivery, connection)
    lms.work()
    outcome = staged.load(delivery, connection)
    assert (outcome["outcome"], outcome["refused"]) == ("delivered", 1)
    assert "The LMS refused 1 row" in outcome["sentence"]
    assert percents(staging)["1042", "java"] == 100
    assert "1043@example.com,1043,python,1" in (staged.folder / "refused.csv").read_text()
    lms.unknown.clear()
    next_day = stage(staging, day=24, run_id="next")
    assert next_day.load({**delivery, "send": "changes"}, connection)["rows"] == 1

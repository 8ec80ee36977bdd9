"""A load that waits for an import job of the LMS: deferred, resumed in whatever process, never sent twice."""

import pytest

from tests.airflow.test_runs import GREEN, LEARNERS
from tests.fakes.working_lms import WorkingLms

DELIVERY = {
    "method": "http",
    "endpoint": "/import",
    "job": {
        "id": "job.id",
        "endpoint": "/jobs/{job}",
        "state": "state",
        "done": ["finished"],
        "failed": ["failed"],
        "every": 1,
        "deadline": 600,
    },
}


@pytest.fixture
def lms(site):
    site.connector(delivery=DELIVERY)
    with WorkingLms() as lms, site.source(LEARNERS):
        site.connection("lms", conn_type="http", host=lms.url, password=lms.token)
        yield lms


def works_when_asked_for_the_third_time(lms):
    report = lms.report

    def patched_report(path):
        if len(lms.asked) == 2:
            lms.work()
        return report(path)

    lms.report = patched_report


def test_it_is_deferred_until_the_job_has_ended(site, lms):
    works_when_asked_for_the_third_time(lms)
    ran = site.run()
    assert ran.tasks == GREEN
    assert (len(lms.asked), len(lms.arrivals), len(lms.imports)) == (3, 1, 1)
    receipt = site.receipt(ran)
    assert (receipt["state"], receipt["job"]) == ("delivered", next(iter(lms.jobs)))
    assert "ask_again_in" not in ran.xcom["load.return_value"]


def test_a_failed_job_fails_the_task_and_says_so(site, lms):
    report = lms.report

    def patched_report(path):
        lms.fail()
        return report(path)

    lms.report = patched_report
    ran = site.run()
    assert ran.tasks == {**GREEN, "load": "failed"}
    assert "its import failed" in ran.notice
    assert len(lms.arrivals) == 1

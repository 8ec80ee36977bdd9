"""A load that is killed around an import job: the LMS works on each file once, no refusal is lost."""

import random

import pytest

from demo.codebashing import Codebashing
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.journal import open_ledger
from include.codebashing_lms.ledger.maintenance import rebuild
from tests.end_to_end.company import CONNECTOR, LEARNERS, Company
from tests.fakes.working_lms import WorkingLms

JOB = {"id": "job.id", "endpoint": "/jobs/{job}", "state": "state", "done": ["finished"]}
RESULTS = {"path": "result.refused", "row": "line", "reason": "problem", "max_refused_percent": 100}


@pytest.fixture
def company(tmp_path):
    with Codebashing([]) as source, WorkingLms() as lms:
        delivery = {**CONNECTOR["delivery"], "job": JOB, "results": RESULTS}
        connection = {"conn_type": "http", "host": lms.url, "password": lms.token}
        it = Company(tmp_path, source, lms, connection, delivery=delivery)
        try:
            yield it
        finally:
            it.tasks.communicate()


def load(company, day, call=None, at=None):
    """Run load until it has ended, one of its calls killed at a step; return the kills, and steps."""
    killed, steps = 0, []
    while True:
        kill = {"at": at} if len(steps) == call and not killed else {}
        answer = company.run(day, "load", **kill)
        if answer["status"] != 0:
            killed += 1
            continue
        steps.append(answer["steps"])
        if answer["returned"]["outcome"] != "working":
            return killed, steps
        company.lms.work()


def agrees(company):
    """Assert that LMS and ledger say the same of all that the LMS took."""
    known = {who: row["percent_complete"] for (who, _), row in company.lms.rows.items()}
    [destination_ledger] = ledgers(company.home)
    table = open_ledger(destination_ledger).table
    assert rebuild(destination_ledger).table.equals(table)
    told = {one["employee_id"]: f"{one['hundredths'] / 100:g}" for one in table.to_pylist() if one["sent_at"]}
    assert known == told
    assert not list(company.home.glob("in_flight/[!.]*"))


def days(company, kills):
    """Have a day for each kill; return how many came in time."""
    rng = random.Random(20261126)
    killed = 0
    for call, at in kills:
        company.lms.unknown = {str(rng.randrange(LEARNERS)): "no such user" for _ in range(3)}
        killed += load(company, begun(company), call, at)[0]
        agrees(company)
        assert len(company.lms.imports) == company.last.number
    return killed


def begun(company):
    day = company.next_day()
    for task in ("extract", "transform"):
        company.run(day, task)
    return day


def possible(company):
    """Return all calls and steps at which load can be killed on a usual day."""
    load(company, begun(company))
    _, steps = load(company, begun(company))
    return [(call, at) for call, count in enumerate(steps) for at in range(1, count + 1)]


def test_load_is_killed_around_a_job(company):
    assert days(company, random.Random(4).sample(possible(company), 4)) == 4


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_load_is_killed_at_every_eleventh_step_around_a_job(company):
    kills = possible(company)[::11]
    assert days(company, kills) >= 0.9 * len(kills)

"""Tasks that are killed at any moment and tried again: the LMS knows what it should, and was told it once."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.codebashing import Codebashing
from demo.lms import Lms
from tests.end_to_end.company import TASKS, Company


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with Codebashing([]) as source, Lms() as lms:
        it = Company(tmp_path, source, lms, {"conn_type": "http", "host": lms.url, "password": lms.token})
        try:
            yield it
        finally:
            it.tasks.communicate()


def days(company: Company, count: int, unit: str, rng: random.Random) -> dict[str, int]:
    """Have days on which each task is killed once; return how many kills came in time."""
    usual = [company.usual_day(), company.usual_day()][-1]
    kills = dict.fromkeys(TASKS, 0)
    for _ in range(count):
        day = company.next_day()
        for task in TASKS:
            if unit == "steps":
                kill: dict[str, Any] = {"at": rng.randint(1, usual[task]["steps"])}
            else:
                kill = {"after": rng.uniform(0, usual[task]["seconds"])}
            kills[task] += company.run_after_a_kill(day, task, **kill)
        company.agrees()
        company.sent_once()
    return kills


def test_killed_at_some_steps(company):
    assert days(company, 4, "steps", random.Random(20261123)) == dict.fromkeys(TASKS, 4)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["steps", "seconds"])
def test_killed_at_twenty_moments(company, unit):
    kills = days(company, 20, unit, random.Random(20261124))
    assert min(kills.values()) >= (15 if unit == "steps" else 1)  # a clock's kills may come late


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_load_killed_at_every_third_step(company):
    steps = [company.usual_day(), company.usual_day()][-1]["load"]["steps"]
    for step in range(1, steps + 1, 3):
        day = company.next_day()
        for task in TASKS[:2]:
            company.run(day, task)
        company.run_after_a_kill(day, "load", at=step)
        company.agrees()
        company.sent_once()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_load_killed_twice_with_another_run_in_between(company):
    steps = [company.usual_day(), company.usual_day()][-1]["load"]["steps"]
    rng = random.Random(20261125)
    for _ in range(15):
        day = company.next_day()
        for task in TASKS[:2]:
            company.run(day, task)
        company.run(day, "load", at=rng.randint(1, steps))
        time.sleep(1)  # what is told is true to the second
        company.usual_day()
        company.run_after_a_kill(day, "load", at=rng.randint(1, steps))
        company.agrees()

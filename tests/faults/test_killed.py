"""Tasks that are killed at any moment and tried again: the LMS knows what it should, and was told it once."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.codebashing import Codebashing
from demo.lms import Lms
from include.codebashing_lms.ledger import entries, ledgers, open_ledger, rebuild
from include.codebashing_lms.staging import sha256_of
from tests.conftest import ROOT
from tests.delivery.conftest import learner

TASKS = ("extract", "transform", "load")
LEARNERS = 400
LESSONS = 400
CONNECTOR = {
    "name": "acme",
    "source": {"conn_id": "codebashing"},
    "delivery": {"method": "http", "endpoint": "/import", "send": "changes"},
}


@dataclass
class Day:
    """A run of the connector, as far as it came."""

    number: int
    given: Any = None


class Company:
    """A company with both servers and its staging area, day after day.

    :param changes: of the connector file.
    """

    def __init__(
        self, folder: Path, source: Codebashing, lms: Any, connection: dict[str, Any], **changes: Any
    ) -> None:
        self.source, self.lms = source, lms
        self.home = folder / "staging" / "acme"
        self.truth: dict[str, str] = {}
        self.last = Day(0)
        self.midnight = datetime.now(UTC) - timedelta(hours=12)
        connectors = folder / "connectors"
        connectors.mkdir()
        (connectors / "acme.yaml").write_text(yaml.safe_dump(CONNECTOR | changes))
        codebashing = {"password": source.token, "extra": {"api_key": source.api_key}}
        environment = {
            "AIRFLOW_CONN_CODEBASHING": json.dumps({"conn_type": "http", "host": source.url, **codebashing}),
            "AIRFLOW_CONN_LMS": json.dumps(connection),
            "CODEBASHING_LMS_CONNECTORS": str(connectors),
            "CODEBASHING_LMS_STAGING": f"file://{folder / 'staging'}",
            "TMPDIR": str(folder),  # killed tasks leave something there
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
        }
        self.tasks = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.task_process"],
            cwd=ROOT, env=os.environ | environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def next_day(self) -> Day:
        """Let some people learn, and somebody come for one day."""
        self.last = Day(self.last.number + 1)
        lessons = {str(number): (self.last.number + number) // 5 for number in range(LEARNERS)}
        lessons[f"guest{self.last.number}"] = 1
        self.source.learners = [learner(who, "java", done, LESSONS) for who, done in lessons.items()]
        self.truth |= {who: f"{done * 100 / LESSONS:g}" for who, done in lessons.items()}
        return self.last

    def run(self, day: Day, task: str, **kill: Any) -> dict[str, Any]:
        """Run a task of a day's run; the run goes on with what it returned, if it did."""
        date = self.midnight + timedelta(minutes=day.number)
        command = {"task": task, "run_id": f"scheduled__{day.number}", "logical_date": date.isoformat()}
        print(json.dumps({**command, "given": day.given, **kill}), file=self.tasks.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self.tasks.stdout.readline())
        if answer["status"] != 0:
            assert (kill, answer["status"]) == (kill or None, signal.SIGKILL)
        elif task != TASKS[-1]:
            day.given = answer["returned"]
        return answer

    def run_after_a_kill(self, day: Day, task: str, **kill: Any) -> bool:
        """Kill a task in the middle, and let it be tried again; tell whether the kill came in time."""
        in_time = self.run(day, task, **kill)["status"] != 0
        if in_time:
            self.run(day, task)
        return in_time

    def usual_day(self) -> dict[str, dict[str, Any]]:
        """Have a day on which nothing happens; return how long each task took, in steps and seconds."""
        day = self.next_day()
        return {task: self.run(day, task) for task in TASKS}

    def agrees(self) -> None:
        """Assert that LMS, ledger and journal say the same, and that nothing else is left."""
        known = {employee_id: row["percent_complete"] for (employee_id, _), row in self.lms.rows.items()}
        assert known == self.truth
        [book] = ledgers(self.home)
        ledger = open_ledger(book).table
        assert rebuild(book).table.equals(ledger)
        told = zip(*(ledger.column(name).to_pylist() for name in ("employee_id", "hundredths")), strict=True)
        assert known == {employee_id: f"{hundredths / 100:g}" for employee_id, hundredths in told}
        assert not list(self.home.glob("open/[!.]*"))
        assert not list(self.home.glob("runs/**/.*"))

    def sent_once(self) -> None:
        """Assert that the receipt of the last run says what was sent, and that every run sent one file."""
        [receipt_file] = self.home.glob(f"runs/*/scheduled__{self.last.number}.0/receipt.json")
        receipt = json.loads(receipt_file.read_text())
        sent = receipt_file.with_name(receipt["file"])
        assert (receipt["state"], receipt["sha256"]) == ("delivered", sha256_of(sent))
        assert sent.read_bytes() == self.lms.imports[-1]
        [book] = ledgers(self.home)
        deliveries = [entry["delivery"] for entry in entries(book) if entry["kind"] == "delivery"]
        assert (len(deliveries), deliveries[-1]) == (self.last.number, receipt["delivery"])
        assert len(self.lms.imports) == self.last.number


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

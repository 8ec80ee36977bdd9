"""A company whose tasks run in processes that may be killed, and what must be true of it at any time."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from demo.codebashing import Codebashing
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.journal import entries, open_ledger
from include.codebashing_lms.ledger.maintenance import rebuild
from include.codebashing_lms.staging.checksums import sha256_of
from tests.load.staged_run import learner
from tests.paths import ROOT

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

    def __init__(self, folder: Path, source: Codebashing, lms: Any, connection: dict[str, Any], **changes: Any) -> None:
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
            [sys.executable, "-m", "tests.end_to_end.task_process"],
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
        [destination_ledger] = ledgers(self.home)
        ledger = open_ledger(destination_ledger).table
        assert rebuild(destination_ledger).table.equals(ledger)
        told = zip(*(ledger.column(name).to_pylist() for name in ("employee_id", "hundredths")), strict=True)
        assert known == {employee_id: f"{hundredths / 100:g}" for employee_id, hundredths in told}
        assert not list(self.home.glob("in_flight/[!.]*"))
        assert not list(self.home.glob("runs/**/.*"))

    def sent_once(self) -> None:
        """Assert that the receipt of the last run says what was sent, and that every run sent one file."""
        [receipt_file] = self.home.glob(f"runs/*/scheduled__{self.last.number}.0/receipt.json")
        receipt = json.loads(receipt_file.read_text())
        sent = receipt_file.with_name(receipt["file"])
        assert (receipt["state"], receipt["sha256"]) == ("delivered", sha256_of(sent))
        assert sent.read_bytes() == self.lms.imports[-1]
        [destination_ledger] = ledgers(self.home)
        deliveries = [entry["delivery"] for entry in entries(destination_ledger) if entry["kind"] == "delivery"]
        assert (len(deliveries), deliveries[-1]) == (self.last.number, receipt["delivery"])
        assert len(self.lms.imports) == self.last.number

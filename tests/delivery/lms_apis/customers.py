"""Customers: a connector for an LMS's stand-in, and a load of it that is killed at one of its steps."""

import multiprocessing
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.codebashing_lms.connections.model import HttpConnection
from tests.load.staged_run import StagedRun, learner, stage

LEARNERS = [learner("E1", "java", 4, 4, "2026-11-18T08:00:00"), learner("E2", "java", 1, 3)]
AUDITED = ("open", "os.", "socket.", "http.client.", "tempfile.", "shutil.")
processes = multiprocessing.get_context("forkserver")


@dataclass
class Customer:
    """A connector, and its LMS."""

    root: Path
    lms: dict[str, Any]
    delivery: dict[str, Any]
    connection: HttpConnection

    def __post_init__(self) -> None:
        self.delivery |= {"method": "http", "conn_id": "lms", "results": {"max_refused_percent": 100}}

    def stage(self, learners: list[Any], day: int) -> StagedRun:
        sections = {"lms": self.lms, "delivery": self.delivery}
        return stage(self.root, learners, day=day, run_id=f"run{day}", **sections)

    def load(self, run: StagedRun, **more: Any) -> dict[str, Any]:
        return run.load(self.delivery, self.connection, lms=self.lms, **more)

    def deliver(self, learners: list[Any], day: int = 20) -> dict[str, Any]:
        return self.load(self.stage(learners, day))

    def load_to_the_end(self, run: StagedRun) -> dict[str, Any]:
        """Load as often as Airflow would, until the LMS has finished its work."""
        for _ in range(20):
            outcome = self.load(run)
            if outcome["outcome"] != "working":
                return outcome
        raise AssertionError("The LMS never finishes.")

    def load_killed_at(self, run: StagedRun, step: int) -> bool:
        """Kill a load at a step, in a process of its own; tell whether the load was that long."""
        process = processes.Process(target=_load, args=(self, run, step))
        process.start()
        process.join(60)
        assert process.exitcode in (0, -signal.SIGKILL)
        return process.exitcode != 0


def _load(customer: Customer, run: StagedRun, last: int) -> None:
    count = 0

    def step(event: str, _: Any) -> None:
        nonlocal count
        if event.startswith(AUDITED):
            count += 1
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(step)
    customer.load(run)

"""Stand-ins for LMSs that refuse unknown learners, and for one that imports in a job."""

import csv
import io
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from demo.lms import Answer, Arrival, Lms


def says(document: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(document).encode(), {"Content-Type": "application/json", **headers})


class PickyLms(Lms):
    """Refuses the rows of unknown learners in its answer, and imports all others."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.unknown: dict[str, str] = {}  # employee ID: why
        self.reports: dict[str, Answer] = {}
        self.asked: list[str] = []
        handler = self._server.RequestHandlerClass

        def do_GET(self: Any) -> None:
            if self.headers.get("Authorization") != f"Bearer {self.lms.token}":
                self._answer(self.lms.refusal(HTTPStatus.UNAUTHORIZED, "the token is wrong"))
                return
            self._answer(self.lms.report(self.path))

        handler.do_GET = do_GET  # type: ignore[attr-defined]

    def report(self, path: str) -> Answer:
        """Answer a GET."""
        self.asked.append(path)
        if self.next_answers:
            return self.next_answers.popleft()
        return self.reports.get(path, says({"message": "nothing is here"}, HTTPStatus.NOT_FOUND))

    def _import(self, content: bytes) -> Answer:
        self.imports.append(content)
        lines = list(enumerate(csv.DictReader(io.StringIO(content.decode(), newline="")), start=2))
        refused = [
            {
                "line": line,
                "user": row["employee_id"],
                "course": row["course_id"],
                "problem": self.unknown[row["employee_id"]],
            }
            for line, row in lines
            if row["employee_id"] in self.unknown
        ]
        for _, row in lines:
            if row["employee_id"] not in self.unknown:
                self.rows[row["employee_id"], row["course_id"]] = row
        return says({"status": "ok", "report": {"refused": refused}})


@dataclass
class ImportJob:
    """A file that waits for its import, or was imported."""

    content: bytes
    state: str = "queued"
    report: Any = None


class WorkingLms(PickyLms):
    """Answers an upload with a job, and imports when `work` is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.jobs: dict[str, ImportJob] = {}
        self.works_at_once = False

    def take(self, arrival: Arrival, authorization: str | None) -> Answer:
        """Accept a file; a known key returns the known job."""
        self.arrivals.append(arrival)
        if authorization != f"Bearer {self.token}":
            return self.refusal(HTTPStatus.UNAUTHORIZED, "the token is wrong")
        job = f"job/{arrival.key}"
        if job not in self.jobs:
            self.jobs[job] = ImportJob(arrival.content)
        if self.works_at_once:
            self.work()
        return says({"job": {"id": job}}, 202, Location=f"/jobs/{job.replace('/', '%2F')}")

    def work(self) -> None:
        """Import all queued files."""
        for job in self.jobs.values():
            if job.state == "queued":
                job.report, job.state = json.loads(self._import(job.content).body)["report"], "finished"

    def fail(self) -> None:
        """Let all queued jobs fail."""
        for job in self.jobs.values():
            job.state = "failed" if job.state == "queued" else job.state

    def report(self, path: str) -> Answer:
        """Return the state of a job."""
        self.asked.append(path)
        if self.next_answers:
            return self.next_answers.popleft()
        job = self.jobs.get(path.removeprefix("/jobs/").replace("%2F", "/"))
        if job is None:
            return says({"message": "no such job"}, HTTPStatus.NOT_FOUND)
        return says({"state": job.state, "result": job.report})

"""A stand-in for Canvas: stores grades behind a Progress, which fails at an unknown user."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.fakes.stand_in import Answer, Request, StandIn, says

TOKEN = "canvas-secret"
STATES = ("queued", "running")


@dataclass
class Job:
    number: int
    state: str = "completed"
    message: str | None = None
    polls: int = 0


@dataclass
class Assignment:
    students: set[str]
    grades: dict[str, str] = field(default_factory=dict)
    published: bool = True


class Canvas(StandIn):
    def __init__(self) -> None:
        super().__init__()
        self.assignments: dict[tuple[str, str], Assignment] = {}
        self.jobs: dict[int, Job] = {}
        self.may_grade = True

    def answer(self, request: Request) -> Answer:
        if request.headers["Authorization"] != f"Bearer {TOKEN}":
            return says({"errors": [{"message": "Invalid access token."}]}, 401, WWW_Authenticate="Bearer")
        parts = [unquote(part) for part in request.path.removeprefix("/api/v1/").split("/")]
        if parts == ["users", "self"]:
            return says({"id": 1})
        if parts[0] == "progress":
            return self._progress(int(parts[1]))
        assignment = self.assignments.get((parts[1], parts[3]))
        if assignment is None:
            return says({"errors": [{"message": "The specified resource does not exist."}]}, 404)
        if request.method == "GET":
            return says({"id": 1})
        if not self.may_grade:
            return says({"status": "unauthorized", "errors": [{"message": "user not authorized"}]}, 401)
        return self._grade(assignment, parse_qsl(request.body.decode(), keep_blank_values=True), parts[3])

    def _grade(self, assignment: Assignment, form: list[tuple[str, str]], number: str) -> Answer:
        job = self.jobs[len(self.jobs) + 1] = Job(len(self.jobs) + 1)
        grades = {key.removeprefix("grade_data[").removesuffix("][posted_grade]"): one for key, one in form}
        missing = [user for user in grades if user not in assignment.students]
        if missing:
            names = ", ".join(f"'{user}'" for user in missing)
            job.state, job.message = "failed", f"Couldn't find User(s) with API ids {names}"
        if not assignment.published:
            text = "Some assignments are either not published or deleted and can not be graded"
            job.state, job.message = "failed", f"{text} '{number}'"
            return says(self._shown(job))
        assignment.grades |= {user: one for user, one in grades.items() if user not in missing}
        return says(self._shown(job))

    def _progress(self, number: int) -> Answer:
        job = self.jobs.get(number)
        if job is None:
            return Answer(404)
        job.polls += 1
        return says(self._shown(job))

    def _shown(self, job: Job) -> dict[str, Any]:
        under_way = job.polls <= len(STATES)
        state = STATES[max(0, job.polls - 1)] if under_way else job.state
        return {"id": job.number, "workflow_state": state, "message": None if under_way else job.message}

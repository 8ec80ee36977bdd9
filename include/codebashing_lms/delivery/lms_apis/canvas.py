"""Delivery of grades to Canvas, which processes them after it has answered.

The same grade again changes nothing, so a request without an answer is sent again.
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

import requests

from include.codebashing_lms.config.delivery import HttpDelivery
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.http.answers import body_of, refuse_redirect, retry_later
from include.codebashing_lms.delivery.http.client import LmsClient, LmsSession, with_retries
from include.codebashing_lms.delivery.http.json_api import (
    json_of,
    reason_in,
    refusal_error,
    safe_reason,
    secrets_of,
    status_of,
    whole_number,
)
from include.codebashing_lms.delivery.lms_apis.grades import Grade, GradeItem, read_grades, sliced
from include.codebashing_lms.delivery.transport import JobStatus, OutboundFile, Refusal, SendResult
from include.codebashing_lms.errors import DeliveryError, UnknownJobError

UserIds = Literal["canvas", "sis_user_id", "sis_login_id", "sis_integration_id"]
ABOUT_ONE_COURSE = (400, 401, 403, 404, 422)
THROTTLED = b"rate limit exceeded"
UNKNOWN_USERS = re.compile(r"find User\(s\) with API ids (.*)", re.DOTALL)
QUOTED = re.compile(r"'(.*?)'(?=, '|\s*$)")


@dataclass(frozen=True)
class CanvasTransport:
    """A request for each assignment and batch; Canvas answers each with a Progress, the state of its work.

    :param user_ids: the kind of ID that the user keys are in Canvas.
    :param batch: grades of one request at most.
    :param targets: course and assignment of each course that is mapped; `check` reads them.
    """

    delivery: HttpDelivery
    connection: HttpConnection
    user_ids: UserIds = "sis_user_id"
    batch: int = 500
    targets: tuple[tuple[str, str], ...] = ()
    result = "graded by Canvas at"

    def address(self, name: str = "") -> str:
        """Return the address of Canvas's courses."""
        return f"{self._base}/courses"

    def send(self, outbound: OutboundFile, resuming: bool) -> SendResult:
        """Send the grades of each assignment; where Canvas refuses one, its rows are refusals."""
        jobs: list[tuple[str, str]] = []
        refusals: list[Refusal] = []
        with self._client.session() as session:
            for item, grades in read_grades(outbound.path).items():
                for batch in sliced(grades, self.batch):
                    progress, reason = with_retries(session.until)(self._grade, session, item, batch)
                    if progress:
                        jobs.append((progress, item.course_id))
                    else:
                        refusals += [Refusal(reason, grade.row) for grade in batch]
        return SendResult(job=json.dumps(jobs) if jobs else None, refusals=tuple(refusals))

    def job_status(self, job: str) -> JobStatus:
        """Ask how far Canvas is with all grades of one delivery."""
        refusals: list[Refusal] = []
        with self._client.session() as session:
            for progress, course_id in json.loads(job):
                document = with_retries(session.until)(self._progress, session, progress)
                if document.get("workflow_state") not in ("completed", "failed"):
                    return JobStatus("working", sentence="Canvas works the grades in.")
                if document["workflow_state"] == "failed":
                    refusals += self._not_graded(str(document.get("message") or ""), course_id)
        return JobStatus("done", tuple(refusals), "Canvas worked the grades in.")

    def check(self) -> str:
        """Read the owner of the token, and each assignment that is mapped."""
        with self._client.session() as session:
            with_retries(session.until)(self._read, session, "users/self", "show whose token it is")
            for course_id, assignment_id in self.targets:
                path = f"courses/{_segment(course_id)}/assignments/{_segment(assignment_id)}"
                with_retries(session.until)(self._read, session, path, f"show {path}")
        shown = f"shows the {len(self.targets)} mapped assignments" if self.targets else "says whose it is"
        return f"{self._base} takes the token and {shown}; nothing was graded."

    @property
    def _client(self) -> LmsClient:
        return LmsClient(self.delivery, self.connection)

    @property
    def _base(self) -> str:
        return self._client.address.rstrip("/")

    def _grade(self, session: LmsSession, item: GradeItem, batch: list[Grade]) -> tuple[str, str]:
        """Send grades; return the ID of the Progress and no reason, or no ID and why Canvas refuses them."""
        course, assignment = _segment(item.course_id), _segment(item.activity_id)
        url = f"{self.address()}/{course}/assignments/{assignment}/submissions/update_grades"
        prefix = "" if self.user_ids == "canvas" else f"{self.user_ids}:"
        form = [(f"grade_data[{prefix}{grade.user_key}][posted_grade]", grade.grade) for grade in batch]
        with session.answer("POST", url, data=form) as answer:
            if reason := self._course_refusal(answer, session):
                return "", reason
            if status_of(answer, session) not in (200, 201, 202):
                raise refusal_error(answer, session, "take grades")
            document = json_of(answer, session)
        progress = whole_number(document.get("id")) if isinstance(document, dict) else None
        if progress is None:
            raise DeliveryError(f"{url} answered without a Progress to ask about: is it Canvas?")
        return str(progress), ""

    def _course_refusal(self, answer: requests.Response, session: LmsSession) -> str:
        """Return why an answer refuses this course only, blank where the answer is another one.

        An unknown token gets another kind of 401.
        """
        unknown_token = answer.status_code == 401 and "WWW-Authenticate" in answer.headers
        if answer.status_code not in ABOUT_ONE_COURSE or unknown_token:
            return ""
        body = body_of(answer, not_delivered=session.not_delivered)
        if answer.status_code == 403 and _is_throttled(answer, body):
            raise retry_later(answer, self._base)
        return reason_in(body, answer, session)

    def _progress(self, session: LmsSession, progress: str) -> dict[str, Any]:
        with session.answer("GET", f"{self._base}/progress/{_segment(progress)}") as answer:
            if status_of(answer, session) == 404:
                raise UnknownJobError(f"{self._base} knows no Progress of the ID that it gave us.")
            if self._course_refusal(answer, session) or answer.status_code != 200:
                raise refusal_error(answer, session, "show how far it is")
            document = json_of(answer, session)
        return document if isinstance(document, dict) else {}

    def _not_graded(self, message: str, course_id: str) -> list[Refusal]:
        """Return the refusals of a failed Progress: the users it names, else the whole course."""
        unknown = UNKNOWN_USERS.search(message)
        if not unknown:
            message = message or "Canvas says that it failed, and not why."
            return [Refusal(safe_reason(message, secrets_of(self.connection)), course_id=course_id)]
        keys = [quoted.removeprefix(f"{self.user_ids}:") for quoted in QUOTED.findall(unknown.group(1))]
        unknown_user = "Canvas knows no such user among the students of the course"
        return [Refusal(unknown_user, user_key=key, course_id=course_id) for key in keys]

    def _read(self, session: LmsSession, path: str, what: str) -> None:
        with session.answer("GET", f"{self._base}/{path}") as answer:
            refuse_redirect(answer, self._base)
            if self._course_refusal(answer, session) or status_of(answer, session) != 200:
                raise refusal_error(answer, session, what, "It takes those of a teacher of the course.")


def _is_throttled(answer: requests.Response, body: bytes) -> bool:
    with suppress(ValueError):
        if float(answer.headers.get("X-Rate-Limit-Remaining") or 1) <= 0:
            return True
    return THROTTLED in body.lower()


def _segment(text: str) -> str:
    return quote(text, safe=":", errors="replace")

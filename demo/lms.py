"""A stand-in for an LMS's import endpoint: imports a CSV file, and reports refused rows.

    python -m demo.lms --port 8765

POST a CSV file to /import, as multipart or raw, with the bearer token. An invalid row is refused and
reported, all others are imported. A request with a known Idempotency-Key imports nothing and gets the first
answer again. With `errors_as_200` errors have status 200, as in many LMSs. GET /imports returns the counts.
The stand-in listens on loopback; with a host's name, for containers, on every address, with TLS.
"""

import argparse
import csv
import io
import json
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from requests_toolbelt import MultipartDecoder

from demo.tls import encrypt

TOKEN = "lms-demo-token"
STATUSES = ("completed", "in_progress", "not_started")
REQUIRED = ("employee_id", "course_id", "percent_complete")


@dataclass(frozen=True)
class Answer:
    """An answer of the endpoint."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Arrival:
    """A request with a file, as received."""

    path: str
    key: str | None
    content: bytes


def _percent(text: str) -> bool:
    whole, _, decimals = text.partition(".")
    return whole.isdecimal() and len(decimals) <= 2 and 0 <= float(text) <= 100


def _instant(text: str) -> bool:
    try:
        return not text or datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


CHECKS = {
    "employee_id": bool,
    "course_id": bool,
    "percent_complete": _percent,
    "status": STATUSES.__contains__,
    "completed_at": _instant,
}


def problem_of(row: dict[str, str]) -> str | None:
    """Return the first invalid column of a row, None for a valid row."""
    if None in row or None in row.values():
        return "number of columns"
    return next((column for column, fits in CHECKS.items() if column in row and not fits(row[column])), None)


class Lms:
    """The LMS: its rows by learner and course, and the files that it received."""

    def __init__(self, token: str = TOKEN, port: int = 0, errors_as_200: bool = False, host: str | None = None) -> None:
        self.token = token
        self.errors_as_200 = errors_as_200
        self.arrivals: list[Arrival] = []
        self.imports: list[bytes] = []
        self.rows: dict[tuple[str, str], dict[str, str]] = {}
        self.next_answers: deque[Answer] = deque()
        self.answers_to_lose = 0
        self._answered: dict[str, Answer] = {}
        self._lock = threading.Lock()
        self.host = host
        handler = type("Handler", (_Handler,), {"lms": self})
        self._server = ThreadingHTTPServer(("" if host else "127.0.0.1", port), handler)
        self._server.daemon_threads = True
        if host:
            encrypt(self._server, host)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Return the address; the endpoint is /import."""
        host = f"https://{self.host}" if self.host else "http://127.0.0.1"
        return f"{host}:{self._server.server_port}"

    def __enter__(self) -> "Lms":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, arrival: Arrival, authorization: str | None) -> Answer:
        """Answer a request with a file; while there are `next_answers`, give those and import nothing."""
        with self._lock:
            self.arrivals.append(arrival)
            if self.next_answers:
                return self.next_answers.popleft()
            if authorization != f"Bearer {self.token}":
                return self.refusal(HTTPStatus.UNAUTHORIZED, "the token is wrong")
            if arrival.path.partition("?")[0] != "/import":
                return self.refusal(HTTPStatus.NOT_FOUND, "nothing is here")
            if arrival.key not in self._answered:
                answer = self._import(arrival.content)
                if arrival.key is None:
                    return answer
                self._answered[arrival.key] = answer
            return self._answered[arrival.key]

    def refusal(self, status: HTTPStatus, problem: str) -> Answer:
        """Return an error in this LMS's manner."""
        return _json(HTTPStatus.OK if self.errors_as_200 else status, {"status": "error", "message": problem})

    def _import(self, content: bytes) -> Answer:
        try:
            reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
            lines = list(enumerate(reader, start=2))
        except (UnicodeDecodeError, csv.Error):
            return self.refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "the file is no CSV in UTF-8")
        missing = [column for column in REQUIRED if column not in (reader.fieldnames or ())]
        if missing:
            return self.refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"no column {', '.join(missing)}")
        self.imports.append(content)
        problems = {line: problem_of(row) for line, row in lines}
        for line, row in lines:
            if problems[line] is None:
                self.rows[row["employee_id"], row["course_id"]] = row
        refused = [{"line": line, "problem": problem} for line, problem in problems.items() if problem]
        report = {"imported": len(lines) - len(refused), "refused": refused}
        return _json(HTTPStatus.OK, {"status": "ok", "report": report})


def _json(status: int, content: Any) -> Answer:
    return Answer(status, json.dumps(content).encode(), {"Content-Type": "application/json"})


def _content(body: bytes, content_type: str) -> bytes:
    """Return the file of a request: the body, or the first part of a form."""
    if not content_type.startswith("multipart/form-data"):
        return body
    content: bytes = MultipartDecoder(body, content_type).parts[0].content
    return content


class _Handler(BaseHTTPRequestHandler):
    lms: Lms
    protocol_version = "HTTP/1.1"
    timeout = 30

    def handle(self) -> None:
        """Serve until the client closes the connection."""
        with suppress(ConnectionError):
            super().handle()

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # truncated on the way
            self.close_connection = True
            return
        content = _content(body, self.headers.get("Content-Type", ""))
        arrival = Arrival(self.path, self.headers.get("Idempotency-Key"), content)
        answer = self.lms.take(arrival, self.headers.get("Authorization"))
        if self.lms.answers_to_lose:
            self.lms.answers_to_lose -= 1
            self.close_connection = True
            return
        self._answer(answer)

    def do_GET(self) -> None:
        with self.lms._lock:
            counts = {"imports": len(self.lms.imports), "rows": len(self.lms.rows)}
        self._answer(_json(HTTPStatus.OK, counts))

    def do_OPTIONS(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {self.lms.token}":
            self._answer(self.lms.refusal(HTTPStatus.UNAUTHORIZED, "the token is wrong"))
            return
        self._answer(Answer(HTTPStatus.NO_CONTENT, b"", {"Allow": "OPTIONS, POST"}))

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the demo prints its own lines."""


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="An LMS's import endpoint.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", help="listen on every address under this name, with TLS")
    parser.add_argument("--errors-as-200", action="store_true", help="answer errors with status 200")
    options = parser.parse_args()
    with Lms(**vars(options)) as lms:
        print(f"LMS import endpoint: {lms.url}/import, bearer token {lms.token}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()

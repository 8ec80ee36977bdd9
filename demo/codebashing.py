"""A stand-in for the Codebashing API, with the learners of an invented company.

    python -m demo.codebashing --port 8766

It answers a GET of the real API's endpoint with both headers. `fields` chooses keys; a client that accepts
gzip gets gzip. The stand-in can refuse unknown fields, answer in pages, and move its dates so that the newest
one is in the last 24 hours. It listens on loopback; with a host's name, for containers, on every address,
with TLS.
"""

import argparse
import gzip
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from demo.tls import encrypt

ENDPOINT = "/api/v1/users/sign_in_and_course_info"
LEARNERS = Path(__file__).parent / "learners.json"
TOKEN = "codebashing-demo-token"
API_KEY = "codebashing-demo-key"


@dataclass(frozen=True)
class Answer:
    """An answer of the API."""

    content: Any
    status: int = HTTPStatus.OK
    headers: dict[str, str] = field(default_factory=dict)


class Codebashing:
    """The API with its learners.

    :param learners: the array it answers with; None: the bundled one.
    :param recent: move all dates by whole days, so that the newest activity is in the last 24 hours.
    :param strict_fields: answer 400 to a field that no learner has.
    :param page_size: learners per page, by `page` and with Link headers; None: no pages.
    :param host: listen on every address under this name, with TLS.
    :ivar asked: the target of each request, in their order.
    """

    def __init__(
        self,
        learners: list[Any] | None = None,
        *,
        port: int = 0,
        recent: bool = False,
        strict_fields: bool = False,
        page_size: int | None = None,
        host: str | None = None,
    ) -> None:
        learners = bundled_learners() if learners is None else learners
        self.learners = moved_to(datetime.now(UTC), learners) if recent else learners
        self.strict_fields = strict_fields
        self.page_size = page_size
        self.token = TOKEN
        self.api_key = API_KEY
        self.asked: list[str] = []
        self.host = host
        self._server = ThreadingHTTPServer(("" if host else "127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        if host:
            encrypt(self._server, host)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Return the address, the host of an Airflow connection."""
        host = f"https://{self.host}" if self.host else "http://127.0.0.1"
        return f"{host}:{self._server.server_port}"

    def __enter__(self) -> "Codebashing":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, target: str, api_key: str | None, authorization: str | None) -> Answer:
        """Answer a GET."""
        self.asked.append(target)
        address = urlsplit(target)
        if address.path != ENDPOINT:
            return Answer({"error": "Not found"}, HTTPStatus.NOT_FOUND)
        if api_key != self.api_key or authorization not in (f'Token token="{self.token}"', f"Bearer {self.token}"):
            return Answer({"error": "HTTP Token: Access denied."}, HTTPStatus.UNAUTHORIZED)
        params = {name: values[-1] for name, values in parse_qs(address.query).items()}
        fields = [name.strip() for name in params["fields"].split(",")] if "fields" in params else None
        if fields and self.strict_fields and set(fields) - known_fields(self.learners):
            return Answer({"error": "Unknown field"}, HTTPStatus.BAD_REQUEST)
        learners = [select_fields(learner, fields) for learner in self.learners]
        return page_of(learners, self.page_size, params) if self.page_size else Answer(learners)


def bundled_learners() -> list[Any]:
    """Return the learners of the invented company."""
    learners: list[Any] = json.loads(LEARNERS.read_text(encoding="utf-8"))
    return learners


def known_fields(learners: list[Any]) -> set[str]:
    """Return every key that a learner has."""
    return {key for learner in learners if isinstance(learner, dict) for key in learner}


def select_fields(learner: Any, fields: list[str] | None) -> Any:
    """Return a learner with only these fields; None: with all."""
    if fields is None or not isinstance(learner, dict):
        return learner
    return {key: learner[key] for key in fields if key in learner}


def page_of(learners: list[Any], size: int, params: dict[str, str]) -> Answer:
    """Return the page that `params` name, with a link to the next page."""
    number = int(params.get("page", 1))
    following = urlencode({**params, "page": number + 1})
    headers = {"Link": f'<{ENDPOINT}?{following}>; rel="next"'} if number * size < len(learners) else {}
    return Answer(learners[(number - 1) * size : number * size], headers=headers)


def moved_to(now: datetime, learners: list[Any]) -> list[Any]:
    """Return the learners with all dates moved by whole days; the newest activity is in the last 24 hours."""
    seen = [learner.get("last_active_at") for learner in learners if isinstance(learner, dict)]
    newest = max((datetime.fromisoformat(text).replace(tzinfo=UTC) for text in seen if text), default=now)
    days = timedelta(days=(now - newest).days)
    return [
        {key: _moved(key, value, days) for key, value in learner.items()} if isinstance(learner, dict) else learner
        for learner in learners
    ]


def _moved(key: str, value: Any, days: timedelta) -> Any:
    if value is None or not key.endswith(("last_active_at", ".completed_date")):
        return value
    return (datetime.fromisoformat(value) + days).isoformat(timespec="milliseconds")


def _handler(api: Codebashing) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            answer = api.answer(self.path, self.headers.get("X-API-KEY"), self.headers.get("Authorization"))
            body = json.dumps(answer.content, ensure_ascii=False).encode()
            headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers}
            if "gzip" in self.headers.get("Accept-Encoding", ""):
                body = gzip.compress(body, mtime=0)
                headers["Content-Encoding"] = "gzip"
            self.send_response(answer.status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing: the demo prints its own lines."""

    return Handler


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="The Codebashing API, with invented learners.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", help="listen on every address under this name, with TLS")
    parser.add_argument("--recent", action="store_true", help="move all dates, the newest to the last 24 hours")
    parser.add_argument("--strict-fields", action="store_true", help="answer 400 to unknown fields")
    parser.add_argument("--page-size", type=int, help="answer in pages of so many learners")
    options = parser.parse_args()
    with Codebashing(**vars(options)) as api:
        print(f"Codebashing API: {api.url}{ENDPOINT}, token {api.token}, api_key {api.api_key}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()

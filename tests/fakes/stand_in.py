"""The base of stand-ins for LMSs: a server on loopback that keeps its requests and fails on demand."""

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: Any
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """A fault of one request.

    :param when: tells whether the fault is for a request; None: for the next one.
    :param answer: this answer is given, and the LMS does nothing.
    :param lose: the LMS works, and the connection breaks before the answer.
    :param cut: the LMS works, and the connection breaks in the middle of the answer's body.
    """

    when: Any = None
    answer: Answer | None = None
    lose: bool = False
    cut: bool = False


def says(document: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(document).encode(), {"Content-Type": "application/json", **headers})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Print nothing about connections that break on purpose."""


class StandIn:
    """A server; a subclass answers its requests, one after another."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: deque[Fault] = deque()
        self._lock = threading.RLock()
        handler = type("Handler", (_Handler,), {"lms": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Any:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Request) -> Answer:
        raise NotImplementedError

    def take(self, request: Request) -> tuple[Answer, Fault]:
        with self._lock:
            self.requests.append(request)
            fault = self._fault(request)
            if fault.answer:
                return fault.answer, fault
            return self.answer(request), fault

    def _fault(self, request: Request) -> Fault:
        if self.faults and (self.faults[0].when is None or self.faults[0].when(request)):
            return self.faults.popleft()
        return Fault()

    def sent(self, method: str, path: str) -> list[Request]:
        return [one for one in self.requests if one.method == method and one.path.endswith(path)]


class _Handler(BaseHTTPRequestHandler):
    lms: StandIn
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        answer, fault = self.lms.take(Request(self.command, url.path, query, self.headers, body))
        if fault.lose:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name.replace("_", "-"), value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if fault.cut:
            self.wfile.write(answer.body[: len(answer.body) // 2])
            self.close_connection = True
            return
        self.wfile.write(answer.body)

    do_POST = do_PUT = do_OPTIONS = do_GET

    def log_message(self, *args: object) -> None:
        pass

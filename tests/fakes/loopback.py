"""A server on loopback that gives the answers of a test, byte for byte."""

import gzip
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

TLS_GREETING = b"\x16"
Answer = bytes | Callable[[socket.socket], None]


@dataclass
class Request:
    """A request as received."""

    target: str
    headers: dict[str, str]


@dataclass
class Server:
    """The server's address, and the requests that it got."""

    base_url: str
    requests: list[Request] = field(default_factory=list)


@contextmanager
def serving(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Answer the first request with the first answer and so on; all further requests get the last answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "https" if tls else "http"
    server = Server(f"{scheme}://localhost:{listener.getsockname()[1]}")
    thread = threading.Thread(target=_serve, args=(listener, server, answers, tls))
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _serve(listener: socket.socket, server: Server, answers: tuple, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with suppress(OSError), connection:
            connection.settimeout(5)
            wrapped = tls.wrap_socket(connection, server_side=True) if tls else connection
            with wrapped:
                server.requests.append(_request(wrapped))
                answer = answers[min(len(server.requests), len(answers)) - 1]
                if isinstance(answer, bytes):
                    wrapped.sendall(answer)
                else:
                    answer(wrapped)


def _request(connection: socket.socket) -> Request:
    text = b""
    while b"\r\n\r\n" not in text:
        text += connection.recv(65536) or b"\r\n\r\n"
        if text.startswith(TLS_GREETING):
            return Request("", {})
    first, *lines = text.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
    return Request(first.split(" ")[1], dict(line.split(": ", 1) for line in lines))


def answer(body: bytes | object = b"", status: str = "200 OK", length: int | None = -1, **headers: str) -> bytes:
    """Return an answer.

    :param length: Content-Length; None: the answer has no such header; -1: the true length.
    """
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = {"Content-Type": "application/json", "Connection": "close"}
    if length is not None:
        lines["Content-Length"] = str(len(body) if length == -1 else length)
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "\r\n".join([f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in lines.items())])
    return head.encode() + b"\r\n\r\n" + body


def zipped(body: object, **options) -> bytes:
    """Return an answer compressed with gzip."""
    return answer(gzip.compress(json.dumps(body).encode()), Content_Encoding="gzip", **options)


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n", **headers: str) -> bytes:
    """Return an answer in chunks."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return answer(body + end, length=None, Transfer_Encoding="chunked", **headers)

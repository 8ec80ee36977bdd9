"""Servers on loopback that receive messages: a mail server and a web server."""

import json
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from aiosmtpd.controller import Controller


class MailServer:
    """Accepts every mail, or refuses all."""

    def __init__(self, refuses=False):
        self.refuses, self.mails = refuses, []
        self._controller = Controller(self, hostname="127.0.0.1", port=0)

    def __enter__(self):
        self._controller.port = _free_port()
        self._controller.start()
        return self

    def __exit__(self, *_):
        self._controller.stop()

    @property
    def port(self):
        return self._controller.port

    async def handle_DATA(self, server, session, envelope):
        if self.refuses:
            return "554 no spam please"
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"


class WebServer:
    """Keeps the path and content of every POST."""

    def __init__(self, status=200, answer=b"ok"):
        keeper = self
        self.status, self.answer, self.posted = status, answer, []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                keeper.posted.append((self.path, _content(body)))
                self.send_response(keeper.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(keeper.answer)))
                self.end_headers()
                self.wfile.write(keeper.answer)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def _content(body):
    try:
        return json.loads(body)
    except json.JSONDecodeError:
        return {name: value for name, [value] in parse_qs(body.decode()).items()}


def _free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

"""A server that keeps its requests, and answers all of them alike."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from demo.lms import Answer

EMPTY_ANSWER = Answer(200, b"")


@contextlib.contextmanager
def serving(handler):
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Recorder:
    """The requests of a server that answers all of them alike."""

    def __init__(self, url):
        self.url = url
        self.requests, self.bodies = [], []


@contextlib.contextmanager
def recording(answer=EMPTY_ANSWER):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            recorder.requests.append(self.headers)
            length = int(self.headers.get("Content-Length", 0))
            recorder.bodies.append(self.rfile.read(min(length, 4096)))
            while length > 4096:
                length -= len(self.rfile.read(min(length - 4096, 65536)))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_OPTIONS = do_GET = do_POST

        def log_message(self, *args):
            pass

    with serving(Handler) as url:
        recorder = Recorder(url)
        yield recorder

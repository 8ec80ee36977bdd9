"""An LMS that reads its token from a parameter and answers errors with 200, as Moodle's upload.php does."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from requests_toolbelt import MultipartDecoder

from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.errors import ConnectorError, DeliveryError
from tests.load.staged_run import CSV, NAME

TOKEN = "wstoken-5ec2e7"
DELIVERY = {
    "method": "http",
    "endpoint": "/webservice/upload.php",
    "params": {"filearea": "draft", "itemid": "0"},
    "token_param": "token",
    "field": "file_1",
    "success": {"matches": '"filename"', "rejects": '"(error|exception|errorcode)"'},
}


class Moodle:
    """Keeps uploads, their tokens, and everything that a server could have logged."""

    def __init__(self, url):
        self.url, self.files, self.lines, self.headers = url, {}, [], []

    def take(self, path, form):
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        fields = query | {name: content.decode() for name, (file, content) in form.items() if file is None}
        if fields.get("token") != TOKEN:
            return {"error": "Invalid token - token not found", "errorcode": "invalidtoken"}
        files = {file: content for file, content in form.values() if file}
        self.files |= files
        return [{"filename": name, "filesize": len(content)} for name, content in files.items()]


@pytest.fixture
def moodle():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            form = {}
            if self.headers["Content-Type"].startswith("multipart/"):
                for part in MultipartDecoder(body, self.headers["Content-Type"]).parts:
                    parts = part.headers[b"Content-Disposition"].decode().split('"')
                    form[parts[1]] = (parts[3] if "filename=" in parts[2] else None, part.content)
            moodle.lines.append(self.path)
            moodle.headers.append(dict(self.headers))
            answer = json.dumps(moodle.take(self.path, form)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def do_OPTIONS(self):
            moodle.lines.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        moodle = Moodle(f"http://127.0.0.1:{server.server_port}")
        yield moodle
        server.shutdown()


def test_the_token_goes_as_a_form_field_and_nowhere_else(staged, moodle):
    outcome = staged.load(DELIVERY, HttpConnection(moodle.url, password=TOKEN))
    assert outcome["outcome"] == "delivered"
    assert moodle.files == {NAME: CSV}
    [headers] = moodle.headers
    assert "Authorization" not in headers
    assert TOKEN not in "".join(moodle.lines)
    assert TOKEN not in json.dumps(outcome) + json.dumps(staged.receipt) + json.dumps(staged.manifest)


def test_a_wrong_token_is_found_out_though_the_status_is_200(staged, moodle, caplog):
    wrong = "wrong-70ken"
    with pytest.raises(DeliveryError, match=r"delivery\.success\.matches") as failure:
        staged.load(DELIVERY, HttpConnection(moodle.url, password=wrong))
    assert moodle.files == {}
    assert wrong not in str(failure.value) + caplog.text + json.dumps(staged.receipt)


def test_a_raw_upload_has_it_in_the_query_which_no_error_quotes(staged, moodle, caplog):
    with pytest.raises(DeliveryError) as failure:
        staged.load({**DELIVERY, "upload": "raw"}, HttpConnection(moodle.url, password=TOKEN))
    assert f"token={TOKEN}" in moodle.lines[0]
    assert TOKEN not in str(failure.value) + caplog.text + json.dumps(staged.receipt)
    assert moodle.files == {}


def test_a_connection_that_breaks_off_does_not_quote_the_query(staged, caplog):
    with pytest.raises(DeliveryError) as failure:
        staged.load({**DELIVERY, "upload": "raw", "deadline": 1}, HttpConnection("http://127.0.0.1:9", password=TOKEN))
    assert TOKEN not in str(failure.value) + caplog.text
    assert failure.value.__cause__ is None


def test_a_dry_run_sends_no_token(staged, moodle):
    outcome = staged.load(DELIVERY, HttpConnection(moodle.url, password=TOKEN), dry_run=True)
    assert "whether it takes the token and a file shows only when one is sent" in outcome["sentence"]
    assert TOKEN not in "".join(moodle.lines)


def test_a_connection_without_password_is_refused(staged, moodle):
    with pytest.raises(ConnectorError, match="has no password"):
        staged.load(DELIVERY, HttpConnection(moodle.url))

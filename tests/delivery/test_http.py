import contextlib
import json
import time
import traceback
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler

import pytest
from msgspec import convert

from demo.lms import Answer, Lms
from include.codebashing_lms.config.delivery import HttpDelivery
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.http.upload import HttpTransport
from include.codebashing_lms.errors import ConnectorError, DeliveryError, DeliveryUnavailableError
from tests.delivery.connections import lms_connection
from tests.delivery.outbound_file import outbound
from tests.fakes.recorder import recording, serving
from tests.fakes.silent_server import silent_server
from tests.load.staged_run import CSV, NAME

PERSON = "jane.doe@example.com"


def import_at(endpoint="/import", **settings):
    return {"method": "http", "conn_id": "lms_http", "endpoint": endpoint, **settings}


def says(document, status=200):
    return Answer(status, json.dumps(document).encode(), {"Content-Type": "application/json; charset=utf-8"})


@pytest.mark.parametrize("upload", ["multipart", "raw"])
def test_lms_imports_the_very_bytes(staged, lms, upload):
    outcome = staged.load(import_at(upload=upload, params={"mode": "upsert"}), lms_connection(lms))
    assert lms.imports == [CSV]
    assert lms.rows["1043", "python"]["percent_complete"] == "33.33"
    assert lms.arrivals[0].path == "/import?mode=upsert"
    assert lms.arrivals[0].key == staged.receipt["delivery"]
    assert outcome["where"] == f"{lms.url}/import"
    assert f"was accepted by the import endpoint {lms.url}/import." in outcome["sentence"]
    assert staged.receipt["known"] == f"accepted by the import endpoint {lms.url}/import"


def test_file_is_streamed(tmp_path):
    large = outbound(tmp_path, b"employee_id,course_id,percent_complete\r\n" + b"x" * (64 << 20))
    with recording() as server:
        transport = HttpTransport(convert(import_at(), HttpDelivery), HttpConnection(server.url, password="t"))
        tracemalloc.start()
        transport.send(large, resuming=False)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8 << 20


def test_basic_authentication(staged):
    with recording() as server:
        staged.load(import_at(), HttpConnection(server.url, login="lms", password="pä:ss"))
    assert server.requests[0]["Authorization"] == "Basic bG1zOnDDpDpzcw=="


def test_form_has_the_field_and_the_file_name(staged):
    with recording() as server:
        staged.load(import_at(field="upload"), HttpConnection(server.url, password="t"))
    assert f'name="upload"; filename="{NAME}"'.encode() in server.bodies[0]
    assert server.requests[0]["Content-Type"].startswith("multipart/form-data; boundary=")


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "its own import log says why"),
        (401, "refused the login of the connection lms_http"),
        (403, "may not import"),
        (404, "correct the connection's host or delivery.endpoint"),
        (405, "takes no POST"),
        (413, "too large"),
        (415, "delivery.upload: multipart, raw"),
    ],
)
def test_hopeless_status_is_not_tried_again(staged, lms, status, advice):
    lms.next_answers.append(Answer(status, f"bad row: {PERSON}".encode(), {"Content-Type": "text/plain"}))
    with pytest.raises(DeliveryError, match=advice) as caught:
        staged.load(import_at(), lms_connection(lms))
    assert not caught.value.retryable
    assert str(status) in str(caught.value)
    assert len(lms.arrivals) == 1
    assert staged.receipt["state"] == "sending"
    for secret in (PERSON, lms.token):
        assert secret not in str(caught.value)


@pytest.mark.parametrize("status", [408, 429, 500])
def test_healing_status_is_tried_again_with_the_same_key(staged, lms, status):
    lms.next_answers.append(Answer(status, b""))
    assert staged.load(import_at(), lms_connection(lms))["outcome"] == "delivered"
    assert [arrival.key for arrival in lms.arrivals] == [staged.receipt["delivery"]] * 2
    assert lms.imports == [CSV]


def test_healing_status_to_the_end(staged, lms):
    lms.next_answers.extend([Answer(503, b"")] * 9)
    with pytest.raises(DeliveryUnavailableError, match=r"not able to take the file now \(status 503") as caught:
        staged.load(import_at(deadline=2), lms_connection(lms))
    assert caught.value.retryable
    assert len(lms.arrivals) == 2


def in_two_seconds():
    return format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)


@pytest.mark.parametrize("retry_after", [lambda: "2", in_two_seconds])
def test_retry_after_is_honoured(staged, lms, retry_after):
    lms.next_answers.append(Answer(429, b"", {"Retry-After": retry_after()}))
    started = time.monotonic()
    staged.load(import_at(), lms_connection(lms))
    assert time.monotonic() - started > 1.9


@pytest.mark.parametrize(("retry_after", "seconds"), [("3600", 3600), ("soon", None)])
def test_retry_after_beyond_the_deadline_is_left_to_the_next_try(staged, lms, retry_after, seconds):
    lms.next_answers.append(Answer(429, b"", {"Retry-After": retry_after}))
    with pytest.raises(DeliveryUnavailableError) as caught:
        staged.load(import_at(deadline=1), lms_connection(lms))
    assert caught.value.retry_after == seconds
    assert len(lms.arrivals) == 1


def test_request_without_an_answer_is_repeated_and_imported_once(staged, lms):
    lms.answers_to_lose = 1
    staged.load(import_at(), lms_connection(lms))
    assert len(lms.arrivals) == 2
    assert len({arrival.key for arrival in lms.arrivals}) == 1
    assert lms.imports == [CSV]


def test_next_try_of_the_run_uses_the_same_key(staged, lms):
    lms.answers_to_lose = 1
    with pytest.raises(DeliveryUnavailableError, match="broke off"):
        staged.load(import_at(deadline=1), lms_connection(lms))
    staged.load(import_at(), lms_connection(lms))
    assert len({arrival.key for arrival in lms.arrivals}) == 1
    assert lms.imports == [CSV]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("run", [{}, {"dry_run": True}])
def test_redirect_is_an_error_and_nothing_follows(staged, status, run):
    message = rf"redirects \({status}\) to 127.0.0.1:\d+; this is not followed"
    with (
        recording() as other,
        recording(Answer(status, b"", {"Location": f"{other.url}/x?a=b"})) as server,
        pytest.raises(DeliveryError, match=message),
    ):
        staged.load(import_at(), HttpConnection(server.url, password="t"), **run)
    assert (len(server.requests), other.requests) == (1, [])


@pytest.mark.parametrize("location", ["", "/elsewhere", "http://[bad"])
def test_redirect_to_no_other_host(staged, location):
    with recording(Answer(302, b"", {"Location": location})) as server, pytest.raises(DeliveryError, match="redirects"):
        staged.load(import_at(), HttpConnection(server.url, password="t"))


BROKEN_RULES = [
    pytest.param({"json": {"status": "ok"}}, {"status": "error"}, "success.json: status is not 'ok'", id="value"),
    pytest.param({"json": {"a.b": 1}}, {"a": {"c": 1}}, "success.json: a.b is not in the body", id="no key"),
    pytest.param({"json": {"0.id": 1}}, [], "success.json: 0.id is not in the body", id="no item"),
    pytest.param({"json": {"a": 1}}, {"a": True}, "success.json: a is not 1", id="true is not 1"),
    pytest.param({"json": {"a": None}}, {}, "success.json: a is not in the body", id="null is not absent"),
    pytest.param({"matches": "^0$"}, {"exception": PERSON}, "success.matches is not found", id="matches"),
    pytest.param({"rejects": "exception"}, {"exception": PERSON}, "success.rejects is found", id="rejects"),
]


@pytest.mark.parametrize(("rule", "document", "message"), BROKEN_RULES)
def test_error_with_status_200_is_an_error(staged, lms, rule, document, message):
    lms.next_answers.append(says(document))
    with pytest.raises(DeliveryError, match=message) as caught:
        staged.load(import_at(success=rule), lms_connection(lms))
    assert "status 200, application/json" in str(caught.value)
    assert PERSON not in str(caught.value)
    assert not caught.value.retryable


@pytest.mark.parametrize("body", [b"<html>", b"", b"[" * 100_000])
def test_json_rule_on_a_body_that_is_none(staged, lms, body):
    lms.next_answers.append(Answer(200, body))
    with pytest.raises(DeliveryError, match="success.json wants JSON, and the body is none"):
        staged.load(import_at(success={"json": {"a": 1}}), lms_connection(lms))


@pytest.mark.parametrize(
    ("rule", "document"),
    [
        ({"json": {"status": "ok", "n": 1.0, "list.1.x": None}}, {"status": "ok", "n": 1, "list": [0, {"x": None}]}),
        ({"matches": "^0$"}, 0),
        ({"rejects": "exception|error"}, {"filename": "x"}),
    ],
)
def test_body_that_keeps_the_rules(staged, lms, rule, document):
    lms.next_answers.append(says(document, status=202))
    assert staged.load(import_at(success=rule), lms_connection(lms))["outcome"] == "delivered"


def test_stand_in_answers_errors_with_200_and_is_found_out(staged):
    with Lms(errors_as_200=True) as lms:
        connection = HttpConnection(lms.url, password="wrong")
        with pytest.raises(DeliveryError, match="success.json: status is not 'ok'"):
            staged.load(import_at(success={"json": {"status": "ok"}}), connection)
    assert not lms.rows


def test_answer_without_end_is_not_read_to_the_end(staged, lms):
    lms.next_answers.append(Answer(200, b"x" * (2 << 20)))
    with pytest.raises(DeliveryError, match="too long to be judged"):
        staged.load(import_at(success={"matches": "ok"}), lms_connection(lms))


def test_truncated_answer_is_retryable(staged):
    delivery = import_at(deadline=1, success={"json": {"status": "ok"}})
    with (
        recording(Answer(200, b'{"status"', {"Content-Length": "99"})) as server,
        pytest.raises(DeliveryUnavailableError, match="broke off"),
    ):
        staged.load(delivery, HttpConnection(server.url, password="t"))


def test_header_of_a_hostile_server_is_not_repeated(staged, lms):
    lms.next_answers.append(Answer(422, b"", {"Content-Type": f"text/plain; by={PERSON}"}))
    with pytest.raises(DeliveryError, match="status 422, text/plain, 0 bytes") as caught:
        staged.load(import_at(), lms_connection(lms))
    assert PERSON not in str(caught.value)


def test_server_that_never_answers_is_ended_by_the_deadline(staged):
    with silent_server() as port, pytest.raises(DeliveryUnavailableError, match="delivery.deadline") as caught:
        staged.load(
            import_at("/import?key=s3cret", deadline=1), HttpConnection(f"http://127.0.0.1:{port}", password="t")
        )
    assert "s3cret" not in str(caught.value)


class Dripping(BaseHTTPRequestHandler):
    """Answers a byte at a time, without end; no wait for the next byte is long."""

    where = "header"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.wfile.write(b"HTTP/1.0 200 OK\r\n" + (b"\r\n" if self.where == "body" else b""))
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"x")
                time.sleep(0.05)

    def log_message(self, *args):
        pass


@pytest.mark.parametrize("where", ["header", "body"])
def test_dripping_answer_is_ended_by_the_deadline(staged, monkeypatch, where):
    monkeypatch.setattr(Dripping, "where", where)
    with serving(Dripping) as url, pytest.raises(DeliveryUnavailableError, match="delivery.deadline ended"):
        staged.load(import_at(deadline=1, success={"json": {"a": 1}}), HttpConnection(url, password="t"))


class Deaf(BaseHTTPRequestHandler):
    """Reads a little of the file, and then no more."""

    def do_POST(self):
        self.rfile.read(10)
        time.sleep(3)

    def log_message(self, *args):
        pass


def test_stalled_upload_is_ended_by_the_deadline(tmp_path):
    large = outbound(tmp_path, b"x" * (32 << 20))
    with serving(Deaf) as url, pytest.raises(DeliveryUnavailableError, match="delivery.deadline ended"):
        HttpTransport(convert(import_at(deadline=1), HttpDelivery), HttpConnection(url, password="t")).send(
            large, False
        )


def test_nobody_listens(staged):
    with silent_server() as port:
        pass
    with pytest.raises(DeliveryUnavailableError, match="no connection to 127.0.0.1"):
        staged.load(import_at(deadline=1), HttpConnection(f"http://127.0.0.1:{port}", password="t"))


@pytest.mark.parametrize("password", ["tok\nen", "tok en", "tokén", "tok\u00a0"])
def test_password_that_is_no_token(staged, lms, password):
    with pytest.raises(ConnectorError, match="is no token") as caught:
        staged.load(import_at(), HttpConnection(lms.url, password=password))
    assert password not in str(caught.value)
    assert not lms.arrivals


def test_no_password(staged, lms):
    with pytest.raises(ConnectorError, match="connection lms_http has no password"):
        staged.load(import_at(), HttpConnection(lms.url))


@pytest.mark.parametrize("run", [{"dry_run": True}, {"check_only": True}])
def test_trying_sends_no_file(staged, lms, run):
    outcome = staged.load(import_at(), lms_connection(lms), **run)
    assert "did not refuse the login; whether it takes a file shows only when one is sent" in outcome["sentence"]
    assert not lms.arrivals


@pytest.mark.parametrize("run", [{"dry_run": True}, {"check_only": True}])
def test_trying_finds_a_wrong_token(staged, lms, run):
    with pytest.raises(DeliveryError, match="refused the login"):
        staged.load(import_at(), HttpConnection(lms.url, password="wrong"), **run)


def test_rows_the_stand_in_cannot_read_are_refused_and_reported(tmp_path, lms):
    bad = outbound(tmp_path, CSV + b"1044,java,101,completed,\r\n1045,java\r\n")
    HttpTransport(convert(import_at(), HttpDelivery), lms_connection(lms)).send(bad, resuming=False)
    assert set(lms.rows) == {("1042", "java"), ("1043", "python")}


def test_file_with_unreadable_results_may_have_arrived(tmp_path, lms):
    delivery = import_at(results={"format": "csv", "row": "line"})
    lms.next_answers.append(Answer(200, b"zeile,problem\r\n3,closed\r\n"))
    with pytest.raises(ConnectorError, match="no column line") as failure:
        HttpTransport(convert(delivery, HttpDelivery), lms_connection(lms)).send(
            outbound(tmp_path, CSV), resuming=False
        )
    assert not failure.value.not_delivered


def test_logs_hold_no_secret_and_no_person(staged, lms, caplog):
    caplog.set_level("INFO")
    lms.next_answers.extend([Answer(500, PERSON.encode()), says({"error": PERSON})])
    with pytest.raises(DeliveryError) as caught:
        staged.load(import_at(success={"rejects": "error"}), lms_connection(lms))
    staged.load(import_at(), lms_connection(lms))
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "was accepted by the import endpoint" in shown
    for secret in (PERSON, lms.token, "1042"):
        assert secret not in shown

"""What holds for every LMS that is called over HTTP."""

import json
import time

import pytest

from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.http.json_api import error_text, safe_reason
from include.codebashing_lms.delivery.lms_apis.canvas import CanvasTransport
from include.codebashing_lms.delivery.lms_apis.moodle import MoodleTransport
from include.codebashing_lms.delivery.lms_apis.oracle_hdl import OracleHdlTransport
from include.codebashing_lms.delivery.lms_apis.xapi import XapiTransport
from include.codebashing_lms.errors import ConnectorError, DeliveryError, DeliveryUnavailableError
from tests.delivery.lms_apis.outbound_files import delivery, outbound, statement
from tests.fakes.silent_server import silent_server
from tests.fakes.stand_in import Answer, StandIn

SECRET = "s3cret-token"
GRADES = b"user_key,course_id,component,activity_id,item_number,grade\r\nE1,7,mod_assign,42,0,50\r\n"
WAYS = (XapiTransport, OracleHdlTransport, MoodleTransport, CanvasTransport)


class Redirecting(StandIn):
    def answer(self, request):
        return Answer(307, b"", {"Location": "https://elsewhere.example.com/take"})


@pytest.fixture(params=WAYS, ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


def send(kind, tmp_path, url, **settings):
    content = json.dumps([statement("E1")]).encode() if kind is XapiTransport else GRADES
    transport = kind(delivery("/here", **settings), HttpConnection(url, password=SECRET))
    return transport.send(outbound(tmp_path / "staged", content), resuming=False)


def test_redirects_are_not_followed(kind, tmp_path):
    with Redirecting() as server:
        with pytest.raises(DeliveryError, match="redirects \\(307\\) to elsewhere.example.com"):
            send(kind, tmp_path, server.url)
        assert len(server.requests) == 1


def test_plain_http_is_for_this_machine_only(kind, tmp_path):
    with pytest.raises(ConnectorError, match="would carry credentials and people's data unencrypted"):
        send(kind, tmp_path, "http://lms.example.com")


def test_missing_password_is_named(kind, tmp_path):
    transport = kind(delivery("/here"), HttpConnection("https://lms.example.com"))
    with pytest.raises(ConnectorError, match="The connection lms_http has no password"):
        transport.check()


def test_silence_ends_with_the_deadline(kind, tmp_path):
    with silent_server() as port:
        begun = time.monotonic()
        with pytest.raises(DeliveryUnavailableError) as failure:
            send(kind, tmp_path, f"http://127.0.0.1:{port}", deadline=1)
        assert time.monotonic() - begun >= 0.9
    assert SECRET not in str(failure.value)


def test_unreachable_lms_has_nothing(kind, tmp_path):
    with pytest.raises(DeliveryUnavailableError) as failure:
        send(kind, tmp_path, "http://127.0.0.1:1", deadline=2)
    assert failure.value.not_delivered


def test_secret_is_in_no_representation(kind):
    assert SECRET not in repr(kind(delivery("/here"), HttpConnection("https://lms.example.com", password=SECRET)))


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"detail": [{"msg": "Field required", "input": {"name": "Ada"}}, {"msg": "Bad"}]}, "Field required; Bad"),
        ({"errors": [{"message": "user not authorized"}]}, "user not authorized"),
        ({"title": "Bad Request", "status": 400}, "Bad Request"),
        ({"error": {"message": "no"}}, "no"),
        (["a", {"text": "b"}], "a; b"),
        ({"name": "Ada"}, ""),
        (7, ""),
        ({"error": {"error": {"error": {"error": {"error": "too deep"}}}}}, ""),
    ],
)
def test_text_of_any_error_document(document, text):
    assert error_text(document) == text


def test_reason_is_one_short_line_without_secrets():
    assert safe_reason("a\r\nb\x1b[31m\u202ec\ttoken=x", ["token=x"]) == "a b [31m c ***"
    assert len(safe_reason("long " * 100)) == 200

"""Whatever a server does, the error says what to do, and no file could be taken for a snapshot."""

import logging
import socket
import traceback

import pytest

from include.codebashing_lms.errors import CodebashingLmsError, ConnectorError, SourceError, SourceUnavailableError
from tests.extract.source import API_KEY, TOKEN
from tests.fakes.loopback import answer, serving
from tests.fakes.moods import LEARNERS, MOODS, PERSON


@pytest.mark.parametrize("mood", [pytest.param(mood, id=name) for name, mood in MOODS.items()])
def test_misbehaviour(mood, fetch, files, caplog):
    caplog.set_level(logging.DEBUG)
    with serving(mood.answer) as server, pytest.raises(CodebashingLmsError) as caught:
        fetch(server.base_url)

    assert caught.type is mood.error
    assert [word for word in mood.words if word not in str(caught.value)] == []
    assert server.base_url.partition("//")[2] in str(caught.value)
    assert "fields=" not in str(caught.value)
    assert files() == []
    waits_too_long = (getattr(caught.value, "retry_after", None) or 0) > 2
    assert len(server.requests) == (3 if mood.error.retryable and not waits_too_long else 1)
    output = str(caught.value) + "".join(traceback.format_exception(caught.value)) + caplog.text
    assert [secret for secret in (TOKEN, API_KEY, PERSON) if secret in output] == []


def test_an_attempt_after_a_cut_body_starts_clean(fetch, files):
    with serving(MOODS["cut_gzip"].answer, MOODS["stall"].answer, answer(LEARNERS)) as server:
        staged = fetch(server.base_url)
    assert staged.records == len(LEARNERS)
    assert files() == [staged.path]


def test_what_a_killed_attempt_left_is_removed(fetch, files, tmp_path):
    part = tmp_path / "runs" / "one" / ".x.json.gz.abc.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half")
    with serving(answer(LEARNERS)) as server:
        staged = fetch(server.base_url)
    assert files() == [staged.path]


def test_a_permanent_error_after_others_is_not_tried_again(fetch):
    with (
        serving(MOODS["unavailable"].answer, MOODS["unauthorized"].answer) as server,
        pytest.raises(SourceError, match=r"401 .* attempt 2\.") as caught,
    ):
        fetch(server.base_url)
    assert not caught.value.retryable
    assert len(server.requests) == 2


def test_unknown_host_name(fetch, files):
    with pytest.raises(SourceUnavailableError, match=r"DNS does not know the host acme\.invalid\."):
        fetch("https://acme.invalid", site={"trust_env": False})
    assert files() == []


def test_nobody_listens(fetch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SourceUnavailableError, match=f"no connection to 127.0.0.1:{port}") as caught:
        fetch(f"http://127.0.0.1:{port}")
    assert "fields=" not in "".join(traceback.format_exception(caught.value))


def test_no_answer_at_all(fetch):
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        pytest.raises(SourceUnavailableError, match=r"did not answer within 0\.2 seconds"),
    ):
        fetch(f"http://127.0.0.1:{deaf.getsockname()[1]}", timeout=0.2)


@pytest.mark.parametrize("token", ["", "abc\n", 'a"b', "two words", "gehe\u00efm"])
def test_credentials_that_no_header_can_carry(token, fetch):
    with serving(answer(LEARNERS)) as server, pytest.raises(ConnectorError, match=r"token .* codebashing") as caught:
        fetch(server.base_url, token=token)
    assert server.requests == []
    assert not token or token not in str(caught.value)

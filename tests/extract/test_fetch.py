"""What is asked for, and what becomes of a good answer."""

import gzip
import hashlib
import json
import os
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from include.codebashing_lms import __version__
from tests.extract.source import API_KEY, TOKEN
from tests.fakes.loopback import answer, chunked, serving, zipped
from tests.fakes.moods import BODY, LEARNERS


def content(path):
    import pyarrow as pa

    plain = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else pa.input_stream(path).read()
    return json.loads(plain)


def test_request(fetch):
    with serving(answer(LEARNERS)) as server:
        fetch(server.base_url, fields=["email", "java.completed_date"])
    [request] = server.requests
    assert request.target == "/api/v1/users/sign_in_and_course_info?fields=email%2Cjava.completed_date"
    assert request.headers["X-API-KEY"] == API_KEY
    assert request.headers["Authorization"] == f'Token token="{TOKEN}"'
    assert request.headers["Accept-Encoding"] == "gzip"
    assert request.headers["User-Agent"] == f"codebashing-lms/{__version__}"


def test_request_of_everything_with_bearer(fetch):
    with serving(answer(LEARNERS)) as server:
        fetch(server.base_url, fields=None, auth="bearer", endpoint="users/details")
    [request] = server.requests
    assert request.target == "/users/details"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_netrc_does_not_replace_the_token(fetch, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(answer(LEARNERS)) as server:
        fetch(server.base_url)
    assert server.requests[0].headers["Authorization"] == f'Token token="{TOKEN}"'


@pytest.mark.parametrize(
    ("served", "suffix"),
    [
        pytest.param(answer(LEARNERS), ".json.zst", id="plain"),
        pytest.param(answer(b"\xef\xbb\xbf" + BODY), ".json.zst", id="with a byte order mark"),
        pytest.param(answer(LEARNERS, length=None), ".json.zst", id="until the connection closes"),
        pytest.param(chunked(BODY[:9], BODY[9:]), ".json.zst", id="chunked"),
        pytest.param(zipped(LEARNERS), ".json.gz", id="gzip"),
        pytest.param(zipped(LEARNERS, length=None), ".json.gz", id="gzip until the connection closes"),
        pytest.param(chunked(gzip.compress(BODY), Content_Encoding="gzip"), ".json.gz", id="gzip, chunked"),
    ],
)
def test_snapshot(served, suffix, fetch, files):
    before = datetime.now(UTC)
    with serving(served) as server:
        staged = fetch(server.base_url)
    assert files() == [staged.path]
    assert staged.path.name == staged.read_at.strftime("%Y%m%dT%H%M%S.%fZ") + suffix
    assert before <= staged.read_at <= datetime.now(UTC)
    assert staged.sha256 == hashlib.sha256(staged.path.read_bytes()).hexdigest()
    assert staged.bytes == staged.path.stat().st_size
    assert staged.body_bytes in (len(BODY), len(BODY) + 3)
    assert (staged.records, staged.fields, staged.warnings) == (3, ["email"], {})
    assert staged.path.stat().st_mode & 0o777 == 0o600


def test_gzip_is_kept_as_received(fetch):
    with serving(served := zipped(LEARNERS)) as server:
        staged = fetch(server.base_url)
    assert served.endswith(staged.path.read_bytes())


def test_content_survives(fetch):
    with serving(answer(LEARNERS)) as server:
        assert content(fetch(server.base_url).path) == LEARNERS


def test_nobody_is_a_snapshot_too(fetch):
    with serving(answer([])) as server:
        staged = fetch(server.base_url)
    assert (staged.records, staged.warnings, content(staged.path)) == (0, {}, [])


def test_records_path(fetch):
    with serving(answer({"meta": {"count": 3}, "users": LEARNERS})) as server:
        staged = fetch(server.base_url, records_path="users")
    assert (staged.records, staged.warnings) == (3, {})


def test_gzip_that_unfolds_a_thousandfold(fetch):
    record = {"email": "a" * 3_000_000}
    with serving(zipped([record] * 7)) as server:
        assert fetch(server.base_url).records == 7


@pytest.mark.parametrize("count", [100, 1000])
def test_round_number_of_records(count, fetch):
    with serving(answer(LEARNERS[:1] * count)) as server:
        assert fetch(server.base_url).warnings == {"round_number_of_records": 1}


@pytest.mark.parametrize(
    ("served", "source"),
    [
        (answer(LEARNERS, Link='</p?page=2>; rel="next", </p?page=9>; rel="last"'), {}),
        (answer({"users": LEARNERS, "next_page": 2}), {"records_path": "users"}),
        (answer({"links": {"next": "/p"}, "users": LEARNERS}), {"records_path": "users"}),
    ],
)
def test_hint_at_a_next_page(served, source, fetch):
    with serving(served) as server:
        assert fetch(server.base_url, **source).warnings == {"next_page_hint": 1}


def test_no_hint_on_the_last_page(fetch):
    body = {"links": {"next": None}, "next_page": "", "users": LEARNERS}
    with serving(answer(body, Link='</p?page=1>; rel="prev"')) as server:
        assert fetch(server.base_url, records_path="users").warnings == {}


@pytest.mark.parametrize("status", ["429 Slow", "503 Busy"])
def test_retry_after_seconds(status, fetch):
    with serving(answer(b"", status, Retry_After="1"), answer(LEARNERS)) as server:
        start = time.monotonic()
        fetch(server.base_url)
    assert time.monotonic() - start >= 1
    assert len(server.requests) == 2


def test_retry_after_date(fetch):
    at = datetime.now(UTC) + timedelta(seconds=2)
    served = answer(b"", "429 Slow", Retry_After=format_datetime(at, usegmt=True))
    with serving(served, answer(LEARNERS)) as server:
        fetch(server.base_url)
    assert datetime.now(UTC) >= at.replace(microsecond=0)


@pytest.mark.parametrize("value", ["0", "soon", "Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:00 -0000"])
def test_retry_after_that_says_nothing(value, fetch):
    with serving(answer(b"", "429 Slow", Retry_After=value), answer(LEARNERS)) as server:
        assert fetch(server.base_url).records == 3


def test_local_time_zone_does_not_matter(fetch, monkeypatch):
    monkeypatch.setitem(os.environ, "TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        with serving(answer(LEARNERS)) as server:
            staged = fetch(server.base_url)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert abs(datetime.now(UTC) - staged.read_at) < timedelta(seconds=5)

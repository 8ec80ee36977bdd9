"""The stand-in does what is known of the real API, and its learners have every oddity."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import requests

from demo.codebashing import API_KEY, ENDPOINT, TOKEN, Codebashing, bundled_learners, moved_to
from include.codebashing_lms.config.source_fields import fields_to_ask
from include.codebashing_lms.errors import SourceError
from include.codebashing_lms.extract.fetch import fetch_snapshot
from tests.extract.source import connector, source_client
from tests.extract.test_fetch import content
from tests.paths import ROOT

HEADERS = {"X-API-KEY": API_KEY, "Authorization": f'Token token="{TOKEN}"'}


@pytest.fixture
def fetch(tmp_path):
    def _fetch(url, fields=None, token=TOKEN, **options):
        client = source_client(connector(**options).source, url, token, API_KEY)
        return fetch_snapshot(client, tmp_path, tmp_path / "run", fields)

    return _fetch


def dated(learners, key):
    return [learner[key] for learner in learners if isinstance(learner, dict) and learner.get(key)]


@pytest.mark.parametrize("auth", ["token", "bearer"])
def test_everybody(auth, fetch):
    with Codebashing() as api:
        staged = fetch(api.url, auth=auth)
    assert content(staged.path) == bundled_learners()
    assert staged.path.suffix == ".gz"
    assert staged.warnings == {}


def test_needed_fields(fetch):
    fields = fields_to_ask(connector(), ["rust"])
    with Codebashing() as api:
        learners = content(fetch(api.url, fields).path)
    keys = {key for learner in learners if isinstance(learner, dict) for key in learner}
    assert keys < set(fields)
    assert {"employee_id", "email", "primary_course_name", "rust.completed_date"} < keys


def test_strict_fields(fetch):
    with Codebashing(strict_fields=True) as api:
        assert fetch(api.url, ["email", "java.completed_date"]).records == len(bundled_learners())
        with pytest.raises(SourceError, match=r"400 .*`source\.fields: all`"):
            fetch(api.url, ["email", "cobol.completed_date"])


@pytest.mark.parametrize("pagination", ["page", "link"])
@pytest.mark.parametrize("size", [5, len(bundled_learners())])
def test_pages(pagination, size, fetch):
    with Codebashing(page_size=size) as api:
        staged = fetch(api.url, ["email", "last_active_at"], pagination=pagination)
    assert staged.records == len(bundled_learners())
    assert {"email"} < set(content(staged.path)[-1]) <= {"email", "last_active_at"}


def test_a_first_page_alone_is_noticed(fetch):
    with Codebashing(page_size=5) as api:
        staged = fetch(api.url)
    assert (staged.records, staged.warnings) == (5, {"next_page_hint": 1})


@pytest.mark.parametrize(
    "wrong", [{"X-API-KEY": "x"}, {"Authorization": f"Token token={TOKEN}"}, {"Authorization": ""}]
)
def test_both_headers_are_checked(wrong):
    with Codebashing() as api:
        assert requests.get(api.url + ENDPOINT, headers=HEADERS | wrong, timeout=5).status_code == 401
        assert requests.get(api.url + ENDPOINT, headers=HEADERS, timeout=5).status_code == 200


def test_wrong_endpoint(fetch):
    with Codebashing() as api, pytest.raises(SourceError, match="404"):
        fetch(api.url, endpoint="/api/v2/users")


def test_no_gzip_for_those_who_cannot_read_it():
    with Codebashing() as api:
        headers = HEADERS | {"Accept-Encoding": "identity"}
        answer = requests.get(api.url + ENDPOINT, headers=headers, timeout=5)
    assert "Content-Encoding" not in answer.headers
    assert answer.json() == bundled_learners()


@pytest.mark.parametrize("now", ["2026-11-23T09:00", "2029-02-28T23:59", "2020-01-01T00:00"])
def test_dates_move_together(now):
    now = datetime.fromisoformat(now).replace(tzinfo=UTC)
    before, after = bundled_learners(), moved_to(now, bundled_learners())
    newest = datetime.fromisoformat(max(dated(after, "last_active_at"))).replace(tzinfo=UTC)
    assert now - timedelta(days=1) < newest <= now
    for key in ("last_active_at", "java.completed_date"):
        moves = {
            datetime.fromisoformat(new) - datetime.fromisoformat(old)
            for old, new in zip(dated(before, key), dated(after, key), strict=True)
        }
        assert len(moves) == 1


def test_recent(fetch):
    with Codebashing(recent=True) as api:
        learners = content(fetch(api.url).path)
    newest = datetime.fromisoformat(max(dated(learners, "last_active_at"))).replace(tzinfo=UTC)
    assert timedelta() <= datetime.now(UTC) - newest < timedelta(days=1)


def test_bundled_learners_are_mostly_ordinary_and_have_one_of_every_oddity():
    learners = [learner for learner in bundled_learners() if isinstance(learner, dict)]
    ids = [learner["employee_id"] for learner in learners]
    for odd in ("0042", 1042, 1043.0, "  1044 ", None, "", "#N/A", "1055", "1056"):
        assert odd in ids
    assert len(bundled_learners()) == len(learners) + 1
    assert len(learners) > 40
    assert sum(isinstance(one, str) and one.strip().isdecimal() for one in ids) > 0.8 * len(ids)
    mails = [one["email"] for one in learners if isinstance(one["email"], str)]
    assert all(mail.lower().endswith("@example.com") for mail in mails)
    assert max(dated(learners, "last_active_at")) == "2026-11-22T16:48:12.000"


def test_command_line():
    command = [sys.executable, "-m", "demo.codebashing", "--recent", "--page-size", "7"]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": ""}, stdout=subprocess.PIPE, text=True
    ) as api:
        try:
            address = api.stdout.readline().split()[2].rstrip(",")
            answer = requests.get(address, headers=HEADERS, timeout=5)
        finally:
            api.terminate()
    assert len(answer.json()) == 7
    assert json.loads(answer.text)[0]["employee_id"] == "1001"

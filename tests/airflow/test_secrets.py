"""Nothing of a person and no secret leaves the staged files, whichever way a run ends."""

import base64
import json
import os
from pathlib import Path

import pytest

from demo.codebashing import bundled_learners
from demo.lms import Lms
from demo.sftp import USERNAME, SftpServer

HOME = Path(os.environ["AIRFLOW_HOME"])
SECRETS = {
    "token": "tok-5ecret-cafe",
    "api_key": "key-5ecret-f00d",
    "sftp": "sftp-5ecret-beef",
    "http": "lms-5ecret-d00d",
}


def unmistakable(learner):
    """Return a learner whose ID cannot be taken for the time of day or a port."""
    if isinstance(learner, dict) and str(learner.get("employee_id")).isdigit():
        return {**learner, "employee_id": f"STAFF-{learner['employee_id']}"}
    return learner


LEARNERS = [unmistakable(learner) for learner in bundled_learners()]
PEOPLE = {
    learner[key].strip()
    for learner in LEARNERS
    if isinstance(learner, dict)
    for key in ("email", "employee_id")
    if isinstance(learner.get(key), str) and len(learner[key].strip()) > 5
}
FAILED_LOAD = {"extract": "success", "transform": "success", "load": "failed"}


@pytest.fixture
def source(site):
    site.drop.mkdir()
    with site.source(LEARNERS, token=SECRETS["token"], api_key=SECRETS["api_key"]) as api:
        yield api


def leaks(text: bytes, words) -> list[str]:
    """Return the words that stand in a text, as they are or as JSON, base64 or URLs write them."""
    spelt = {word: {word.encode(), json.dumps(word)[1:-1].encode()} for word in words}
    return sorted(word for word, forms in spelt.items() if any(form in text for form in forms))


def everything_airflow_keeps() -> bytes:
    """Return all files of Airflow's home: the database with its journal, and every log."""
    files = [path for path in HOME.rglob("*") if path.is_file()]
    assert HOME / "airflow.db" in files
    return b"\n".join(path.read_bytes() for path in files)


def check(site, ran) -> None:
    basic = base64.b64encode(f"api:{SECRETS['http']}".encode()).decode()
    secrets = [*SECRETS.values(), basic, "Token token="]
    kept = everything_airflow_keeps() + ran.log.encode() + json.dumps(ran.xcom).encode()
    assert leaks(kept, [*secrets, *PEOPLE]) == []
    staged = b"\n".join(path.read_bytes() for path in site.files().values())
    assert leaks(staged, secrets) == []
    assert ran.run_id.encode() in kept


def test_the_search_finds_what_it_looks_for(site, source):
    site.run()
    [delivered] = site.delivered().values()
    staged = b"".join(path.read_bytes() for name, path in site.files().items() if name == "set_aside.csv")
    assert {"STAFF-1001", "STAFF-1002"} <= set(leaks(delivered, PEOPLE))
    assert "anders.berg@example.com" in leaks(staged, PEOPLE)
    assert leaks(b'{"password": "tok-5ecret-cafe"}', SECRETS.values()) == ["tok-5ecret-cafe"]


def test_a_run_over_sftp(site, source):
    site.connector(delivery={"method": "sftp"})
    with SftpServer(site.drop, password=SECRETS["sftp"]) as server:
        extra = {"host_key": server.host_key}
        fields = {"host": "127.0.0.1", "port": server.port, "login": USERNAME, "password": server.password}
        site.connection("lms", conn_type="sftp", extra=extra, **fields)
        ran = site.run()
    assert set(ran.tasks.values()) == {"success"}
    check(site, ran)


@pytest.mark.parametrize("login", [None, "api"])
def test_a_run_over_http(site, source, login):
    site.connector(delivery={"method": "http", "endpoint": "/import"})
    with Lms(token=SECRETS["http"]) as lms:
        site.connection("lms", conn_type="http", host=lms.url, login=login, password=SECRETS["http"])
        ran = site.run()
    assert ran.tasks["load"] == ("failed" if login else "success")
    check(site, ran)


def test_logins_that_are_refused(site, source):
    site.codebashing(source.url, password=SECRETS["api_key"], extra={"api_key": SECRETS["token"]})
    ran = site.run()
    assert ran.tasks["extract"] == "failed"
    check(site, ran)


def test_an_sftp_login_that_is_refused(site, source):
    site.connector(delivery={"method": "sftp"})
    with SftpServer(site.drop) as server:
        fields = {"host": "127.0.0.1", "port": server.port, "login": USERNAME, "password": SECRETS["sftp"]}
        site.connection("lms", conn_type="sftp", extra={"host_key": server.host_key}, **fields)
        ran = site.run()
    assert ran.tasks == FAILED_LOAD
    check(site, ran)


def test_a_guard_that_stops_the_run(site, source):
    site.connector(guards={"min_learners": 1000}, identity={"on_missing": "fail"})
    ran = site.run()
    assert ran.tasks["transform"] == "failed"
    check(site, ran)

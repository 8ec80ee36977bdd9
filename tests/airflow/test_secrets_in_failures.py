"""Whatever fails, and whatever the other side says about it: no secret and nobody's data gets into Airflow.

Every server here repeats all secrets and all people in what it answers, as badly written ones do.
"""

import base64
import json
from contextlib import contextmanager
from urllib.parse import quote

import asyncssh
import pytest
from airflow.exceptions import TaskDeferred

from codebashing_lms_airflow.operators import CodebashingLoadOperator
from demo.lms import Answer, Lms
from demo.sftp import USERNAME, SftpServer
from include.codebashing_lms.load.outcome import Outcome, OutcomeKind
from tests.airflow.test_secrets import LEARNERS, PEOPLE, SECRETS, everything_airflow_keeps, leaks
from tests.fakes.gnupg import LMS, PASSPHRASE, US, gnupg
from tests.fakes.loopback import answer, serving
from tests.fakes.working_lms import PickyLms, WorkingLms

KEY_PASSPHRASE = "ssh-5ecret-passphrase"
LOUD = " ".join([*SECRETS.values(), *sorted(PEOPLE)[:40]])
IN_A_HEADER = quote(LOUD)[:2000]
ECHO = {"X-You-Sent": IN_A_HEADER, "WWW-Authenticate": f'Bearer error="{SECRETS["http"]}"'}


def loud(status, **headers):
    return Answer(status, LOUD.encode(), {"Content-Type": "text/plain", **ECHO, **headers})


class Watch:
    """Looks through everything a site's runs left."""

    def __init__(self, site):
        self.site, self.output = site, b""
        basic = base64.b64encode(f"api:{SECRETS['http']}".encode()).decode()
        self.secrets = [*SECRETS.values(), basic, "Token token=", KEY_PASSPHRASE, PASSPHRASE]

    def secret_key(self, text):
        """Take every line of a private key for a secret."""
        self.secrets += [line for line in text.splitlines() if len(line) > 30 and "-----" not in line]

    def failed(self, task="load", **params):
        """Run the DAG once; it fails, or ends as skipped, where it should."""
        ran = self.site.run(retries=0, **params)
        assert ran.tasks[task] == "failed"
        self.saw(ran)
        return ran

    def saw(self, ran):
        self.output += ran.log.encode() + json.dumps(ran.xcom).encode()

    def nothing_leaked(self):
        """Assert it of the database, all logs, what went between tasks, and the staged files."""
        kept = everything_airflow_keeps() + self.output
        assert leaks(kept, [*self.secrets, *PEOPLE]) == []
        staged = [path for path in self.site.staging.rglob("*") if path.is_file()]
        assert leaks(b"\n".join(path.read_bytes() for path in staged), self.secrets) == []
        documents = [path.read_bytes() for path in staged if path.suffix == ".json"]
        assert leaks(b"\n".join(documents), PEOPLE) == []


@pytest.fixture
def watch(site):
    return Watch(site)


@pytest.fixture
def source(site):
    site.drop.mkdir()
    with site.source(LEARNERS, token=SECRETS["token"], api_key=SECRETS["api_key"]) as api:
        yield api


def from_source(body=None, status="200 OK", **headers):
    return answer(body or LOUD.encode(), status, X_You_Sent=IN_A_HEADER, **headers)


CUT = json.dumps(LEARNERS).encode()[:2000]
OF_THE_SOURCE = {
    "unauthorized": from_source(status="401 Unauthorized"),
    "redirect": from_source(
        status="302 Found",
        Location=f"https://{SECRETS['token']}:x@sso.example.com/{IN_A_HEADER}?key={SECRETS['api_key']}",
    ),
    "html": from_source(f"<html>{LOUD}".encode(), Content_Type="text/html"),
    "cut": from_source(CUT, length=5000),
    "error_object": from_source({"error": LOUD, LOUD[:300]: 1}),
}
MORE_OF_THE_SOURCE = {
    "not_found": from_source(status="404 Not Found"),
    "server_error": from_source(status="500 Oops"),
    "forbidden": from_source(status="403 Forbidden"),
    "bad_request": from_source(status="400 Bad Request"),
    "too_many": from_source(status="429 Slow Down", Retry_After=SECRETS["token"]),
    "unavailable": from_source(status=f"503 {LOUD[:200]}"),
    "teapot": from_source(status="418 Teapot"),
    "not_json": from_source(),
    "broken_json": from_source(b'[{"email": "' + LOUD.encode() + b'"} {]'),
    "cut_json": from_source(CUT),
    "objects_in_it": from_source([LOUD, 5, {LOUD: LOUD}]),
}


def source_fails(site, watch, answers):
    for one in answers:
        with serving(one) as server:
            site.codebashing(server.base_url, password=SECRETS["token"], extra={"api_key": SECRETS["api_key"]})
            ran = site.run(retries=0)
        assert "failed" in ran.tasks.values()
        watch.saw(ran)
    watch.nothing_leaked()


def test_the_source_fails(site, watch):
    source_fails(site, watch, OF_THE_SOURCE.values())


@pytest.mark.slow
def test_the_source_fails_in_other_ways(site, watch):
    source_fails(site, watch, MORE_OF_THE_SOURCE.values())


ELSEWHERE = f"https://{SECRETS['http']}:x@elsewhere.example.com/?{IN_A_HEADER}"
REFUSALS = [loud(401), loud(302, Location=ELSEWHERE), loud(422), loud(503, **{"Retry-After": "0"}), loud(200)]
MORE_REFUSALS = [loud(code) for code in (400, 403, 404, 405, 409, 413, 415, 500)] + [
    loud(429, **{"Retry-After": SECRETS["http"]}),
    Answer(200, json.dumps({"status": LOUD}).encode(), ECHO),
    Answer(200, b"", {"Location": ELSEWHERE, **ECHO}),
]


@contextmanager
def import_endpoint(site, **delivery):
    """Give an LMS over HTTP; a good answer says `status: ok`."""
    settings = {"success": {"json": {"status": "ok"}}, "deadline": 1, **delivery}
    site.connector(delivery={"method": "http", "endpoint": "/import", **settings})
    with Lms(token=SECRETS["http"]) as lms:
        site.connection("lms", conn_type="http", host=lms.url, password=lms.token)
        yield lms


def lms_refuses(site, watch, answers):
    with import_endpoint(site) as lms:
        for one in answers:
            lms.next_answers.extend([one] * 5)
            watch.failed()
            lms.next_answers.clear()
        lms.answers_to_lose = 5
        watch.failed()
    watch.nothing_leaked()


def test_the_lms_refuses_over_http(site, source, watch):
    lms_refuses(site, watch, REFUSALS)


@pytest.mark.slow
def test_the_lms_refuses_over_http_in_other_ways(site, source, watch):
    lms_refuses(site, watch, MORE_REFUSALS)


@pytest.fixture
def sftp(site):
    with SftpServer(site.drop, password=SECRETS["sftp"]) as server:
        yield server


def connected(site, server, delivery=None, password=SECRETS["sftp"], **extra):
    """Say how to log in to an SFTP server, rightly or not."""
    site.connector(delivery={"method": "sftp", **(delivery or {})})
    fields = {"host": "127.0.0.1", "port": server.port, "login": USERNAME, "password": password}
    site.connection("lms", conn_type="sftp", extra={"host_key": server.host_key, **extra}, **fields)


def test_the_sftp_login_fails(site, source, sftp, watch):
    other = asyncssh.generate_private_key("ssh-ed25519")
    host_key = " ".join(other.export_public_key().decode().split()[:2])
    private_key = other.export_private_key(passphrase=KEY_PASSPHRASE).decode()
    watch.secret_key(private_key)
    with_key = {"private_key": private_key, "private_key_passphrase": KEY_PASSPHRASE}
    for delivery, changes in [
        ({}, {"password": SECRETS["http"]}),
        ({}, {"host_key": host_key}),
        ({}, with_key | {"private_key_passphrase": SECRETS["token"]}),
        ({"directory": "/missing"}, {}),
    ]:
        connected(site, sftp, delivery, **changes)
        watch.failed()
    watch.nothing_leaked()


def test_a_pgp_key_fails(site, source, sftp, watch):
    with gnupg() as gpg:
        gpg.make(LMS)
        gpg.make(US, passphrase=PASSPHRASE)
        ours, lms = gpg.private(US, PASSPHRASE), gpg.public(LMS)
        watch.secret_key(ours)
        keys = {"pgp_public_key": lms, "pgp_private_key": ours, "pgp_private_key_passphrase": PASSPHRASE}
        for changes in [{"pgp_private_key_passphrase": SECRETS["token"]}, {"pgp_public_key": ours}]:
            connected(site, sftp, {"pgp": {"sign": True}}, **{**keys, **changes})
            watch.failed()
        connected(site, sftp, {"pgp": {"sign": True}, "compression": "zip"}, **keys)
        ran = site.run()
        assert ran.tasks["load"] == "success"
        watch.saw(ran)
    watch.nothing_leaked()


JOB = {"id": "job.id", "endpoint": "/jobs/{job}", "state": "state", "done": ["finished"], "failed": ["failed"]}


def test_a_job_fails_and_says_why(site, source, watch):
    delivery = {"job": {**JOB, "every": 1, "deadline": 60}, "success": {}, "deadline": 600}
    with import_endpoint(site, **delivery), WorkingLms(token=SECRETS["http"]) as lms:
        site.connection("lms", conn_type="http", host=lms.url, password=lms.token)
        report = lms.report

        def patched_report(path):
            lms.fail()
            document = json.loads(report(path).body)
            return Answer(200, json.dumps({**document, "message": LOUD}).encode(), ECHO)

        lms.report = patched_report
        watch.failed()
    watch.nothing_leaked()


def test_rows_are_refused_with_the_names_of_people(site, source, watch):
    results = {"path": "report.refused", "row": "line", "reason": "problem", "max_refused_percent": 0}
    with import_endpoint(site, results=results, deadline=60), PickyLms(token=SECRETS["http"]) as lms:
        site.connection("lms", conn_type="http", host=lms.url, password=lms.token)
        lms.unknown = {who: f"=nobody is called {who}, {sorted(PEOPLE)[0]}" for who in PEOPLE}
        watch.failed()
    assert leaks(b"".join(path.read_bytes() for path in site.staging.rglob("refused.csv")), PEOPLE)
    watch.nothing_leaked()


def test_a_trigger_carries_a_duration_and_nothing_else(site, source, monkeypatch):
    connector = site.dag().task_dict["load"].connector
    load = CodebashingLoadOperator(task_id="load", connector=connector, transformed={})
    working = Outcome(OutcomeKind.WORKING, "", None, ask_again_in=7)
    monkeypatch.setattr("codebashing_lms_airflow.tasks.load.deliver", lambda *_: working)
    with pytest.raises(TaskDeferred) as deferred:
        load.execute({})
    _, carried = deferred.value.trigger.serialize()
    assert carried.keys() <= {"moment", "end_from_trigger"}
    assert not deferred.value.kwargs

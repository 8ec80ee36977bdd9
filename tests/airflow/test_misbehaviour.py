"""Every way in which the source misbehaves, as a run of the DAG over real HTTP."""

import pytest

from tests.airflow.site import API_KEY, IMPATIENT, TOKEN
from tests.fakes.loopback import answer, serving
from tests.fakes.moods import MOODS, PERSON

FAILED = {"extract": "failed", "transform": "upstream_failed", "load": "upstream_failed"}
USUAL = {
    "unauthorized", "forbidden", "not_found", "bad_request", "redirect", "too_many_requests", "server_error",
    "html",
    "cut_without_length", "cut_gzip", "shorter_than_length", "not_json", "object", "error_object", "stall",
}  # fmt: skip
CASES = [name if name in USUAL else pytest.param(name, marks=pytest.mark.slow) for name in MOODS]


@pytest.mark.parametrize("name", CASES)
def test_misbehaviour_ends_the_run_with_one_clear_notice(site, name):
    mood = MOODS[name]
    site.connector(source={"conn_id": "codebashing", "timeout": 0.4})
    with serving(mood.answer) as server:
        site.codebashing(server.base_url)
        ran = site.run(retries=0 if mood.error.retryable else 3)
    assert ran.tasks == FAILED
    words = [word for word in mood.words if "attempt" not in word]
    assert all(word in ran.notice for word in (f"{mood.error.__name__} ({mood.error.origin})", *words))
    assert ("May wait" in ran.notice, "Do not leave it" in ran.notice) == (
        mood.error.retryable,
        not mood.error.retryable,
    )
    assert len(server.requests) == (IMPATIENT.attempts if mood.error.retryable else 1) or name == "come_back_later"
    assert site.files() == {}
    assert list(ran.xcom) == ["extract.failure"]
    assert ran.xcom["extract.failure"]["error"] == mood.error.__name__
    assert not [secret for secret in (TOKEN, API_KEY, PERSON) if secret in ran.log + str(ran.xcom)]


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("https://codebashing.invalid", "codebashing.invalid"),
        ("https://{loopback}", "TLS"),
        ("http://10.0.0.1", "unencrypted"),
        ("ftp://127.0.0.1", "is no web address"),
    ],
)
def test_an_address_that_leads_nowhere(site, base_url, words):
    with serving(b"") as server:
        site.codebashing(base_url.format(loopback=server.base_url.removeprefix("http://")))
        ran = site.run(retries=0)
    assert ran.tasks == FAILED
    assert words in ran.notice


def test_what_heals_is_tried_again_and_starts_clean(site):
    site.drop.mkdir()
    site.connector(courses=["java"])
    learners = [{"employee_id": "1042", "email": PERSON, "java.completed_percentage": 33.3}]
    truncated = answer(learners, length=9999)
    with serving(truncated, truncated, answer(learners)) as server:
        site.codebashing(server.base_url)
        ran = site.run()
    assert set(ran.tasks.values()) == {"success"}
    assert len(server.requests) == 3
    assert "NOTICE" not in ran.log
    assert len([name for name in site.files() if name.endswith((".json.zst", ".json.gz"))]) == 1
    assert [content.count(b"1042,java,33.3,in_progress") for content in site.delivered().values()] == [1]


def test_a_connection_that_is_not_there_is_named(site):
    ran = site.run()
    assert ran.tasks == FAILED
    assert "'codebashing' does not exist" in ran.notice

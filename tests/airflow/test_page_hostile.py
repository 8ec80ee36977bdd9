"""Names, courses and messages that would rather be HTML, formulas or paths."""

import json

import pytest

from tests.reporting.views.acme import ANN, Acme, person

EVIL = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>@example.com'


@pytest.fixture
def acme(tmp_path, monkeypatch, client_of):
    """Return a connector with hostile learners; after `client_of`, which points the page elsewhere."""
    acme = Acme(tmp_path, lms={"course_map": {EVIL: {"id": EVIL, "title": EVIL}, "java": {"id": "J"}}})
    monkeypatch.setenv("CODEBASHING_LMS_CONNECTORS", str(tmp_path / "connectors"))
    monkeypatch.setenv("CODEBASHING_LMS_STAGING", f"file://{tmp_path / 'staging'}")
    acme.run(
        ANN | {"email": IMAGE, "primary_course_name": EVIL},
        person(EVIL, "bob@example.com"),
        person(None, f"{EVIL}@example.com"),
        person("1004", "=HYPERLINK(1)@example.com", course=f"{EVIL}2"),
    )
    return acme


def test_no_page_holds_what_was_not_escaped(acme, client_of):
    run = acme.runs.all[0]
    outcome = run.folder / "outcome.json"
    outcome.write_text(json.dumps({"outcome": "stopped", "sentence": EVIL, "at": "2026-11-23T00:00:00Z"}))
    (run.folder / "receipt.json").unlink()
    ada, base = client_of("ada"), "/codebashing_lms"
    home = f"{base}/dags/{acme.connector.dag_id}"
    shown = [ada.get(f"{base}/"), *(ada.get(home + path) for path in ("", "/runs", "/todo", "/readiness"))]
    shown += [ada.get(f"{home}/runs/{run.key}"), ada.get(f"{home}/run", params={"run_id": EVIL})]
    shown += [ada.post(f"{home}/learner", data={"who": who}) for who in (EVIL, IMAGE, f"{EVIL}@example.com", "1001")]
    assert [page.status_code for page in shown] == [200] * len(shown)
    assert not [page.url for page in shown if EVIL in page.text or "<img" in page.text]
    assert "&lt;script&gt;" in shown[3].text
    assert not [page.url for page in shown if "style=" in page.text or "onclick" in page.text]


def test_the_export_holds_no_formula(acme, client_of):
    text = client_of("ada").get(f"/codebashing_lms/dags/{acme.connector.dag_id}/todo.csv").text
    assert EVIL in text  # a CSV is no HTML, and is never shown as such
    assert not [cell for line in text.splitlines() for cell in line.split(",") if cell.startswith(("=", "+", "@"))]


def test_a_download_is_a_download(acme, client_of):
    run = acme.runs.all[0]
    url = f"/codebashing_lms/dags/{acme.connector.dag_id}/runs/{run.key}/files/set_aside.csv"
    answer = client_of("ada").get(url)
    assert answer.headers["content-disposition"].startswith('attachment; filename="set_aside.csv"')
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.content == (run.folder / "set_aside.csv").read_bytes()


def test_a_search_of_nothing_or_of_too_much(acme, client_of):
    url = f"/codebashing_lms/dags/{acme.connector.dag_id}/learner"
    assert "Search" in client_of("ada").post(url, data={"who": "  "}).text
    assert client_of("ada").post(url, data={"who": "x" * 400}).status_code == 422


def test_a_get_never_searches(acme, client_of):
    url = f"/codebashing_lms/dags/{acme.connector.dag_id}/learner"
    assert "timeline" not in client_of("ada").get(url, params={"who": "1001"}).text

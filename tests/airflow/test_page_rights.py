"""Who may see what: every route of the page, asked by everybody."""

from urllib.parse import quote

import pytest

PREFIX = "/codebashing_lms"
DAG = "codebashing_lms_acme"
OPEN_TO_EVERYBODY_LOGGED_IN = {"/", "/static/{name}"}
NAMES_PEOPLE = {"/dags/{dag_id}/runs/{date}/{name}/files/{file}", "/dags/{dag_id}/todo.csv"}
SEARCH = ("POST", "/dags/{dag_id}/learner")


def routes():
    """Every route there is, read from the application itself so that none can be forgotten."""
    from codebashing_lms_airflow.ui.application import app

    found = [(method, route.path) for route in app.routes for method in sorted(route.methods - {"HEAD"})]
    assert len(found) >= 10
    return found


@pytest.fixture
def address(pages_folder):
    """Return a function that fills in a route with what really exists."""
    [date] = sorted((pages_folder / "staging" / "acme" / "runs").iterdir())[-2:-1]
    [run] = date.iterdir()
    values = {"dag_id": DAG, "date": date.name, "name": run.name, "file": "set_aside.csv"}

    def fill(path: str) -> str:
        here = values | ({"name": "page.css"} if path.startswith("/static") else {})
        for name, value in here.items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        return f"{PREFIX}{path}" + ("?run_id=manual__dry" if path.endswith("/run") else "")

    return fill


def ask(client, method, url):
    return client.request(method, url, data={"who": "10001"} if method == "POST" else None)


@pytest.mark.parametrize(("method", "path"), routes())
def test_without_a_login_every_route_is_closed(client_of, address, method, path):
    assert ask(client_of(None), method, address(path)).status_code == 401


@pytest.mark.parametrize(("method", "path"), routes())
def test_a_login_that_is_none_is_none(client_of, address, method, path):
    client = client_of(None)
    client.headers["Authorization"] = "Bearer nonsense"
    assert ask(client, method, address(path)).status_code == 403
    del client.headers["Authorization"]
    client.cookies.set("_token", "nonsense")
    assert ask(client, method, address(path)).status_code in (401, 403)


@pytest.mark.parametrize(("method", "path"), routes())
def test_without_a_right_to_the_dag_nothing_of_it_is_seen(client_of, address, method, path):
    answer = ask(client_of("nobody"), method, address(path))
    assert answer.status_code == (200 if path in OPEN_TO_EVERYBODY_LOGGED_IN else 403)
    assert "acme" not in answer.text.replace(DAG, "")
    assert "@example.com" not in answer.text


@pytest.mark.parametrize(("method", "path"), routes())
def test_a_viewer_sees_counts_and_no_people(client_of, address, method, path):
    answer = ask(client_of("vera"), method, address(path))
    closed = path in NAMES_PEOPLE or (method, path) == SEARCH
    assert answer.status_code == (403 if closed else 200)
    assert "@example.com" not in answer.text


@pytest.mark.parametrize("name", ["ursula", "ada"])
@pytest.mark.parametrize(("method", "path"), routes())
def test_who_may_trigger_the_dag_sees_everything(client_of, address, method, path, name):
    assert ask(client_of(name), method, address(path)).status_code == 200


def test_people_are_seen_where_they_should_be(client_of, address):
    for path in ("/dags/{dag_id}/todo", "/dags/{dag_id}/todo.csv"):
        assert "@example.com" in client_of("ursula").get(address(path)).text


@pytest.mark.parametrize(("method", "path"), routes())
def test_browsers_are_told_to_be_careful(client_of, address, method, path):
    headers = ask(client_of("ada"), method, address(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == ("private, max-age=600" if path.startswith("/static") else "no-store")


def test_nothing_but_the_search_is_posted(client_of):
    assert [route for route in routes() if route[0] != "GET"] == [SEARCH]


def test_a_dag_id_in_the_query_opens_no_other_door(client_of, address):
    """Airflow takes the ID from the path first; the page reads what was authorised and nothing else."""
    url = address("/dags/{dag_id}/todo").replace(DAG, "somebody_elses") + f"?dag_id={DAG}"
    answer = client_of("ursula").get(url)
    assert answer.status_code == 404
    assert "@example.com" not in answer.text


NOT_OFFERED = ["../manifest.json", "..%2fmanifest.json", "manifest.json", "rows.parquet", "receipt.json", ""]
NOT_OFFERED += ["%2e%2e%2f%2e%2e%2fetc%2fhosts", "/etc/hosts", "set_aside.csv%00"]


@pytest.mark.parametrize("file", NOT_OFFERED)
def test_only_what_is_offered_can_be_fetched(client_of, address, file):
    url = address("/dags/{dag_id}/runs/{date}/{name}/files/{file}").replace("set_aside.csv", file)
    assert client_of("ada").get(url).status_code == 404


@pytest.mark.parametrize("date", ["..", "%2e%2e", ".", "../../fresh/runs", "20261123T050000.000000Z%2f.."])
def test_no_folder_but_a_runs_is_read(client_of, address, date):
    url = f"{PREFIX}/dags/{DAG}/runs/{date}/x/files/set_aside.csv"
    assert client_of("ada").get(url).status_code == 404


@pytest.mark.parametrize("plus", ["%2B", "+"], ids=["quoted", "as in Airflow 3.1"])
def test_the_tab_of_a_run_shows_it(client_of, plus):
    run_id = f"scheduled__2026-11-23T05:00:00{plus}00:00"
    answer = client_of("ada").get(f"{PREFIX}/dags/{DAG}/run?run_id={run_id}")
    assert "Run of 23 Nov 2026" in answer.text


def test_other_dags_are_answered_kindly(client_of):
    for path in (f"{PREFIX}/dags/some_other_dag", f"{PREFIX}/dags/some_other_dag/run?run_id=x"):
        answer = client_of("vera").get(path)
        assert answer.status_code == 200
        assert "nothing to do with Codebashing" in answer.text


def test_searches_and_downloads_are_logged_with_who_and_without_whom(client_of, address, caplog):
    with caplog.at_level("INFO"):
        assert ask(client_of("ursula"), "POST", address("/dags/{dag_id}/learner")).status_code == 200
        client_of("ursula").get(address("/dags/{dag_id}/todo.csv"))
        client_of("ursula").get(address("/dags/{dag_id}/runs/{date}/{name}/files/{file}"))
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("codebashing_lms_airflow")]
    assert len(ours) == 3
    assert all("ursula" in line and DAG in line for line in ours)
    assert not [line for line in ours if "10001" in line or "@" in line]

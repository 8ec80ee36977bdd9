"""The hook of the task extract, and the parameters of HttpOperator that the task refuses."""

import inspect
import json

import pytest
from airflow.providers.http.operators.http import HttpOperator

from codebashing_lms_airflow.hooks import CodebashingHook
from codebashing_lms_airflow.operators import CodebashingExtractOperator
from include.codebashing_lms.errors import ConnectorError, SourceError
from tests.extract.source import API_KEY, TOKEN, connector
from tests.fakes.loopback import answer, serving
from tests.fakes.moods import LEARNERS

REDIRECT = answer(b"", "302 Found", Location="https://evil.example/")


@pytest.fixture
def extract():
    return CodebashingExtractOperator(task_id="extract", connector=connector(timeout=5))


@pytest.fixture
def connection(monkeypatch):
    """Make the connection that the connector file names."""

    def _connection(host, **extra):
        fields = {"conn_type": "http", "host": host, "password": TOKEN, "extra": {"api_key": API_KEY, **extra}}
        monkeypatch.setenv("AIRFLOW_CONN_CODEBASHING", json.dumps(fields))

    return _connection


def test_the_operator_uses_its_hook(extract):
    assert type(extract.hook) is CodebashingHook
    assert (extract.hook.method, extract.hook.http_conn_id) == ("GET", "codebashing")


def test_a_request_of_the_hook_is_signed(extract, connection):
    with serving(answer(LEARNERS)) as server:
        connection(server.base_url)
        assert extract.hook.run("/api/v1/users", headers={"X-Trace": "1"}).json() == LEARNERS
    [request] = server.requests
    assert request.target == "/api/v1/users"
    assert request.headers["X-API-KEY"] == API_KEY
    assert request.headers["Authorization"] == f'Token token="{TOKEN}"'
    assert request.headers["X-Trace"] == "1"
    assert "api_key" not in request.headers


def test_the_session_trusts_what_the_connection_says(extract, connection):
    trust = {"verify": "/ca.pem", "cert": "/me.pem", "proxies": {"https": "http://p"}, "trust_env": False}
    connection("https://acme.example.com", **trust)
    session = extract.hook.get_conn()
    assert (session.verify, session.cert, session.proxies) == ("/ca.pem", "/me.pem", {"https": "http://p"})
    assert session.trust_env is False


def test_credentials_do_not_follow_a_redirect(extract, connection):
    with serving(REDIRECT) as server:
        connection(server.base_url)
        with pytest.raises(SourceError, match="redirect to evil.example"):
            extract.hook.run("/")
        session = extract.hook.get_conn()
        assert session.get(server.base_url, timeout=5, allow_redirects=True).status_code == 302


def test_the_body_of_an_error_is_not_logged(extract, connection, caplog):
    with serving(answer(b"anders.berg@example.com", "500 Oops")) as server:
        connection(server.base_url)
        with pytest.raises(SourceError, match="500"):
            extract.hook.run("/")
    assert "anders.berg" not in caplog.text


def test_credentials_are_in_no_field(extract, connection):
    connection("https://acme.example.com")
    hook = extract.hook
    hook.get_conn()
    assert hook.url_from_endpoint("/api") == "https://acme.example.com/api"
    fields = repr({**vars(hook), **vars(extract)})
    assert [secret for secret in (TOKEN, API_KEY) if secret in fields] == []


def test_plain_http_is_for_loopback_only(extract, connection):
    connection("http://acme.example.com")
    with pytest.raises(ConnectorError, match="unencrypted"):
        extract.hook.url_from_endpoint("/api")


@pytest.mark.parametrize("name", sorted({*inspect.signature(HttpOperator).parameters} - {"kwargs"}))
def test_a_parameter_that_would_do_nothing_is_refused(name):
    with pytest.raises(TypeError, match=f"has no use for {name} of HttpOperator"):
        CodebashingExtractOperator(task_id="extract", connector=connector(), **{name: None})


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("endpoint", "Set source.endpoint in the connector file."),
        ("pagination_function", "Set source.pagination in the connector file."),
        ("log_response", "Leave it out."),
    ],
)
def test_a_refusal_says_what_to_do(name, remedy):
    with pytest.raises(TypeError, match=remedy):
        CodebashingExtractOperator(task_id="extract", connector=connector(), **{name: None})


def test_parameters_of_every_operator_are_taken():
    extract = CodebashingExtractOperator(task_id="extract", connector=connector(), retries=7, pool="lms")
    assert (extract.retries, extract.pool) == (7, "lms")

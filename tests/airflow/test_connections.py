"""What the library is given of an Airflow connection."""

import json

import pytest

from codebashing_lms_airflow.hooks import lms_connection, source_credentials
from include.codebashing_lms.config.delivery import FolderDelivery, HttpDelivery, SftpDelivery
from include.codebashing_lms.connections.model import HttpConnection, SftpConnection
from include.codebashing_lms.errors import ConnectorError

HTTP = HttpDelivery(endpoint="/import")
SFTP = SftpDelivery()
SOURCE = {"conn_type": "http", "host": "acme.example.com", "password": "t0ken", "extra": {"api_key": "k3y"}}
LMS = {"conn_type": "http", "host": "https://lms.example.com", "password": "secret"}
DROP = {"conn_type": "sftp", "host": "drop.example.com", "login": "us"}


@pytest.fixture
def connection(monkeypatch):
    def _connection(conn_id, fields):
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))

    return _connection


@pytest.mark.parametrize(
    ("fields", "base_url"),
    [
        ({}, "https://acme.example.com"),
        ({"schema": "http"}, "http://acme.example.com"),
        ({"host": "http://localhost", "port": 8080}, "http://localhost:8080"),
        ({"host": "https://gate/acme", "port": 8443}, "https://gate:8443/acme"),
        ({"host": " 127.0.0.1 ", "schema": "http", "port": 1}, "http://127.0.0.1:1"),
    ],
)
def test_the_address_of_the_source(connection, fields, base_url):
    connection("codebashing", {**SOURCE, **fields})
    credentials = source_credentials("codebashing")
    assert credentials.connection == HttpConnection(base_url)
    assert (credentials.token, credentials.api_key) == ("t0ken", "k3y")
    assert "t0ken" not in repr(credentials)
    assert "k3y" not in repr(credentials)


def test_how_a_site_is_trusted(connection):
    trust = {"verify": "/ca.pem", "cert": "/me.pem", "proxies": {"https": "http://p"}, "trust_env": "False"}
    connection("codebashing", {**SOURCE, "extra": {"api_key": "k3y", **trust}})
    site = source_credentials("codebashing").connection
    assert (site.verify, site.cert, site.proxies) == ("/ca.pem", "/me.pem", {"https": "http://p"})
    assert site.trust_env is False


@pytest.mark.parametrize(("verify", "expected"), [("false", False), ("True", True), (False, False), ("/x", "/x")])
def test_verify_is_a_switch_or_a_path(connection, verify, expected):
    connection("codebashing", {**SOURCE, "extra": {"api_key": "k3y", "verify": verify}})
    assert source_credentials("codebashing").connection.verify == expected


def test_the_lms_by_token_or_by_login(connection):
    connection("lms", LMS)
    assert lms_connection(HTTP) == HttpConnection("https://lms.example.com", password="secret")
    connection("lms", {**LMS, "login": "api"})
    assert lms_connection(HTTP) == HttpConnection("https://lms.example.com", login="api", password="secret")


def test_the_drop_by_password_or_by_key(connection):
    connection("lms", {**DROP, "password": "secret", "extra": {"host_key": "ssh-rsa A"}})
    assert lms_connection(SFTP) == SftpConnection(
        "drop.example.com", username="us", password="secret", host_key="ssh-rsa A"
    )
    extra = {"private_key": "PEM", "private_key_passphrase": "pw", "known_hosts": "/k", "key_file": "/f"}
    connection("lms", {**DROP, "port": 2222, "extra": {**extra, "no_host_key_check": "true"}})
    assert lms_connection(SFTP) == SftpConnection(
        "drop.example.com", 2222, username="us", **extra, no_host_key_check=True
    )


def test_a_folder_needs_no_connection():
    assert lms_connection(FolderDelivery(directory="/x")) is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"password": ""}, "has no usable password: put the Codebashing token there"),
        ({"extra": {}}, "has no usable extra.api_key"),
        ({"extra": {"api_key": 1}}, "has no usable extra.api_key"),
        ({"host": ""}, "has no host"),
        ({"conn_type": "ftp"}, "has the type ftp; it must be http"),
        ({"extra": {"api_key": "k3y", "verify": 3}}, "extra.verify must be true, false or a path"),
        ({"extra": {"api_key": "k3y", "trust_env": "x"}}, "extra.trust_env must be true or false"),
        ({"extra": {"api_key": "k3y", "proxies": "x"}}, "extra.proxies must be a mapping"),
        ({"extra": {"api_key": "k3y", "cert": ["a", "b"]}}, "extra.cert must be text"),
    ],
)
def test_a_connection_that_lacks_something_names_it(connection, fields, words):
    connection("codebashing", {**SOURCE, **fields})
    with pytest.raises(ConnectorError, match=f"'codebashing'.*{words}") as error:
        source_credentials("codebashing")
    assert "t0ken" not in str(error.value)


@pytest.mark.parametrize(
    ("delivery", "fields", "words"),
    [
        (HTTP, DROP, "type sftp; it must be http"),
        (SFTP, LMS, "type http; it must be sftp"),
        (HTTP, {**LMS, "password": None}, "no usable password: put the LMS's bearer token there"),
        (HTTP, {**LMS, "login": "api", "password": None}, "no usable password: put the password of api there"),
        (SFTP, {**DROP, "extra": {"private_key": {}}}, "extra.private_key must be text"),
        (SFTP, {**DROP, "extra": {"no_host_key_check": "/x"}}, "extra.no_host_key_check must be true or false"),
    ],
)
def test_an_lms_connection_that_lacks_something_names_it(connection, delivery, fields, words):
    connection("lms", fields)
    with pytest.raises(ConnectorError, match=f"'lms'.*{words}"):
        lms_connection(delivery)


def test_a_connection_that_is_not_there(airflow_db):
    with pytest.raises(ConnectorError, match="'nowhere' does not exist. Create it with the type http"):
        source_credentials("nowhere")

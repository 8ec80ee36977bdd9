"""Credentials go to the host of the connection and nowhere else."""

import ssl
import traceback
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from include.codebashing_lms.connections.http import endpoint_url, new_session
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.errors import ConnectorError, SourceError, SourceUnavailableError
from tests.fakes.loopback import answer, serving
from tests.fakes.moods import LEARNERS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Write a self-signed certificate for localhost and its key to one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_certificate_that_nobody_vouches_for(tls, fetch, files):
    with (
        serving(answer(LEARNERS), tls=tls) as server,
        pytest.raises(SourceError, match=r'localhost.* is not trusted.*"verify"') as caught,
    ):
        fetch(server.base_url)
    assert not caught.value.retryable
    assert "fields=" not in "".join(traceback.format_exception(caught.value))
    assert server.requests == []
    assert files() == []


def test_certificate_of_another_host(tls, certificate, fetch):
    with serving(answer(LEARNERS), tls=tls) as server:
        address = server.base_url.replace("localhost", "127.0.0.1")
        with pytest.raises(SourceError, match=r"certificate of 127\.0\.0\.1"):
            fetch(address, site={"verify": str(certificate)})


@pytest.mark.parametrize("trust_env", [True, False])
def test_certificate_named_in_the_connection(trust_env, tls, certificate, fetch, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    with serving(answer(LEARNERS), tls=tls) as server:
        site = {"verify": str(certificate), "trust_env": trust_env}
        assert fetch(server.base_url, site=site).records == 3


def test_certificate_file_that_is_not_there(tls, fetch):
    with serving(answer(LEARNERS), tls=tls) as server, pytest.raises(ConnectorError, match='"verify"'):
        fetch(server.base_url, site={"verify": "/nowhere.pem"})


def test_no_tls_where_tls_is_expected(fetch):
    with (
        serving(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server,
        pytest.raises(SourceUnavailableError, match="TLS connection to localhost"),
    ):
        fetch(server.base_url.replace("http:", "https:"))


@pytest.mark.parametrize(
    ("base_url", "endpoint", "url"),
    [
        ("https://acme.codebashing.com", "/api/v1/users", "https://acme.codebashing.com/api/v1/users"),
        ("https://acme.codebashing.com/", "api", "https://acme.codebashing.com/api"),
        ("https://proxy.example.com/cb/", "/api", "https://proxy.example.com/cb/api"),
        ("https://acme.codebashing.com", "//evil.example/x", "https://acme.codebashing.com/evil.example/x"),
        ("https://acme.codebashing.com", "/x?to=a://b", "https://acme.codebashing.com/x?to=a://b"),
        ("http://localhost:8080", "/x", "http://localhost:8080/x"),
        ("http://127.9.9.9", "/x", "http://127.9.9.9/x"),
        ("http://[::1]:80", "/x", "http://[::1]:80/x"),
    ],
)
def test_url(base_url, endpoint, url):
    assert endpoint_url(HttpConnection(base_url), endpoint) == url


@pytest.mark.parametrize(
    ("base_url", "endpoint", "message"),
    [
        ("http://acme.codebashing.com", "/x", "https://acme.codebashing.com"),
        ("http://127.0.0.1.example.com", "/x", "unencrypted"),
        ("http://localhost.example.com", "/x", "unencrypted"),
        ("http://10.0.0.1", "/x", "unencrypted"),
        ("acme.codebashing.com", "/x", "no web address"),
        ("ftp://acme.codebashing.com", "/x", "no web address"),
        ("https://", "/x", "no web address"),
        ("https://[oops", "/x", "no web address"),
        ("https://acme.codebashing.com", "https://evil.example/x", "must be a path"),
    ],
)
def test_no_url(base_url, endpoint, message):
    with pytest.raises(ConnectorError, match=message):
        endpoint_url(HttpConnection(base_url), endpoint)


def test_login_in_the_host_is_refused_and_not_repeated():
    with pytest.raises(ConnectorError) as caught:
        endpoint_url(HttpConnection("https://someone:geheim@acme.codebashing.com"), "/x")
    assert "geheim" not in str(caught.value)


def test_connection_shows_no_secret():
    connection = HttpConnection("https://x", "someone", "geheim", proxies={"https": "http://u:geheim@proxy"})
    assert "geheim" not in repr(connection)


def test_session_follows_no_redirect_even_when_told_to():
    with (
        serving(answer(b"", "302 Found", Location="/elsewhere")) as server,
        new_session(HttpConnection(server.base_url)) as session,
    ):
        assert session.get(server.base_url, timeout=5, allow_redirects=True).status_code == 302
    assert len(server.requests) == 1


@pytest.mark.parametrize(("verify", "trusted"), [(True, "/env.pem"), (False, False), ("/site.pem", "/site.pem")])
def test_environment_does_not_outdo_the_connection(verify, trusted, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/env.pem")
    address = "https://acme.codebashing.com"
    with new_session(HttpConnection(address, verify=verify)) as session:
        settings = session.merge_environment_settings(address, {}, None, None, None)
    assert settings["verify"] == trusted


def test_loopback_is_reached_past_the_proxy_of_the_environment(fetch, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    with serving(answer(LEARNERS)) as server:
        assert fetch(server.base_url).records == 3


def test_proxy_of_the_connection(fetch):
    with serving(answer(LEARNERS)) as proxy:
        site = {"proxies": {"http": proxy.base_url}}
        assert fetch("http://127.0.0.1:1", site=site).records == 3
    assert proxy.requests[0].target.startswith("http://127.0.0.1:1/api")


def test_proxy_of_the_connection_comes_before_the_one_of_the_environment(fetch, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with (
        serving(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as proxy,
        pytest.raises(SourceUnavailableError, match=r"proxy on the way to acme\.invalid"),
    ):
        fetch("https://acme.invalid", site={"proxies": {"https": proxy.base_url}})
    assert len(proxy.requests) == 3

"""What HTTP answers and failures mean, whoever was asked; nothing here repeats what a server wrote."""

import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NameResolutionError

from include.codebashing_lms.errors import CodebashingLmsError, ConnectorError

# What a request without an answer failed of, and whether that heals; the first among the causes counts.
FAULTS: tuple[tuple[type[Exception], bool, str], ...] = (
    (
        requests.exceptions.ProxyError,
        True,
        "The proxy on the way to {host} refused, or broke off. Check the proxy of the Airflow workers.",
    ),
    (
        ssl.SSLCertVerificationError,
        False,
        "TLS failed: the certificate of {host} is not trusted. If your company's proxy replaces "
        'certificates, set "verify" in the connection\'s extra to its CA bundle; else check the host.',
    ),
    (
        requests.exceptions.SSLError,
        True,
        "The TLS connection to {host} failed. Check host and port of the connection, and any proxy.",
    ),
    (
        NameResolutionError,
        True,
        "DNS does not know the host {host}. Check its spelling in the connection, and DNS on the "
        "Airflow workers.",
    ),
    (
        requests.Timeout,
        True,
        "{host} did not answer within {timeout:g} seconds. If it is always this slow, raise "
        "{section}.timeout in the connector file.",
    ),
    (
        requests.ConnectionError,
        True,
        "There is no connection to {host}, or it broke off before the answer. Check the connection's host "
        "and port, and the way out of your network.",
    ),
)


def without_query(url: str) -> str:
    """Return an address as messages name it: without its query, which may hold anything."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def explain_request_error(
    error: Exception,
    url: str,
    timeout: float,
    section: str,
    hopeless: type[CodebashingLmsError],
    healing: type[CodebashingLmsError],
) -> CodebashingLmsError:
    """Return what stands behind a request that got no answer, as an error of ours."""
    causes = _causes(error)
    for fault, heals, text in FAULTS:
        if any(isinstance(cause, fault) for cause in causes):
            meaning = healing if heals else hopeless
            return meaning(text.format(host=urlsplit(url).netloc, timeout=timeout, section=section))
    return ConnectorError(
        f"{without_query(url)} cannot be asked at all. Check the connection's host, and that the files named "
        'by "verify" and "cert" in its extra are there on every worker.'
    )


def _causes(error: BaseException) -> list[BaseException]:
    """Return the errors inside an error: requests and urllib3 wrap the real cause several times."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found


def redirect_target(response: requests.Response) -> str:
    """Return the host that a redirect points to."""
    try:
        host = urlsplit(response.headers.get("Location", "")).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    return host or "another path"


def parse_retry_after(retry_after: str | None) -> float | None:
    """Read a Retry-After header, a number of seconds or an HTTP date; None when it is neither."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())

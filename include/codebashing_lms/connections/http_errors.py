"""What HTTP answers and failures mean, for source and LMS; no message repeats what a server wrote."""

import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NameResolutionError

from include.codebashing_lms.errors import CodebashingLmsError, ConnectorError

# Why a request got no answer, whether a retry may help, and what to do; the first match counts.
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
        "DNS does not know the host {host}. Check its spelling in the connection, and DNS on the Airflow workers.",
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
    permanent: type[CodebashingLmsError],
    retryable: type[CodebashingLmsError],
    not_delivered: bool = False,
) -> CodebashingLmsError:
    """Return the error for a request that got no answer.

    :param timeout: seconds that the request was to wait, a key of the connector file's `section`.
    :param permanent: the error where trying again cannot help; `retryable` the one where it may.
    """
    causes = _causes(error)
    for fault, may_pass, text in FAULTS:
        if any(isinstance(cause, fault) for cause in causes):
            kind = retryable if may_pass else permanent
            message = text.format(host=urlsplit(url).netloc, timeout=timeout, section=section)
            return kind(message, not_delivered=not_delivered)
    return ConnectorError(
        f"{without_query(url)} cannot be asked at all. Check the connection's host, and that the files named "
        'by "verify" and "cert" in its extra are there on every worker.',
        not_delivered=not_delivered,
    )


def _causes(error: BaseException) -> list[BaseException]:
    """Return the errors inside an error: requests and urllib3 wrap the real cause several times."""
    causes: list[BaseException] = []
    candidates: list[object] = [error]
    while candidates:
        cause = candidates.pop()
        if isinstance(cause, BaseException) and cause not in causes:
            causes.append(cause)
            candidates += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
    return causes


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

"""Judges what a request came to, before its body is read: whose move it is, and what to do.

No message holds more of the answer than its status and, for a redirect, the host it points to.
"""

import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NameResolutionError

from include.codebashing_lms.errors import ConnectorError, SourceError, SourceUnavailableError

TRY_AGAIN = (408, 425, 429)
FIELDS_REFUSED = (400, 414, 422)
CREDENTIALS = (
    "The credentials are wrong, expired or lack a right. In the Airflow connection {conn_id} the password is "
    "the token, and the extra holds api_key; source.auth in the connector file chooses the header."
)
FIELDS = "It may not know a field we asked for: set `source.fields: all` in the connector file."
REDIRECT = (
    "Credentials would travel along. If that place is right, name it in the host of the Airflow connection "
    "{conn_id} or in source.endpoint of the connector file."
)
REMEDIES = {
    401: CREDENTIALS,
    403: CREDENTIALS,
    404: (
        "Check the tenant in the host of the Airflow connection {conn_id}, and source.endpoint in the "
        "connector file."
    ),
}
OTHER_REMEDY = "Check source.endpoint in the connector file, and whether a proxy stands in between."

# What a request without an answer failed of; the first that is among the causes counts.
FAULTS: tuple[tuple[type[Exception], type[SourceError], str], ...] = (
    (
        requests.exceptions.ProxyError,
        SourceUnavailableError,
        "The proxy on the way to {host} refused, or broke off. Check the proxy of the Airflow workers.",
    ),
    (
        ssl.SSLCertVerificationError,
        SourceError,
        "TLS failed: the certificate of {host} is not trusted. If your company's proxy replaces "
        'certificates, set "verify" in the connection\'s extra to its CA bundle; else check the host.',
    ),
    (
        requests.exceptions.SSLError,
        SourceUnavailableError,
        "The TLS connection to {host} failed. Check host and port of the connection, and any proxy.",
    ),
    (
        NameResolutionError,
        SourceUnavailableError,
        "DNS does not know the host {host}. Check its spelling in the connection, and DNS on the "
        "Airflow workers.",
    ),
    (
        requests.Timeout,
        SourceUnavailableError,
        "{host} did not answer within {timeout:g} seconds. If it is always this slow, raise source.timeout "
        "in the connector file.",
    ),
    (
        requests.ConnectionError,
        SourceUnavailableError,
        "There is no connection to {host}, or it broke off before the answer. Check the connection's host "
        "and port, and the way out of your network.",
    ),
)


def place(url: str) -> str:
    """Return an address as messages name it: without its query, which may hold anything."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def connection_error(error: OSError, url: str, timeout: float) -> SourceError | ConnectorError:
    """Return what stands behind a request that got no answer, as an error of ours."""
    causes = _causes(error)
    for fault, meaning, text in FAULTS:
        if any(isinstance(cause, fault) for cause in causes):
            return meaning(text.format(host=urlsplit(url).netloc, timeout=timeout))
    return ConnectorError(
        f"{place(url)} cannot be asked at all. Check the connection's host, and that the files named by "
        '"verify" and "cert" in its extra are there on every worker.'
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


def judge_status(response: requests.Response, conn_id: str, fields_asked: bool) -> None:
    """Raise a SourceError unless the status is 200."""
    status = response.status_code
    if status == 200:
        return
    what = f"Codebashing answered {status} at {place(response.url)}."
    if status >= 500 or status in TRY_AGAIN:
        raise _unavailable(what, response.headers.get("Retry-After"))
    remedy = REMEDIES.get(status, OTHER_REMEDY)
    if 300 <= status < 400:
        what += f" That is a redirect to {_target(response)}, and redirects are not followed."
        remedy = REDIRECT
    elif status in FIELDS_REFUSED and fields_asked:
        remedy = FIELDS
    raise SourceError(f"{what} {remedy.format(conn_id=conn_id)}")


def _target(response: requests.Response) -> str:
    try:
        host = urlsplit(response.headers.get("Location", "")).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    return host or "another path"


def _unavailable(what: str, retry_after: str | None) -> SourceUnavailableError:
    seconds = _seconds(retry_after)
    asks = f" It asks to wait {seconds:.0f} seconds." if seconds else ""
    error = SourceUnavailableError(
        f"{what}{asks} If that stays so, move the schedule to a quieter hour or ask Codebashing's support."
    )
    error.retry_after = seconds
    return error


def _seconds(retry_after: str | None) -> float | None:
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

"""One request to the Codebashing API: signed, judged, and asked again where that heals.

Judges what a request came to, before its body is read: whose move it is, and what to do.

No message holds more of the answer than its status and, for a redirect, the host it points to.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from include.codebashing_lms.config.source import Source
from include.codebashing_lms.connections.http_errors import (
    explain_request_error,
    parse_retry_after,
    redirect_target,
    without_query,
)
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.errors import (
    CodebashingLmsError,
    ConnectorError,
    SourceError,
    SourceUnavailableError,
)

Result = TypeVar("Result")

_LOG = logging.getLogger(__name__)
_HEADER_SAFE = re.compile(r"[!#-~]+")


@dataclass(frozen=True)
class SourceCredentials:
    """Where the API is, and what opens it."""

    site: HttpConnection
    token: str = field(repr=False)
    api_key: str = field(repr=False)


@dataclass(frozen=True)
class RetryPolicy:
    """How often a request is tried, and how many seconds lie in between, doubling each time."""

    attempts: int = 5
    first_wait: float = 4.0
    longest_wait: float = 120.0


RETRY_POLICY = RetryPolicy()


@dataclass(frozen=True)
class SourceClient:
    """The API, ready to be asked."""

    source: Source
    access: SourceCredentials
    patience: RetryPolicy
    session: requests.Session

    def get(self, url: str, params: dict[str, str] | None) -> requests.Response:
        """Return an answer with status 200, its body unread; the caller closes it."""
        try:
            response = self.session.get(
                url,
                params=params,
                headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
                auth=self._sign,
                timeout=self.source.timeout,
                stream=True,
                allow_redirects=False,
            )
        except OSError as error:
            raise connection_error(error, url, self.source.timeout) from None
        try:
            check_status(response, self.source.conn_id, bool(params and self.source.fields_param in params))
        except CodebashingLmsError:
            response.close()
            raise
        return response

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the credentials. As `auth`, because else requests prefers what a .netrc says about the host."""
        token, conn_id = self.access.token, self.source.conn_id
        _check("token (the connection's password)", token, conn_id)
        _check("api_key (in the connection's extra)", self.access.api_key, conn_id)
        request.headers["X-API-KEY"] = self.access.api_key
        request.headers["Authorization"] = (
            f'Token token="{token}"' if self.source.auth == "token" else f"Bearer {token}"
        )
        return request

    def persistently(self, attempt: Callable[[], Result]) -> Result:
        """Return what an attempt returns; repeat it as long as its errors heal and patience lasts."""
        retrying = Retrying(
            retry=retry_if_exception(self._worth_another_try),
            stop=stop_after_attempt(self.patience.attempts),
            wait=self._wait,
            before_sleep=_log_failure,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except CodebashingLmsError as error:
            attempts = retrying.statistics["attempt_number"]
            if attempts == 1:
                raise
            raise type(error)(f"{error} This was attempt {attempts}.") from None

    def _wait(self, state: RetryCallState) -> float:
        wait = self.patience.first_wait * 2 ** (state.attempt_number - 1)
        return _asked_to_wait(_error(state)) or min(wait, self.patience.longest_wait)

    def _worth_another_try(self, error: BaseException) -> bool:
        """Tell whether to try again here; a longer wait is left to the scheduler's next try."""
        heals = isinstance(error, CodebashingLmsError) and error.retryable
        return heals and _asked_to_wait(error) <= self.patience.longest_wait


def _check(what: str, secret: str, conn_id: str) -> None:
    if not _HEADER_SAFE.fullmatch(secret):
        raise ConnectorError(
            f"The {what} of the Airflow connection {conn_id} is empty, or holds a blank, a quote, "
            "a line break or a character outside ASCII. Copy it anew from Codebashing."
        )


def _asked_to_wait(error: BaseException | None) -> float:
    """Return the seconds the server asked to wait, 0 where it did not say."""
    return getattr(error, "retry_after", None) or 0.0


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _log_failure(state: RetryCallState) -> None:
    wait = state.next_action.sleep if state.next_action else 0
    _LOG.warning("Attempt %s failed, next in %.1f seconds: %s", state.attempt_number, wait, _error(state))


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


def connection_error(error: OSError, url: str, timeout: float) -> CodebashingLmsError:
    """Return what stands behind a request that got no answer, as an error of ours."""
    return explain_request_error(error, url, timeout, "source", SourceError, SourceUnavailableError)


def check_status(response: requests.Response, conn_id: str, fields_asked: bool) -> None:
    """Raise a SourceError unless the status is 200."""
    status = response.status_code
    if status == 200:
        return
    what = f"Codebashing answered {status} at {without_query(response.url)}."
    if status >= 500 or status in TRY_AGAIN:
        raise _unavailable(what, response.headers.get("Retry-After"))
    remedy = REMEDIES.get(status, OTHER_REMEDY)
    if 300 <= status < 400:
        what += f" That is a redirect to {redirect_target(response)}, and redirects are not followed."
        remedy = REDIRECT
    elif status in FIELDS_REFUSED and fields_asked:
        remedy = FIELDS
    raise SourceError(f"{what} {remedy.format(conn_id=conn_id)}")


def _unavailable(what: str, retry_after: str | None) -> SourceUnavailableError:
    seconds = parse_retry_after(retry_after)
    asks = f" It asks to wait {seconds:.0f} seconds." if seconds else ""
    error = SourceUnavailableError(
        f"{what}{asks} If that stays so, move the schedule to a quieter hour or ask Codebashing's support."
    )
    error.retry_after = seconds
    return error

"""One signed request to the Codebashing API: its status is checked, and it is retried where that helps.

The status is checked before the body is read. Error messages hold no more of an answer than its status and,
for a redirect, the host that it names.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
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
from include.codebashing_lms.errors import CodebashingLmsError, SourceError, SourceUnavailableError

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetryPolicy:
    """How often a request is tried. The wait between two attempts doubles each time; waits are in seconds."""

    attempts: int = 5
    first_wait: float = 4.0
    longest_wait: float = 120.0


@dataclass(frozen=True)
class SourceClient:
    """The API of Codebashing.

    :param url: the address of the endpoint.
    :param session: signs each request, see `signed_session`.
    """

    source: Source
    url: str
    session: requests.Session
    retry_policy: RetryPolicy = RetryPolicy()

    def get(self, url: str, params: dict[str, str] | None) -> requests.Response:
        """Return an answer with status 200, its body unread; the caller closes it.

        :raises SourceUnavailableError: no answer, or a status that another attempt may change.
        :raises SourceError: any other status.
        """
        try:
            response = self.session.get(
                url,
                params=params,
                headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
                timeout=self.source.timeout,
                stream=True,
                allow_redirects=False,
            )
        except OSError as error:
            kinds = SourceError, SourceUnavailableError
            raise explain_request_error(error, url, self.source.timeout, "source", *kinds) from None
        try:
            check_status(response, self.source.conn_id, bool(params and self.source.fields_param in params))
        except CodebashingLmsError:
            response.close()
            raise
        return response

    def with_retries(self, attempt: Callable[[], Result]) -> Result:
        """Return what an attempt returns; repeat the attempt while its errors are retryable."""
        retrying = Retrying(
            retry=retry_if_exception(self._is_worth_another_attempt),
            stop=stop_after_attempt(self.retry_policy.attempts),
            wait=self._wait,
            before_sleep=_log_failure,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except CodebashingLmsError as error:
            attempts = retrying.statistics["attempt_number"]
            if attempts > 1:
                error.add_context(after=f" This was attempt {attempts}.")
            raise

    def _wait(self, state: RetryCallState) -> float:
        wait = self.retry_policy.first_wait * 2 ** (state.attempt_number - 1)
        return _requested_wait(_error(state)) or min(wait, self.retry_policy.longest_wait)

    def _is_worth_another_attempt(self, error: BaseException) -> bool:
        """Leave a longer wait to Airflow's next try of the task."""
        retryable = isinstance(error, CodebashingLmsError) and error.retryable
        return retryable and _requested_wait(error) <= self.retry_policy.longest_wait


def _requested_wait(error: BaseException | None) -> float:
    return getattr(error, "retry_after", None) or 0.0


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _log_failure(state: RetryCallState) -> None:
    wait = state.next_action.sleep if state.next_action else 0
    logger.warning("Attempt %s failed, next in %.1f seconds: %s", state.attempt_number, wait, _error(state))


RETRYABLE = (408, 425, 429)
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
        "Check the tenant in the host of the Airflow connection {conn_id}, and source.endpoint in the connector file."
    ),
}
OTHER_REMEDY = "Check source.endpoint in the connector file, and whether a proxy stands in between."


def check_status(response: requests.Response, conn_id: str, fields_requested: bool) -> None:
    """Raise a SourceError unless the status is 200."""
    status = response.status_code
    if status == 200:
        return
    answer = f"Codebashing answered {status} at {without_query(response.url)}."
    if status >= 500 or status in RETRYABLE:
        raise _unavailable(answer, response.headers.get("Retry-After"))
    remedy = REMEDIES.get(status, OTHER_REMEDY)
    if 300 <= status < 400:
        answer += f" That is a redirect to {redirect_target(response)}, and redirects are not followed."
        remedy = REDIRECT
    elif status in FIELDS_REFUSED and fields_requested:
        remedy = FIELDS
    raise SourceError(f"{answer} {remedy.format(conn_id=conn_id)}")


def _unavailable(answer: str, retry_after: str | None) -> SourceUnavailableError:
    seconds = parse_retry_after(retry_after)
    request = f" It asks to wait {seconds:.0f} seconds." if seconds else ""
    return SourceUnavailableError(
        f"{answer}{request} If that stays so, move the schedule to a quieter hour or ask Codebashing's support.",
        retry_after=seconds,
    )

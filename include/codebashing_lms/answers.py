"""Judges what a request came to, before its body is read: whose move it is, and what to do.

No message holds more of the answer than its status and, for a redirect, the host it points to.
"""

import requests

from include.codebashing_lms.errors import CodebashingLmsError, SourceError, SourceUnavailableError
from include.codebashing_lms.http_faults import failure, place, redirect_target, seconds_to_wait

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
    return failure(error, url, timeout, "source", SourceError, SourceUnavailableError)


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
        what += f" That is a redirect to {redirect_target(response)}, and redirects are not followed."
        remedy = REDIRECT
    elif status in FIELDS_REFUSED and fields_asked:
        remedy = FIELDS
    raise SourceError(f"{what} {remedy.format(conn_id=conn_id)}")


def _unavailable(what: str, retry_after: str | None) -> SourceUnavailableError:
    seconds = seconds_to_wait(retry_after)
    asks = f" It asks to wait {seconds:.0f} seconds." if seconds else ""
    error = SourceUnavailableError(
        f"{what}{asks} If that stays so, move the schedule to a quieter hour or ask Codebashing's support."
    )
    error.retry_after = seconds
    return error

"""What the answer of an import endpoint means; its body is read for the rules, and never shown."""

import json
import re
from typing import Any

import requests

from include.codebashing_lms.config.delivery import Success
from include.codebashing_lms.connections.http_errors import parse_retry_after, redirect_target
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError

LARGEST_ANSWER = 1 << 20
LARGEST_REPORT = 64 << 20
BLOCK_BYTES = 1 << 14
RETRYABLE = (408, 425, 429)
NOT_DELIVERED = (401, 403, 404, 405, 411, 413, 415, 429)  # with others, a part may have been imported
MEDIA_TYPE = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,60}")
ADVICE = {
    403: "The login works but may not import: ask the LMS's administrator for that right.",
    404: "Nothing is there: correct the connection's host or delivery.endpoint.",
    405: "It takes no POST: correct delivery.endpoint.",
    413: "The file is too large for it: ask the LMS's administrator to raise the limit of uploads.",
    415: "It does not take this kind of upload: try the other one of delivery.upload: multipart, raw.",
}
OTHER_ADVICE = "The LMS refused the file: its own import log says why."
LENGTH = {"content-length", "transfer-encoding"}
MISSING = object()


def check_upload(answer: requests.Response, success: Success, address: str, conn_id: str, reads: bool) -> bytes:
    """Return the body if the answer says that the file was accepted, else raise what it says.

    :param reads: whether the caller needs the body; else it is read only for the rules.
    """
    code = answer.status_code
    not_delivered = 300 <= code < 400 or code in NOT_DELIVERED
    refuse_redirect(answer, address, not_delivered)
    refuse_login(answer, address, conn_id, not_delivered)
    if code in RETRYABLE or code >= 500:
        raise retry_later(answer, address, not_delivered)
    if not 200 <= code < 300:
        raise DeliveryError(
            f"{address} answered {summary(answer)}. {ADVICE.get(code, OTHER_ADVICE)}", not_delivered=not_delivered
        )
    has_rules = success.json_values or success.matches or success.rejects
    body = body_of(answer, LARGEST_REPORT if reads else LARGEST_ANSWER) if reads or has_rules else b""
    broken = _broken_rule(body, success) if has_rules else None
    if broken:
        raise DeliveryError(
            f"{address} answered {summary(answer)}, but not that the file was accepted: delivery.success."
            f"{broken}. Look into the LMS's import log; if the file is there, correct delivery.success."
        )
    return body


def refuse_redirect(answer: requests.Response, address: str, not_delivered: bool = False) -> None:
    """Raise if the endpoint redirects; no redirect is followed, as credentials would go along."""
    if 300 <= answer.status_code < 400:
        raise DeliveryError(
            f"{address} redirects ({answer.status_code}) to {redirect_target(answer)}; "
            "this is not followed, to keep file and credentials where they belong. "
            "Set the connection's host and delivery.endpoint to the final address.",
            not_delivered=not_delivered,
        )


def refuse_login(answer: requests.Response, address: str, conn_id: str, not_delivered: bool = False) -> None:
    """Raise if the login was refused."""
    if answer.status_code == 401:
        raise DeliveryError(
            f"{address} refused the login of the connection {conn_id} (status 401). It is not tried again. "
            "A token is the connection's password with no login; basic authentication has both.",
            not_delivered=not_delivered,
        )


def retry_later(answer: requests.Response, address: str, not_delivered: bool = False) -> DeliveryUnavailableError:
    """Return the error for an answer that asks to come again."""
    return DeliveryUnavailableError(
        f"{address} is not able to take the file now ({summary(answer)}).",
        not_delivered=not_delivered,
        retry_after=parse_retry_after(answer.headers.get("Retry-After")),
    )


def summary(answer: requests.Response) -> str:
    """Describe an answer by status, media type and length; free text of its server is never shown."""
    media_type = MEDIA_TYPE.match(answer.headers.get("Content-Type", ""))
    length = answer.headers.get("Content-Length", "")
    kind = media_type.group() if media_type else "no content type"
    return f"status {answer.status_code}, {kind}, {length if length.isdecimal() else 'unknown number of'} bytes"


def _broken_rule(body: bytes, success: Success) -> str | None:
    text = body.decode("utf-8", "replace")
    if success.matches and not re.search(success.matches, text):
        return "matches is not found in the body"
    if success.rejects and re.search(success.rejects, text):
        return "rejects is found in the body"
    return _broken_json_rule(body, success.json_values)


def _broken_json_rule(body: bytes, expected: dict[str, Any]) -> str | None:
    if not expected:
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return "json wants JSON, and the body is none"
    for path, value in expected.items():
        answered = at(document, path)
        if answered is MISSING:
            return f"json: {path} is not in the body"
        # True equals 1 in Python, but not in JSON.
        if isinstance(answered, bool) is not isinstance(value, bool) or answered != value:
            return f"json: {path} is not {value!r}"
    return None


def at(document: Any, path: str) -> Any:
    """Return the value at a dotted path, else MISSING; a number is an index of a list."""
    for part in path.split("."):
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return MISSING
    return document


def body_of(answer: requests.Response, largest: int = LARGEST_ANSWER, not_delivered: bool = False) -> bytes:
    """Read the body, at most `largest` bytes; raise where it is truncated, which iter_content hides."""
    body = bytearray()
    while block := answer.raw.read(BLOCK_BYTES, decode_content=True):
        body += block
        if len(body) > largest:
            raise DeliveryError(
                f"The answer ({summary(answer)}) is too long to be judged by delivery.success: is "
                "delivery.endpoint the import endpoint? The LMS's import log says whether the file is there.",
                not_delivered=not_delivered,
            )
    if not body and answer.status_code != 204 and not LENGTH.intersection(map(str.lower, answer.headers)):
        raise DeliveryUnavailableError("The answer broke off within its headers.", not_delivered=not_delivered)
    return bytes(body)

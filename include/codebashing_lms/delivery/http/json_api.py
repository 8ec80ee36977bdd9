"""Answers of an LMS's programming interface: their status, their JSON, and the reason of a refusal."""

import base64
import json
from collections.abc import Iterable
from typing import Any

import requests

from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.http.answers import (
    RETRYABLE,
    body_of,
    refuse_login,
    refuse_redirect,
    retry_later,
    summary,
)
from include.codebashing_lms.delivery.http.client import LmsSession
from include.codebashing_lms.delivery.transport import LONGEST_REASON
from include.codebashing_lms.errors import DeliveryError

LARGEST_DOCUMENT = 256 << 20
TEXT_KEYS = ("detail", "message", "error", "errors", "msg", "title", "text")
DEEPEST = 4
LONGEST_NUMBER = 18


def status_of(answer: requests.Response, session: LmsSession) -> int:
    """Return the status of an answer; raise where the answer is not about the request itself."""
    address, not_delivered = session.address, session.not_delivered
    refuse_redirect(answer, address, not_delivered)
    refuse_login(answer, address, session.client.delivery.conn_id, not_delivered)
    if answer.status_code in RETRYABLE or answer.status_code >= 500:
        raise retry_later(answer, address, not_delivered)
    return answer.status_code


def refusal_error(answer: requests.Response, session: LmsSession, what: str, rights: str = "") -> DeliveryError:
    """Return the error for an answer that refuses a request as a whole.

    :param what: what the LMS did not do, after `did not`.
    :param rights: which rights the request takes.
    """
    advice = ""
    if answer.status_code == 403:
        advice = f"The login works but lacks the right: ask the LMS's administrator for it. {rights}"
    elif answer.status_code in (404, 405):
        advice = "Nothing is there: correct the connection's host or delivery.endpoint."
    return DeliveryError(
        f"{session.address} did not {what} ({summary(answer)}). {advice}".rstrip(), not_delivered=session.not_delivered
    )


def json_of(answer: requests.Response, session: LmsSession) -> Any:
    """Return the JSON of an answer, LARGEST_DOCUMENT bytes at most."""
    try:
        return json.loads(body_of(answer, LARGEST_DOCUMENT, session.not_delivered))
    except (ValueError, RecursionError):
        raise DeliveryError(
            f"{session.address} answered {summary(answer)}, which is no JSON: a sign-in page or a proxy, "
            "or delivery.endpoint is not what the LMS offers programs.",
            not_delivered=session.not_delivered,
        ) from None


def dicts_in(items: Any) -> list[dict[str, Any]]:
    """Return the objects of a JSON list, nothing for any other value."""
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def whole_number(value: Any) -> int | None:
    """Return a value as a whole number, None where it is no count and no numeric ID."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else None


def secrets_of(connection: HttpConnection) -> list[str]:
    """Return what must stand in no list, in all forms in which a server may echo it."""
    if not connection.password:
        return []
    basic = f"{connection.login or ''}:{connection.password}".encode()
    return [base64.b64encode(basic).decode(), connection.password]


def safe_reason(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the LMS's reason of a refusal for a list that people read: one short line without secrets."""
    for secret in secrets:
        text = text.replace(secret, "***")
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


def error_text(document: Any, depth: int = 0) -> str:
    """Return the text of an error document of any shape: every LMS has its own."""
    if isinstance(document, str):
        return document
    if depth >= DEEPEST:
        return ""
    if isinstance(document, list):
        texts = [error_text(item, depth + 1) for item in document]
    elif isinstance(document, dict):
        texts = [error_text(document[name], depth + 1) for name in TEXT_KEYS if name in document]
    else:
        return ""
    return "; ".join(filter(None, texts))


def refusal_reason(answer: requests.Response, session: LmsSession) -> str:
    """Return the reason of a refusal, from the body of its answer."""
    return reason_in(body_of(answer, not_delivered=session.not_delivered), answer, session)


def reason_in(body: bytes, answer: requests.Response, session: LmsSession) -> str:
    """Return the reason of a refusal, from a body that was read."""
    try:
        text = error_text(json.loads(body))
    except (ValueError, RecursionError):
        text = "" if body.lstrip().startswith(b"<") else body.decode("utf-8", "replace")
    reason = f"{answer.status_code}: {text}" if text else summary(answer)
    return safe_reason(reason, secrets_of(session.client.connection))

"""Answers of an LMS's programming interface: their status, their JSON, and the LMS's word for a refusal."""

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
from include.codebashing_lms.delivery.http.client import LmsClient
from include.codebashing_lms.delivery.transport import LONGEST_REASON
from include.codebashing_lms.errors import DeliveryError

LARGEST_DOCUMENT = 256 << 20
WORDS = ("detail", "message", "error", "errors", "msg", "title", "text")
DEEPEST = 4
LONGEST_NUMBER = 18


def status_of(answer: requests.Response, calls: LmsClient) -> int:
    """Return the status of an answer; raise where it says nothing of what was asked."""
    refuse_redirect(answer, calls.address)
    refuse_login(answer, calls.address, calls.delivery.conn_id)
    if answer.status_code in RETRYABLE or answer.status_code >= 500:
        raise retry_later(answer, calls.address)
    return answer.status_code


def refusal_error(answer: requests.Response, calls: LmsClient, what: str, rights: str = "") -> DeliveryError:
    """Return an error for an answer that refuses all of what was asked.

    :param rights: which rights it takes.
    """
    advice = ""
    if answer.status_code == 403:
        advice = f"The login works but lacks the right: ask the LMS's administrator for it. {rights}"
    elif answer.status_code in (404, 405):
        advice = "Nothing is there: correct the connection's host or delivery.endpoint."
    return DeliveryError(f"{calls.address} did not {what} ({summary(answer)}). {advice}".rstrip())


def json_of(answer: requests.Response, calls: LmsClient, largest: int = LARGEST_DOCUMENT) -> Any:
    """Return the JSON of an answer."""
    try:
        return json.loads(body_of(answer, largest))
    except (ValueError, RecursionError):
        raise DeliveryError(
            f"{calls.address} answered {summary(answer)}, which is no JSON: a sign-in page or a proxy, "
            "or delivery.endpoint is not what the LMS offers programs."
        ) from None


def dicts_in(items: Any) -> list[dict[str, Any]]:
    """Return the objects of what should be a list of them."""
    return [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []


def whole_number(value: Any) -> int | None:
    """Return a number that counts or names something, None for anything else."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else None


def secrets_of(connection: HttpConnection) -> list[str]:
    """Return what must be in no list, in all the forms in which a server may echo it."""
    if not connection.password:
        return []
    basic = f"{connection.login or ''}:{connection.password}".encode()
    return [base64.b64encode(basic).decode(), connection.password]


def safe_reason(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the LMS's word for a refusal as it may stand in a list for people: one short line."""
    for secret in secrets:
        text = text.replace(secret, "***")
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


def error_text(document: Any, depth: int = 0) -> str:
    """Return what an error document says in words, whatever its shape: LMSs agree on none."""
    if isinstance(document, str):
        return document
    if depth >= DEEPEST:
        return ""
    if isinstance(document, list):
        said = [error_text(one, depth + 1) for one in document]
    elif isinstance(document, dict):
        said = [error_text(document[name], depth + 1) for name in WORDS if name in document]
    else:
        return ""
    return "; ".join(filter(None, said))


def refusal_reason(answer: requests.Response, calls: LmsClient) -> str:
    """Return why a request was refused, as its answer says it."""
    body = body_of(answer)
    try:
        said = error_text(json.loads(body))
    except (ValueError, RecursionError):
        said = "" if body.lstrip().startswith(b"<") else body.decode("utf-8", "replace")
    return safe_reason(
        f"{answer.status_code}: {said}" if said else summary(answer), secrets_of(calls.connection)
    )

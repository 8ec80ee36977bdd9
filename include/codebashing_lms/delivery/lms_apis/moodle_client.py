"""Calls of Moodle's web services: one address, errors with status 200, the token a field of a form.

PHP may print a notice before the JSON, and a page of HTML may stand in the place of the JSON.
"""

import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from include.codebashing_lms.delivery.http.answers import body_of
from include.codebashing_lms.delivery.http.client import LmsSession, password_of, with_retries
from include.codebashing_lms.delivery.http.json_api import (
    LARGEST_DOCUMENT,
    refusal_error,
    safe_reason,
    secrets_of,
    status_of,
)
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError

Fields = Iterable[tuple[str, object]]
CODE = re.compile(r"[A-Za-z0-9_/-]{1,60}")
RETRYABLE = re.compile(r"sitemaintenance|upgraderunning|maintenance|dml.*|ex_db.*|.*timeout", re.IGNORECASE)
LOGIN = ("invalidtoken", "invalidlogin", "tokenexpired", "ipaddressnotallowed", "iprestriction")
NO_ACCESS = ("accessexception", "servicenotavailable", "enablewsdescription", "webservicesnotenabled")
NO_JSON = "no JSON"
STARTS_JSON = re.compile(r'(?:\A|[>\n])[\s\ufeff]*(?=[\[{"\dtfn-])')
NO_WORDS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class MoodleError:
    """What Moodle answers where it does not do what a call asks.

    :param reason: Moodle's code and text, for lists that people read.
    """

    code: str
    reason: str


def form(token: str, function: str, fields: Fields) -> bytes:
    """Return the body of a call."""
    named = [("wstoken", token), ("moodlewsrestformat", "json"), ("wsfunction", function)]
    return urlencode([*named, *fields]).encode()


@dataclass(frozen=True)
class MoodleClient:
    """Calls of one Moodle over one session."""

    session: LmsSession

    def call(self, function: str, fields: Fields = ()) -> Any:
        """Return what a function answers, or a MoodleError; raise where every call would fail."""
        answer = self.attempt(function, fields)
        if isinstance(answer, MoodleError) and answer.code == NO_JSON:
            raise DeliveryError(
                f"{self.session.address} answered {function} with no JSON: a sign-in page or a proxy, or "
                "delivery.endpoint is not what Moodle offers programs.",
                not_delivered=self.session.not_delivered,
            )
        return answer

    def attempt(self, function: str, fields: Fields = ()) -> Any:
        """Return as `call` does, and a MoodleError also for a page without JSON: the caller looks further."""
        client = self.session.client
        body = form(password_of(client.connection, client.delivery.conn_id), function, fields)
        return with_retries(self.session.until)(self._call, function, body)

    def must(self, function: str, fields: Fields = ()) -> Any:
        """Return what a function answers; raise where it refuses."""
        answer = self.call(function, fields)
        if isinstance(answer, MoodleError):
            raise DeliveryError(
                f"{self.session.address} refused {function} ({answer.code}). Check the rights of the token's "
                "user and what its web service allows.",
                not_delivered=self.session.not_delivered,
            )
        return answer

    def _call(self, function: str, body: bytes) -> Any:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        with self.session.answer("POST", data=body, headers=headers) as answer:
            if status_of(answer, self.session) != 200:
                raise refusal_error(answer, self.session, f"answer {function}")
            text = body_of(answer, LARGEST_DOCUMENT, self.session.not_delivered).decode("utf-8", "replace")
        document = document_in(text)
        if isinstance(document, MoodleError):
            return self._error(NO_JSON, text)
        if not isinstance(document, dict) or not {"exception", "errorcode", "error"} & set(document):
            return document
        code = str(document.get("errorcode") or "unknown")
        code = code if CODE.fullmatch(code) else "unknown"
        self._check_code(code)
        return self._error(code, str(document.get("message") or document.get("error") or ""))

    def _error(self, code: str, text: str) -> MoodleError:
        words = html.unescape(NO_WORDS.sub(" ", text))
        return MoodleError(code, safe_reason(f"{code}: {words}", secrets_of(self.session.client.connection)))

    def _check_code(self, code: str) -> None:
        """Raise where an error is about the connection, or about this moment."""
        kind = DeliveryError
        if RETRYABLE.fullmatch(code):
            kind, wrong = DeliveryUnavailableError, f"is not able to answer now ({code})."
        elif code in LOGIN:
            wrong = (
                f"refused the token of the connection {self.session.client.delivery.conn_id} "
                f"({code}). It is not tried again. The token is the connection's password; its validity and "
                "the addresses it may be used from are in Site administration > Server > Web services > "
                "Manage tokens."
            )
        elif code in NO_ACCESS:
            wrong = (
                f"does not let the token call this ({code}). Web services and the REST "
                "protocol must be on, the token's user needs the right webservice/rest:use, and the token's "
                "service must have the functions it needs."
            )
        else:
            return
        raise kind(f"{self.session.address} {wrong}", not_delivered=self.session.not_delivered)


def document_in(text: str) -> Any:
    """Return the JSON at the end of an answer, a MoodleError where there is none."""
    decoder = json.JSONDecoder()
    for start in STARTS_JSON.finditer(text):
        try:
            document, end = decoder.raw_decode(text, start.end())
        except (ValueError, RecursionError):
            continue
        if not text[end:].strip():
            return document
    return MoodleError(NO_JSON, NO_JSON)

"""Calls of Moodle's web services: one address, errors with status 200, the token a field of a form."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from include.codebashing_lms.delivery.http.client import LmsSession, password_of, with_retries
from include.codebashing_lms.delivery.http.json_api import (
    json_of,
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


@dataclass(frozen=True)
class MoodleError:
    """What Moodle answers instead of what was asked.

    :param word: its code and its words, for lists that people read.
    """

    code: str
    word: str


def form(token: str, function: str, fields: Fields) -> bytes:
    """Return the body of a call."""
    named = [("wstoken", token), ("moodlewsrestformat", "json"), ("wsfunction", function)]
    return urlencode([*named, *fields]).encode()


@dataclass(frozen=True)
class MoodleClient:
    """Moodle on the line."""

    conversation: LmsSession

    def call(self, function: str, fields: Fields = ()) -> Any:
        """Return what a function answers, or a MoodleError; raise where nothing can be asked at all."""
        calls = self.conversation.calls
        body = form(password_of(calls.connection, calls.delivery.conn_id), function, fields)
        return with_retries(self.conversation.until)(self._call, function, body)

    def must(self, function: str, fields: Fields = ()) -> Any:
        """Return what a function answers; raise where it refuses."""
        answer = self.call(function, fields)
        if isinstance(answer, MoodleError):
            raise DeliveryError(
                f"{self._address} refused {function} ({answer.code}). Check the rights of the token's user "
                "and what its web service allows."
            )
        return answer

    @property
    def _address(self) -> str:
        return self.conversation.calls.address

    def _call(self, function: str, body: bytes) -> Any:
        calls = self.conversation.calls
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        with self.conversation.answer("POST", data=body, headers=headers) as answer:
            if status_of(answer, calls) != 200:
                raise refusal_error(answer, calls, f"answer {function}")
            document = json_of(answer, calls)
        if not isinstance(document, dict) or not {"exception", "errorcode", "error"} & set(document):
            return document
        code = str(document.get("errorcode") or "unknown")
        code = code if CODE.fullmatch(code) else "unknown"
        self._judge(code)
        said = document.get("message") or document.get("error") or ""
        return MoodleError(code, safe_reason(f"{code}: {said}", secrets_of(calls.connection)))

    def _judge(self, code: str) -> None:
        """Raise where an error is about the connection, or heals."""
        conn_id = self.conversation.calls.delivery.conn_id
        if RETRYABLE.fullmatch(code):
            raise DeliveryUnavailableError(f"{self._address} is not able to answer now ({code}).")
        if code in LOGIN:
            raise DeliveryError(
                f"{self._address} refused the token of the connection {conn_id} ({code}). It is not tried "
                "again. The token is the connection's password; its validity and the addresses it may be "
                "used from are in Site administration > Server > Web services > Manage tokens."
            )
        if code in NO_ACCESS:
            raise DeliveryError(
                f"{self._address} does not let the token call this ({code}). Web services and the REST "
                "protocol must be on, and the token's service must have the functions it needs."
            )

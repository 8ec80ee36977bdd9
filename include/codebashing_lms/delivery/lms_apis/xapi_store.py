"""What a learning record store does with statements, and what that means.

A statement's ID follows from what it says, so sending it again is harmless: a store keeps the first one. How
it says so differs. Some answer 204; others refuse a whole batch with 409 because of one statement that they
have: then each is looked up, and what is missing is sent alone. One bad statement refuses its whole batch
everywhere: the batch is halved until it is found.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests

from include.codebashing_lms.delivery.http.answers import retry_later
from include.codebashing_lms.delivery.http.client import LmsClient, LmsSession, with_retries
from include.codebashing_lms.delivery.http.json_api import (
    dicts_in,
    json_of,
    refusal_error,
    refusal_reason,
    status_of,
)
from include.codebashing_lms.delivery.transport import Refusal
from include.codebashing_lms.errors import DeliveryError

TAKEN = (200, 204)
CONFLICT = 409
OF_EVERY_STATEMENT = (403, 404, 405, 415)
BROKEN = 500
REFUSED_OUTRIGHT = 25  # so many refusals before the first success are not about single people
ILL = 3  # a store that breaks at so many single statements in a row is ill, not the statements
DIFFERENT = "409: the store has another statement under this ID and keeps it"
NOT_SHOWN = "409: the store neither takes this statement nor shows one under its ID; it may be voided"
RIGHTS = "It takes those to write statements and to read them."


@dataclass(frozen=True)
class Statement:
    """A statement as it is staged, and its number in the file."""

    row: int
    raw: bytes


@dataclass
class StatementStore:
    """A store that is being told statements.

    :param took: whether it took anything that it did not have.
    :param agreed: whether it has any of the statements now.
    """

    conversation: LmsSession
    address: str
    headers: dict[str, str]
    took: bool = False
    agreed: bool = False
    _refused: int = 0
    _broken_in_a_row: int = field(default=0, repr=False)

    @property
    def until(self) -> float:
        """Return when all has to be done."""
        return self.conversation.until

    def take(self, batch: list[Statement]) -> list[Refusal]:
        """Have a batch stored; return what the store refuses of it, down to the single statement."""
        status, word = with_retries(self.until)(self._post, batch)
        if status in TAKEN:
            self.agreed = True
            self.took = self.took or status == 200
            return []
        if status == CONFLICT:
            return self._compare(batch)
        if len(batch) == 1:
            return [self._refusal(batch[0], word)]
        return self._halves(batch)

    @contextmanager
    def answer(self, method: str, url: str = "", **request: Any) -> Iterator[requests.Response]:
        """Give the store's answer to a request."""
        headers = self.headers | request.pop("headers", {})
        with self.conversation.answer(method, url or self.address, headers=headers, **request) as answer:
            yield answer

    @property
    def _calls(self) -> LmsClient:
        return self.conversation.calls

    def _halves(self, batch: list[Statement]) -> list[Refusal]:
        middle = len(batch) // 2
        return self.take(batch[:middle]) + self.take(batch[middle:])

    def _post(self, batch: list[Statement]) -> tuple[int, str]:
        """Send a batch; return the status, and the store's word where it refuses a single statement."""
        body = b"[" + b",".join(one.raw for one in batch) + b"]"
        with self.answer("POST", data=body, headers={"Content-Type": "application/json"}) as answer:
            if answer.status_code == BROKEN:
                self._judge_breakdown(answer, len(batch))
            elif status_of(answer, self._calls) in OF_EVERY_STATEMENT:
                raise refusal_error(answer, self._calls, "take statements", RIGHTS)
            else:
                self._broken_in_a_row = 0
            if answer.status_code == 200 and not isinstance(json_of(answer, self._calls), list):
                return CONFLICT, ""  # some take what they like of a batch, and say so in a form of their own
            telling = answer.status_code not in (*TAKEN, CONFLICT) and len(batch) == 1
            return answer.status_code, refusal_reason(answer, self._calls) if telling else ""

    def _judge_breakdown(self, answer: requests.Response, statements: int) -> None:
        """Raise where the store is ill: some break down at a bad statement instead of refusing it."""
        if statements > 1:
            return
        self._broken_in_a_row += 1
        if not self.agreed or self._broken_in_a_row >= ILL:
            raise retry_later(answer, self._calls.address)

    def _refusal(self, statement: Statement, word: str) -> Refusal:
        self._refused += 1
        if self._refused >= REFUSED_OUTRIGHT and not self.agreed:
            error = DeliveryError(
                f"{self.address} took none of the first {self._refused} statements. That is not about single "
                "people: check lms.options (version, home_page, the courses' IDs) with the store's "
                "administrator. Nothing was stored."
            )
            error.nothing_taken = True
            raise error
        return Refusal(word, statement.row)

    def _compare(self, batch: list[Statement]) -> list[Refusal]:
        """Look up the statements of a batch with a conflict; send those alone that the store lacks."""
        missing, refusals = [], []
        for one in batch:
            document = json.loads(one.raw)
            stored = with_retries(self.until)(self._stored, str(document.get("id")))
            if stored is None:
                missing.append(one)
            elif comparable(stored) == comparable(document):
                self.agreed = True
            else:
                refusals.append(Refusal(DIFFERENT, one.row))
        if len(missing) < len(batch):
            return refusals + (self.take(missing) if missing else [])
        return [Refusal(NOT_SHOWN, batch[0].row)] if len(batch) == 1 else self._halves(batch)

    def _stored(self, statement_id: str) -> dict[str, Any] | None:
        """Return what the store has under an ID; some answer with a list where one was asked for."""
        with self.answer("GET", params={"statementId": statement_id}) as answer:
            if status_of(answer, self._calls) == 404:
                return None
            if answer.status_code != 200:
                raise refusal_error(answer, self._calls, "show a statement", RIGHTS)
            document = json_of(answer, self._calls)
        found = document.get("statements", [document]) if isinstance(document, dict) else None
        return next(iter(dicts_in(found)), None)


def comparable(statement: dict[str, Any]) -> dict[str, Any]:
    """Return what makes a statement: stores add to the rest, and may word it anew."""
    parts = (statement.get(part) for part in ("actor", "verb", "object"))
    actor, verb, thing = (part if isinstance(part, dict) else {} for part in parts)
    return {
        "id": str(statement.get("id")).lower(),
        "actor": {key: value for key, value in actor.items() if key not in ("objectType", "name")},
        "verb": verb.get("id"),
        "object": thing.get("id"),
        "timestamp": _to_the_millisecond(str(statement.get("timestamp"))),
        "result": statement.get("result") or None,
        "context": statement.get("context") or None,
    }


def _to_the_millisecond(timestamp: str) -> datetime | str:
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return timestamp
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

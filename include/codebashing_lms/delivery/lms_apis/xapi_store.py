"""Statements in a learning record store: sent in batches, refused one by one.

A statement's ID follows from its content, so a store keeps the first one when it is sent again. Stores
differ in their answers. Some answer 204. Others refuse a whole batch with 409 because of one statement that
they have: then each is looked up, and the missing ones are sent alone. A stored statement that says the same
counts as accepted, whatever its time. One bad statement makes every store
refuse its whole batch: the batch is halved until the bad statement stands alone.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from include.codebashing_lms.delivery.http.answers import retry_later
from include.codebashing_lms.delivery.http.client import LmsSession, with_retries
from include.codebashing_lms.delivery.http.json_api import dicts_in, json_of, refusal_error, refusal_reason, status_of
from include.codebashing_lms.delivery.transport import Refusal
from include.codebashing_lms.errors import DeliveryError

ACCEPTED = (200, 204)
CONFLICT = 409
OF_EVERY_STATEMENT = (403, 404, 405, 415)
BROKEN = 500
REFUSED_OUTRIGHT = 25  # so many new refusals before the first success are not about single learners
MOST_BREAKDOWNS = 3  # a store that breaks down at so many single statements in a row has a fault itself
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
    """A store during one delivery.

    :param refused_before: how many statements it may refuse as before.
    :param added: whether it took a statement that it did not have.
    :param has_some: whether it has any of the statements now.
    """

    session: LmsSession
    address: str
    headers: dict[str, str]
    refused_before: int = 0
    added: bool = False
    has_some: bool = False
    _refused: int = 0
    _breakdowns: int = field(default=0, repr=False)

    @property
    def until(self) -> float:
        """Return the deadline."""
        return self.session.until

    def add(self, batch: list[Statement]) -> list[Refusal]:
        """Store a batch; return the refusals, each of a single statement."""
        status, reason = with_retries(self.until)(self._post, batch)
        if status in ACCEPTED:
            self.has_some = True
            self.added = self.added or status == 200
            return []
        if status == CONFLICT:
            return self._compare(batch)
        if len(batch) == 1:
            return [self._refusal(batch[0], reason)]
        return self._halves(batch)

    @contextmanager
    def answer(self, method: str, url: str = "", **request: Any) -> Iterator[requests.Response]:
        """Give the store's answer to a request."""
        headers = self.headers | request.pop("headers", {})
        with self.session.answer(method, url or self.address, headers=headers, **request) as answer:
            yield answer

    def _halves(self, batch: list[Statement]) -> list[Refusal]:
        middle = len(batch) // 2
        return self.add(batch[:middle]) + self.add(batch[middle:])

    def _post(self, batch: list[Statement]) -> tuple[int, str]:
        """Send a batch; return the status, and the reason where the store refuses a single statement."""
        body = b"[" + b",".join(statement.raw for statement in batch) + b"]"
        with self.answer("POST", data=body, headers={"Content-Type": "application/json"}) as answer:
            if answer.status_code == BROKEN:
                self._check_breakdown(answer, len(batch))
            elif status_of(answer, self.session) in OF_EVERY_STATEMENT:
                raise refusal_error(answer, self.session, "take statements", RIGHTS)
            else:
                self._breakdowns = 0
            if answer.status_code == 200 and not isinstance(json_of(answer, self.session), list):
                return CONFLICT, ""  # some stores take a part of a batch, and answer in a form of their own
            refused = answer.status_code not in (*ACCEPTED, CONFLICT) and len(batch) == 1
            return answer.status_code, refusal_reason(answer, self.session) if refused else ""

    def _check_breakdown(self, answer: requests.Response, statements: int) -> None:
        """Raise where the store has a fault: some break down at a bad statement instead of refusing it."""
        if statements > 1:
            return
        self._breakdowns += 1
        if not self.has_some or self._breakdowns >= MOST_BREAKDOWNS:
            raise retry_later(answer, self.session.address)

    def _refusal(self, statement: Statement, reason: str) -> Refusal:
        self._refused += 1
        if self._refused >= REFUSED_OUTRIGHT + self.refused_before and not self.has_some:
            raise DeliveryError(
                f"{self.address} took none of the first {self._refused} statements. That is not about single "
                "people: check lms.options (version, home_page, the courses' IDs) with the store's "
                "administrator. Nothing was stored.",
                not_delivered=True,
            )
        return Refusal(reason, statement.row)

    def _compare(self, batch: list[Statement]) -> list[Refusal]:
        """Look up the statements of a batch with a conflict; send the missing ones alone."""
        missing, refusals = [], []
        for statement in batch:
            document = json.loads(statement.raw)
            stored = with_retries(self.until)(self._stored, str(document.get("id")))
            if stored is None:
                missing.append(statement)
            elif comparable(stored) == comparable(document):
                self.has_some = True
            else:
                refusals.append(Refusal(DIFFERENT, statement.row))
        if len(missing) < len(batch):
            return refusals + (self.add(missing) if missing else [])
        return [Refusal(NOT_SHOWN, batch[0].row)] if len(batch) == 1 else self._halves(batch)

    def _stored(self, statement_id: str) -> dict[str, Any] | None:
        """Return the stored statement of an ID; some stores answer with a list of one."""
        with self.answer("GET", params={"statementId": statement_id}) as answer:
            if status_of(answer, self.session) == 404:
                return None
            if answer.status_code != 200:
                raise refusal_error(answer, self.session, "show a statement", RIGHTS)
            document = json_of(answer, self.session)
        statements = document.get("statements", [document]) if isinstance(document, dict) else None
        return next(iter(dicts_in(statements)), None)


def comparable(statement: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a statement that say what it says; two with the same ID and parts are the same.

    Stores add to the rest, or write it in another form. The timestamp is no such part: of a percentage that
    an earlier run sent, and no journal knows, the store keeps that run's time.
    """
    parts = (statement.get(part) for part in ("actor", "verb", "object"))
    actor, verb, thing = (part if isinstance(part, dict) else {} for part in parts)
    return {
        "id": str(statement.get("id")).lower(),
        "actor": {key: value for key, value in actor.items() if key not in ("objectType", "name")},
        "verb": verb.get("id"),
        "object": thing.get("id"),
        "result": statement.get("result") or None,
    }

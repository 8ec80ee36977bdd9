"""Delivery of statements to a learning record store (xAPI 1.0.3, or 2.0 = IEEE 9274.1.1)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from include.codebashing_lms.config.delivery import HttpDelivery
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.http.client import LmsClient, with_retries
from include.codebashing_lms.delivery.http.json_api import json_of, refusal_error, status_of
from include.codebashing_lms.delivery.lms_apis.xapi_store import RIGHTS, Statement, StatementStore
from include.codebashing_lms.delivery.transport import OutboundFile, Refusal, SendResult
from include.codebashing_lms.errors import DeliveryError
from include.codebashing_lms.streaming.json_file import read_chunks
from include.codebashing_lms.streaming.json_splitter import RecordSplitter

Version = Literal["1.0.3", "2.0.0"]
_raw = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class XapiTransport:
    """Statements in batches, one request for each where the store takes it whole.

    :param batch: how many statements a request carries at most.
    :param batch_bytes: how long a request is at most, unless one statement alone is longer.
    """

    delivery: HttpDelivery
    connection: HttpConnection
    version: Version = "1.0.3"
    batch: int = 500
    batch_bytes: int = 1 << 20
    result = "accepted by the learning record store"

    def address(self, name: str = "") -> str:
        """Return the address of the store's statements."""
        return f"{self._calls.address.rstrip('/')}/statements"

    def send(self, outbound: OutboundFile, resuming: bool) -> SendResult:
        """Store what the store lacks; what it refuses is told by its number in the file."""
        refusals: list[Refusal] = []
        with self._store() as store:
            for batch in batches(outbound.path, self.batch, self.batch_bytes):
                refusals += store.take(batch)
        return SendResult(store.took or not resuming, refusals=tuple(refusals))

    def check(self) -> str:
        """Read one statement: a login that may only write could not tell what arrived before a break."""
        with self._store() as store:
            spoken = with_retries(store.until)(self._spoken_by, store)
            with_retries(store.until)(self._read_one, store)
        return (
            f"{self.address()} takes the login and xAPI {self.version}"
            f"{' (it speaks ' + ', '.join(spoken) + ')' if spoken else ''}; nothing was written."
        )

    @property
    def _calls(self) -> LmsClient:
        return LmsClient(self.delivery, self.connection)

    @contextmanager
    def _store(self) -> Iterator[StatementStore]:
        calls = self._calls
        with calls.conversation(calls.deadline()) as conversation:
            yield StatementStore(conversation, self.address(), {"X-Experience-API-Version": self.version})

    def _read_one(self, store: StatementStore) -> None:
        with store.answer("GET", params={"limit": 1}) as answer:
            if status_of(answer, self._calls) != 200:
                raise refusal_error(answer, self._calls, "show a statement", RIGHTS)
            json_of(answer, self._calls)

    def _spoken_by(self, store: StatementStore) -> list[str]:
        """Return the versions that the store says it speaks; not every store says so."""
        with store.answer("GET", url=f"{self._calls.address.rstrip('/')}/about") as answer:
            if status_of(answer, self._calls) != 200:
                return []
            about = json_of(answer, self._calls)
        spoken = [one for one in _listed(about) if one[:1].isdecimal() and len(one) <= 12]
        if spoken and self.version.rpartition(".")[0] not in {one.rpartition(".")[0] for one in spoken}:
            raise DeliveryError(
                f"{self._calls.address} speaks xAPI {', '.join(spoken)}, not {self.version}: correct "
                "lms.options.version."
            )
        return spoken


def _listed(about: Any) -> list[str]:
    versions = about.get("version") if isinstance(about, dict) else None
    return [one for one in versions if isinstance(one, str)] if isinstance(versions, list) else []


def batches(path: Path, most: int, most_bytes: int) -> Iterator[list[Statement]]:
    """Give the statements of a staged file in batches, each byte for byte as it is staged."""
    batch: list[Statement] = []
    size = row = 0
    for chunk in read_chunks(path, RecordSplitter(decode=_copied)):
        for raw in chunk.records:
            if batch and (len(batch) == most or size + len(raw) > most_bytes):
                yield batch
                batch, size = [], 0
            batch.append(Statement(row, raw))
            row, size = row + 1, size + len(raw) + 1
    if batch:
        yield batch


def _copied(array: memoryview) -> list[bytes]:
    return [bytes(one) for one in _raw.decode(array)]

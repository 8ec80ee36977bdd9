"""Delivery of statements to a learning record store (xAPI 1.0.3, or 2.0 = IEEE 9274.1.1)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
LONGEST_VERSION = 12
_raw = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class XapiTransport:
    """Statements in batches, one request for each batch that the store takes whole.

    :param batch: statements of one request at most.
    :param batch_bytes: bytes of one request at most, unless one statement alone is longer.
    """

    delivery: HttpDelivery
    connection: HttpConnection
    version: Version = "1.0.3"
    batch: int = 500
    batch_bytes: int = 1 << 20
    result = "accepted by the learning record store"

    def address(self, name: str = "") -> str:
        """Return the address of the store's statements."""
        return f"{self._client.address.rstrip('/')}/statements"

    def send(self, outbound: OutboundFile, resuming: bool) -> SendResult:
        """Store the statements that the store lacks; a refusal names the row in the file."""
        refusals: list[Refusal] = []
        with self._store(outbound.refused_before) as store:
            for batch in batches(outbound.path, self.batch, self.batch_bytes):
                refusals += store.add(batch)
        return SendResult(store.added or not resuming, refusals=tuple(refusals))

    def check(self) -> str:
        """Read one statement: after a break, a login without that right could not see what arrived."""
        with self._store() as store:
            versions = with_retries(store.until)(self._versions, store)
            with_retries(store.until)(self._read_one, store)
        return (
            f"{self.address()} takes the login and xAPI {self.version}"
            f"{' (it speaks ' + ', '.join(versions) + ')' if versions else ''}; nothing was written."
        )

    @property
    def _client(self) -> LmsClient:
        return LmsClient(self.delivery, self.connection)

    @contextmanager
    def _store(self, refused_before: int = 0) -> Iterator[StatementStore]:
        headers: dict[str, str] = {"X-Experience-API-Version": self.version}
        with self._client.session() as session:
            yield StatementStore(session, self.address(), headers, refused_before)

    def _read_one(self, store: StatementStore) -> None:
        with store.answer("GET", params={"limit": 1}) as answer:
            if status_of(answer, store.session) != 200:
                raise refusal_error(answer, store.session, "show a statement", RIGHTS)
            json_of(answer, store.session)

    def _versions(self, store: StatementStore) -> list[str]:
        """Return the versions that the store names, none where it names none; raise where ours is missing."""
        with store.answer("GET", url=f"{self._client.address.rstrip('/')}/about") as answer:
            if status_of(answer, store.session) != 200:
                return []
            about = json_of(answer, store.session)
        listed = about.get("version") if isinstance(about, dict) else None
        texts = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
        versions = [text for text in texts if text[:1].isdecimal() and len(text) <= LONGEST_VERSION]
        if versions and _minor(self.version) not in map(_minor, versions):
            raise DeliveryError(
                f"{self._client.address} speaks xAPI {', '.join(versions)}, not {self.version}: correct "
                "lms.options.version."
            )
        return versions


def _minor(version: str) -> str:
    return version.rpartition(".")[0]


def batches(path: Path, most: int, most_bytes: int) -> Iterator[list[Statement]]:
    """Give the statements of a staged file in batches, byte for byte as they are staged.

    :param most: statements of a batch at most; `most_bytes` their bytes at most.
    """
    batch: list[Statement] = []
    size = row = 0
    for chunk in read_chunks(path, RecordSplitter(decode=lambda array: [bytes(one) for one in _raw.decode(array)])):
        for raw in chunk:
            if batch and (len(batch) == most or size + len(raw) > most_bytes):
                yield batch
                batch, size = [], 0
            batch.append(Statement(row, raw))
            row, size = row + 1, size + len(raw) + 1
    if batch:
        yield batch

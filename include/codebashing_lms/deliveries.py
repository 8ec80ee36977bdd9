"""Deliveries that have begun: settled before anything new is sent, whatever instant a task was killed at.

<staging>/<connector>/open/<delivery>.json names the run folder of a delivery that is not in the journal yet.
A receipt that says `delivered` is entered into the journal; one that says `sending` is looked up at the LMS.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from include.codebashing_lms.dates import iso
from include.codebashing_lms.delivery import Parcel, Way
from include.codebashing_lms.errors import ConnectorError, DeliveryError, LedgerMovedError
from include.codebashing_lms.ledger import append, entries, ledger_folder, open_ledger
from include.codebashing_lms.ledger.store import names_in, remove
from include.codebashing_lms.receipt import NAME, write_receipt
from include.codebashing_lms.sent_rows import SentRows
from include.codebashing_lms.staging import StagedPath, local_copy, read_json, remove_old_parts, write_json

log = logging.getLogger(__name__)

JOURNALED = (
    "delivery", "as_of", "run_id", "connector", "connector_sha256", "where", "file", "sha256", "triggered_by",
    "reason", "learners", "provenance", "settled",
)  # fmt: skip


@dataclass(frozen=True)
class Book:
    """The journal and ledger of one destination."""

    folder: StagedPath
    destination: dict[str, str]

    def facts(self, receipt: dict[str, Any], kind: str) -> dict[str, Any]:
        """Return what the journal says about an entry besides its rows."""
        journal = entries(self.folder)
        last = journal[-1] if journal else {}
        kept = {name: receipt.get(name) for name in JOURNALED}
        known = {"kind": kind, "destination": self.destination, "verdict": receipt.get("known")}
        return {**kept, **known, "when": iso(datetime.now(UTC)), "since": last.get("since")}


def begin(home: StagedPath, receipt: dict[str, Any], folder: StagedPath) -> None:
    """Note that a delivery begins: first that it is open, then what is sent."""
    write_json(_pointer(home, receipt), {"folder": _below(home, folder)})
    write_receipt(folder, receipt)


def withdraw(home: StagedPath, receipt: dict[str, Any], folder: StagedPath) -> None:
    """Note that the LMS took nothing of a delivery that was begun, so that nobody need be asked."""
    write_receipt(folder, receipt | {"state": "not_taken"})
    _pointer(home, receipt).unlink()


def enter(
    home: StagedPath,
    book: Book,
    folder: StagedPath,
    receipt: dict[str, Any],
    at: int | None = None,
    seen: Any = None,
) -> None:
    """Put a delivery into the journal, once, and close it.

    :param seen: which rows of version `at` of the ledger were found unchanged; it says nothing of another.
    """
    told = SentRows.of(folder).to_journal()
    while True:
        ledger = open_ledger(book.folder)
        mask = seen if ledger.number == at else np.zeros(len(ledger.table), dtype=np.bool_)
        try:
            append(book.folder, ledger, told, mask, book.facts(receipt, "delivery"))
            break
        except LedgerMovedError:
            log.info("The ledger moved meanwhile; entering the delivery after its newest entry")
    remove(_pointer(home, receipt))


def settle(home: StagedPath, book: Book, way: Way, appends: bool) -> set[str]:
    """Bring every delivery that was begun before to its end; return those that are at the LMS after all."""
    remove_old_parts(home / "open")
    settled = set()
    for receipt, folder in _open(home):
        own = _book_of(home, receipt)  # the destination may have been changed since
        if receipt["state"] == "sending" and own.folder == book.folder and _is_there(receipt, way):
            receipt = _finished(receipt, folder, way)
        if receipt["state"] == "delivered":
            enter(home, own, folder, receipt, None)
            settled.add(receipt["delivery"])
        elif appends:
            raise _unknown(receipt)
        else:
            write_receipt(folder, receipt | {"state": "unknown"})
            remove(_pointer(home, receipt))
            log.warning(
                "Whether %s was taken is not known; its rows are compared and sent again", receipt["file"]
            )
    return settled


def _unknown(receipt: dict[str, Any]) -> DeliveryError:
    return DeliveryError(
        f"Whether the LMS took {receipt['file']} is not known: an earlier run was cut off while sending it "
        f"to {receipt['where']}, and the LMS would add its rows a second time. Nothing was sent. Look at the "
        "LMS; then trigger the DAG codebashing_lms_admin with the action settle, the delivery "
        f"{receipt['delivery']}, what you found (taken or not taken) and a reason."
    )


def _book_of(home: StagedPath, receipt: dict[str, Any]) -> Book:
    return Book(ledger_folder(home, receipt["destination"]), receipt["destination"])


def _is_there(receipt: dict[str, Any], way: Way) -> bool:
    return way.found(receipt["file"], receipt["bytes"], receipt["sha256"])


def open_deliveries(home: StagedPath) -> list[str]:
    """Return the IDs of deliveries that are under way, or were cut off."""
    return sorted(name.removesuffix(".json") for name in names_in(home / "open") if name.endswith(".json"))


def settle_by_hand(home: StagedPath, delivery: str, taken: bool, settled: dict[str, Any]) -> dict[str, Any]:
    """Bring a delivery to its end as a person found it at the LMS; return its receipt.

    :param settled: who says so, why and when.
    """
    found = open_deliveries(home)
    if delivery not in found:
        raise ConnectorError(
            f"No delivery of this ID is open; open are: {', '.join(found) or 'none'}. Nothing was changed."
        )
    folder = home / read_json(home / "open" / f"{delivery}.json")["folder"]
    receipt = _receipt_of(delivery, folder)
    if receipt is None:
        raise ConnectorError(
            "Nothing of this delivery was sent: the next run clears it. Nothing was changed."
        )
    if receipt["state"] == "delivered" and not taken:
        raise ConnectorError(
            f"{receipt['file']} was {receipt['known']}: it cannot be recorded as not taken. Nothing was "
            "changed; the next run puts it into the journal."
        )
    if not taken:
        write_receipt(folder, receipt | {"state": "not_taken", "settled": settled})
        _pointer(home, receipt).unlink()
        return receipt
    known = {"known": "recorded by hand as taken", "delivered_at": settled["when"]}
    receipt = known | receipt | {"state": "delivered", "settled": settled}
    write_receipt(folder, receipt)
    enter(home, _book_of(home, receipt), folder, receipt, None)
    return receipt


def _finished(receipt: dict[str, Any], folder: StagedPath, way: Way) -> dict[str, Any]:
    """Do what is left of a delivery whose file is in its place; return its receipt."""
    with local_copy(folder / receipt["file"]) as path:
        parcel = Parcel(path, receipt["file"], receipt["bytes"], receipt["sha256"], receipt["delivery"])
        handed = way.deliver(parcel, resuming=True)
    known = f"{way.result} {receipt['where']}"
    done = {"state": "delivered", "known": known, "sent_by_earlier_try": not handed.sent}
    receipt = receipt | done | {"delivered_at": iso(datetime.now(UTC))}
    write_receipt(folder, receipt)
    return receipt


def _open(home: StagedPath) -> Iterator[tuple[dict[str, Any], StagedPath]]:
    pointers = home / "open"
    if not pointers.exists():
        return
    for pointer in sorted(pointers.iterdir(), key=str):
        if not pointer.name.endswith(".json"):
            continue
        folder = home / read_json(pointer)["folder"]
        receipt = _receipt_of(pointer.name.removesuffix(".json"), folder)
        if receipt:
            yield receipt, folder
        else:
            remove(pointer)


def _receipt_of(delivery: str, folder: StagedPath) -> dict[str, Any] | None:
    """Return the receipt of an open delivery, None when it was cut off before it had one: nothing was sent.

    The receipt that is there may be of an earlier try, which sent other rows than this one was about to.
    """
    receipt: dict[str, Any] | None = read_json(folder / NAME) if (folder / NAME).exists() else None
    return receipt if receipt and receipt["delivery"] == delivery else None


def _pointer(home: StagedPath, receipt: dict[str, Any]) -> Any:
    return home / "open" / f"{receipt['delivery']}.json"


def _below(home: StagedPath, folder: StagedPath) -> str:
    return str(folder).removeprefix(str(home)).strip("/")

"""Deliveries that have begun, until they are in the journal.

<staging>/<connector>/in_flight/<delivery>.json names the run folder of a delivery that is not journaled yet.
Its receipt there says how far it came, see settling.py.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from include.codebashing_lms.dates import iso
from include.codebashing_lms.errors import LedgerConflictError
from include.codebashing_lms.ledger.destinations import ledger_folder
from include.codebashing_lms.ledger.journal import append, entries, open_ledger
from include.codebashing_lms.ledger.numbered_files import names_in, remove
from include.codebashing_lms.load.receipt import NAME, parts_done, parts_of, write_receipt
from include.codebashing_lms.load.sent_rows import SentRows
from include.codebashing_lms.staging.files import StagedPath, read_json, write_json

log = logging.getLogger(__name__)

JOURNALED = (
    "delivery", "as_of", "run_id", "connector", "connector_sha256", "where", "file", "sha256", "triggered_by",
    "reason", "learners", "provenance", "settled", "refusals_to_come",
)  # fmt: skip
PACKED = ("packing", "content")  # of a file that travelled packed: how, and what it was before


@dataclass(frozen=True)
class DestinationLedger:
    """The journal and ledger of one destination."""

    folder: StagedPath
    destination: dict[str, str]

    def facts(self, receipt: dict[str, Any], kind: str) -> dict[str, Any]:
        """Return what the journal says about an entry besides its rows."""
        journal = entries(self.folder)
        last = journal[-1] if journal else {}
        kept = {name: receipt.get(name) for name in JOURNALED}
        kept |= {name: receipt[name] for name in PACKED if name in receipt}
        known = {"kind": kind, "destination": self.destination, "verdict": receipt.get("known")}
        return {**kept, **known, "when": iso(datetime.now(UTC)), "since": last.get("since")}

    def add(
        self, told: Iterable[pa.Table], facts: dict[str, Any], at: int | None = None, seen: Any = None
    ) -> None:
        """Add an entry to the journal, after whatever is its newest by then.

        :param told: its rows, gone through more than once.
        :param seen: which rows of version `at` of the ledger were found unchanged; it says nothing of others.
        """
        while True:
            ledger = open_ledger(self.folder)
            mask = seen if ledger.number == at else np.zeros(len(ledger), dtype=np.bool_)
            try:
                append(self.folder, ledger, told, mask, facts)
                break
            except LedgerConflictError:
                log.info("The ledger moved meanwhile; the entry goes after its newest one")


def ledger_of_receipt(home: StagedPath, receipt: dict[str, Any]) -> DestinationLedger:
    """Return the journal of the LMS that a delivery went to."""
    return DestinationLedger(ledger_folder(home, receipt["destination"]), receipt["destination"])


def begin(home: StagedPath, receipt: dict[str, Any], folder: StagedPath) -> None:
    """Note that a delivery begins: first that it is open, then what is sent."""
    write_json(_pointer(home, receipt), {"folder": below(home, folder)})
    write_receipt(folder, receipt)


def abort(home: StagedPath, receipt: dict[str, Any], folder: StagedPath) -> None:
    """Note that the LMS took nothing of the file that was begun, so that nobody need be asked."""
    if parts_done(receipt):
        write_receipt(folder, receipt | {"state": "partly"})
        return
    write_receipt(folder, receipt | {"state": "not_taken"})
    close(home, receipt)


def close(home: StagedPath, receipt: dict[str, Any]) -> None:
    """Note that nothing is left to do for a delivery."""
    remove(_pointer(home, receipt))


def commit(
    home: StagedPath,
    destination_ledger: DestinationLedger,
    folder: StagedPath,
    receipt: dict[str, Any],
    at: int | None = None,
    seen: Any = None,
) -> dict[str, Any]:
    """Put what the LMS took of a delivery into the journal, once, and close it; return the receipt.

    :param seen: which rows of version `at` of the ledger were found unchanged.
    """
    whole, done = receipt["state"] == "delivered", parts_done(receipt)
    if whole or done > receipt.get("parts_entered", 0):
        facts = destination_ledger.facts(receipt, "delivery")
        if not whole:
            facts["delivery"] = f"{receipt['delivery']} parts {done}"
        destination_ledger.add(_rows_of(folder, receipt, whole), facts, at, seen)
    if not whole:
        receipt = receipt | {"parts_entered": done}
        write_receipt(folder, receipt)
    close(home, receipt)
    return receipt


def _rows_of(folder: StagedPath, receipt: dict[str, Any], whole: bool) -> Iterable[pa.Table]:
    """Return the rows of the files that are not in the journal yet, and that the LMS surely has."""
    rows, entered = SentRows(folder), receipt.get("parts_entered", 0)
    if whole and not entered:
        return rows.to_journal()
    parts = rows.of_parts(parts_of(receipt))[entered : parts_done(receipt)]
    return rows.to_journal(np.concatenate([np.array([], dtype=np.int64), *parts]), whole)


def in_flight_folder(home: StagedPath) -> list[str]:
    """Return the IDs of deliveries that are under way, or were cut off."""
    return sorted(
        name.removesuffix(".json") for name in names_in(home / "in_flight") if name.endswith(".json")
    )


def in_flight(home: StagedPath) -> Iterator[tuple[dict[str, Any], StagedPath]]:
    """Give the receipts of open deliveries and their folders; forget those that never had a receipt."""
    for delivery in in_flight_folder(home):
        receipt, folder = in_flight_by_id(home, delivery)
        if receipt:
            yield receipt, folder
        else:
            remove(home / "in_flight" / f"{delivery}.json")


def in_flight_by_id(home: StagedPath, delivery: str) -> tuple[dict[str, Any] | None, Any]:
    """Return the receipt of an open delivery and its folder; None when it was cut off before anything went.

    The receipt that is there may be of an earlier try, which sent other rows than this one was about to.
    """
    folder = home / read_json(home / "in_flight" / f"{delivery}.json")["folder"]
    receipt: dict[str, Any] | None = read_json(folder / NAME) if (folder / NAME).exists() else None
    return (receipt if receipt and receipt["delivery"] == delivery else None), folder


def _pointer(home: StagedPath, receipt: dict[str, Any]) -> Any:
    return home / "in_flight" / f"{receipt['delivery']}.json"


def below(home: StagedPath, folder: StagedPath) -> str:
    """Return where a folder lies below a connector's home."""
    return str(folder).removeprefix(str(home)).strip("/")

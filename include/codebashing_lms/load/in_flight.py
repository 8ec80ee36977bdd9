"""Deliveries that have begun and are not yet in the journal.

in_flight/<delivery>.json names the run folder of such a delivery. The receipt in this folder says how far the
delivery came, see recovery.py.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from include.codebashing_lms.dates import iso
from include.codebashing_lms.errors import LedgerConflictError
from include.codebashing_lms.ledger.destinations import ledger_folder
from include.codebashing_lms.ledger.journal import append, entries, open_ledger
from include.codebashing_lms.ledger.numbered_files import names_in, remove
from include.codebashing_lms.ledger.schema import EntryMetadata
from include.codebashing_lms.load.receipt import Receipt, State, as_dict, read_receipt, transition, write_receipt
from include.codebashing_lms.load.sent_rows import SentRows
from include.codebashing_lms.staging.files import StagedPath, read_json, write_json
from include.codebashing_lms.staging.layout import IN_FLIGHT

log = logging.getLogger(__name__)

JOURNALED = (
    "delivery", "as_of", "run_id", "connector", "connector_sha256", "where", "file", "sha256", "triggered_by",
    "reason", "learners", "provenance", "resolution", "refusals_to_come",
)  # fmt: skip
PACKED = ("packing", "content")  # of a file that travelled packed: how, and what it was before


@dataclass(frozen=True)
class DestinationLedger:
    """The journal and ledger of one destination."""

    folder: StagedPath
    destination: dict[str, str]

    def entry_metadata(self, kind: str, about: dict[str, Any]) -> EntryMetadata:
        """Return what the journal says of an entry besides its rows.

        :param about: what the entry is about, under the keys of receipt.json.
        """
        journal = entries(self.folder)
        last = journal[-1] if journal else {}
        kept = {name: about.get(name) for name in JOURNALED}
        kept |= {name: about[name] for name in PACKED if name in about}
        kept |= {"kind": kind, "destination": self.destination, "verdict": about.get("known")}
        return {**kept, "when": iso(datetime.now(UTC)), "since": last.get("since")}

    def add(
        self, rows: Iterable[pa.Table], metadata: EntryMetadata, at: int | None = None, unchanged: Any = None
    ) -> None:
        """Add an entry to the journal, after its newest entry at that moment.

        :param rows: the entry's rows; they are read more than once.
        :param unchanged: which rows of version `at` of the ledger are unchanged; it says nothing of others.
        """
        while True:
            ledger = open_ledger(self.folder)
            mask = unchanged if ledger.number == at else np.zeros(len(ledger), dtype=np.bool_)
            try:
                append(self.folder, ledger, rows, mask, metadata)
                break
            except LedgerConflictError:
                log.info("Another run wrote to the ledger meanwhile; the entry goes after its newest one")


def ledger_of_receipt(home: StagedPath, receipt: Receipt) -> DestinationLedger:
    """Return the journal of the LMS that a delivery went to."""
    return DestinationLedger(ledger_folder(home, receipt.destination), receipt.destination)


def begin(home: StagedPath, receipt: Receipt, folder: StagedPath) -> None:
    """Write down that a delivery begins: first that it is in flight, then what is sent."""
    write_json(_pointer(home, receipt.delivery), {"folder": relative_to(home, folder)})
    write_receipt(folder, receipt)


def abort(home: StagedPath, receipt: Receipt, folder: StagedPath) -> None:
    """Write down that the LMS has nothing of the file that was begun: no person has to look there."""
    if receipt.parts_done:
        write_receipt(folder, transition(receipt, State.PARTLY))
        return
    write_receipt(folder, transition(receipt, State.NOT_DELIVERED))
    close(home, receipt)


def close(home: StagedPath, receipt: Receipt) -> None:
    """Write down that nothing is left to do for a delivery."""
    remove(_pointer(home, receipt.delivery))


def commit(
    home: StagedPath,
    destination_ledger: DestinationLedger,
    folder: StagedPath,
    receipt: Receipt,
    at: int | None = None,
    unchanged: Any = None,
) -> Receipt:
    """Put what the LMS accepted of a delivery into the journal, once, and close it; return the receipt.

    :param unchanged: which rows of version `at` of the ledger are unchanged.
    """
    whole, done = receipt.state == State.DELIVERED, receipt.parts_done
    if whole or done > receipt.parts_journaled:
        metadata = destination_ledger.entry_metadata("delivery", as_dict(receipt))
        if not whole:
            metadata["delivery"] = f"{receipt.delivery} parts {done}"
        destination_ledger.add(_rows_of(folder, receipt, whole), metadata, at, unchanged)
    if not whole:
        receipt = replace(receipt, parts_journaled=done)
        write_receipt(folder, receipt)
    close(home, receipt)
    return receipt


def _rows_of(folder: StagedPath, receipt: Receipt, whole: bool) -> Iterable[pa.Table]:
    rows, journaled = SentRows(folder), receipt.parts_journaled
    if whole and not journaled:
        return rows.to_journal()
    parts = rows.of_parts(receipt.files)[journaled : receipt.parts_done]
    return rows.to_journal(np.concatenate([np.array([], dtype=np.int64), *parts]), whole)


def in_flight_ids(home: StagedPath) -> list[str]:
    """Return the IDs of deliveries that are under way, or were interrupted."""
    names = names_in(home / IN_FLIGHT)
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def in_flight(home: StagedPath) -> Iterator[tuple[Receipt, StagedPath]]:
    """Give the receipts of deliveries in flight and their folders; forget those that never had a receipt."""
    for delivery in in_flight_ids(home):
        receipt, folder = in_flight_by_id(home, delivery)
        if receipt:
            yield receipt, folder
        else:
            remove(_pointer(home, delivery))


def in_flight_by_id(home: StagedPath, delivery: str) -> tuple[Receipt | None, Any]:
    """Return the receipt of a delivery in flight and its folder; None when it was killed before it sent.

    The receipt in the folder may be of an earlier try with other rows.
    """
    folder = home / read_json(_pointer(home, delivery))["folder"]
    receipt = read_receipt(folder)
    return (receipt if receipt and receipt.delivery == delivery else None), folder


def _pointer(home: StagedPath, delivery: str) -> Any:
    return home / IN_FLIGHT / f"{delivery}.json"


def relative_to(home: StagedPath, folder: StagedPath) -> str:
    """Return the path of a folder relative to a connector's folder."""
    return str(folder).removeprefix(str(home)).strip("/")

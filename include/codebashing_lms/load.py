"""load: what the LMS does not know yet goes to the LMS, once; the receipt and the journal say so."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from include.codebashing_lms import __version__
from include.codebashing_lms.arrow_memory import give_memory_back
from include.codebashing_lms.changes import Rules
from include.codebashing_lms.comparison import Comparison, Summary
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.dates import iso, parse_instant
from include.codebashing_lms.deliveries import Book, begin, enter, settle, withdraw
from include.codebashing_lms.delivery import Handed, Parcel, Way
from include.codebashing_lms.delivery.packing import packed, packing_of
from include.codebashing_lms.delivery.ways import Destination, appends, way_to
from include.codebashing_lms.errors import (
    CodebashingLmsError,
    DeliveryUnavailableError,
    StagingError,
)
from include.codebashing_lms.first_delivery import answered_since, stop_before_the_first
from include.codebashing_lms.guards_over_time import last_live, learners_fallen, learners_over_time
from include.codebashing_lms.ledger import Ledger, append, destination_folder, entries, open_ledger
from include.codebashing_lms.people import Locate
from include.codebashing_lms.receipt import idempotency_key, receipts_of, write_receipt
from include.codebashing_lms.sent_rows import TOLD_FILE, SentRows
from include.codebashing_lms.staging import StagedPath, local_copy, sha256_of
from include.codebashing_lms.telling import Sending, is_full, rules_of
from include.codebashing_lms.transform.guards import check

log = logging.getLogger(__name__)

Outcome = dict[str, Any]


@dataclass(frozen=True)
class LoadRun:
    """What load needs to know of its run."""

    run_id: str | None
    dry_run: bool = False
    check_only: bool = False
    triggered_by: str | None = None
    skip_guards: tuple[str, ...] = ()
    reason: str | None = None
    clear_number: int = 0
    send: str | None = None


def load(
    connector: Connector,
    destination: Destination,
    transformed: dict[str, Any],
    folder: StagedPath,
    run: LoadRun,
    locate: Locate = Path,
) -> Outcome:
    """Send the rows of `transformed` that the LMS does not know yet; return what became of it."""
    give_memory_back()
    way = way_to(connector, destination)
    if run.check_only:
        keys = packing_of(connector.delivery, destination, locate).sentence
        return _not_sent("checked", f"{way.probe()}{keys} Nothing was sent: this run only checks.")
    home = folder.parent.parent.parent
    book = Book(*destination_folder(home, connector))
    it = _Load(connector, destination, way, folder, run, home, book, transformed)
    outcome = it.outcome(locate)
    log.info("%s: %s", outcome["outcome"], outcome["sentence"])
    return outcome


@contextmanager
def _verified(staged: StagedPath, sha256: str) -> Iterator[Path]:
    """Give a staged file on this machine; refuse one that is not what transform wrote."""
    if not staged.exists():
        raise StagingError(
            f"{staged} is not there: it was removed, or the workers do not share the staging area. "
            "Nothing was sent. Clear transform and load to build it again."
        )
    with local_copy(staged) as copy:
        if sha256_of(copy) != sha256:
            raise StagingError(
                f"{staged} is not what transform wrote: its checksum differs. Nothing was sent. "
                "Find out who writes there, then clear transform and load to build it again."
            )
        yield copy


@dataclass
class _Load:
    """One run's load: what it works with, and its steps in their order."""

    connector: Connector
    destination: Destination
    way: Way
    folder: StagedPath
    run: LoadRun
    home: StagedPath
    book: Book
    transformed: dict[str, Any]

    def outcome(self, locate: Locate) -> Outcome:
        """Settle what was begun, decide, and send unless there is a reason not to."""
        if self.connector.delivery.hold:
            return _not_sent("held", "Nothing was sent: delivery.hold is on in the connector file.")
        if not self.run.dry_run:
            settled = settle(self.home, self.book, self.way, appends(self.connector))
            for receipt, address in receipts_of(self.folder, self.run.run_id):
                if receipt["state"] == "delivered":
                    return self._delivered_before(receipt, address, receipt["delivery"] in settled)
        ledger = open_ledger(self.book.folder)
        sending = Sending(self.connector, self.folder, self.transformed["file"], self._as_of)
        with self._verified_rows() as rows:
            manifest, summary = sending.write(Comparison(rows, ledger.table, self._rules(locate)))
        self._guard(ledger, manifest, summary)
        receipt = self._receipt(manifest, summary, self._packed(manifest, summary, locate))
        told = {name: receipt[name] for name in ("where", "rows", "file", "bytes", "sha256")}
        return {**told, **self._send(ledger, summary, receipt)}

    def _packed(self, manifest: dict[str, Any], summary: Summary, locate: Locate) -> dict[str, Any]:
        """Return name, bytes and checksum of the file as it goes to the LMS."""
        content = {name: manifest[name] for name in ("file", "bytes", "sha256")}
        if not summary.sent:
            return content
        packing = packing_of(self.connector.delivery, self.destination, locate)
        with _verified(self.folder / content["file"], content["sha256"]) as plain:
            return packed(packing, plain, content, self.folder)

    def _rules(self, locate: Locate) -> Rules:
        since = answered_since(self.book.folder)
        return rules_of(self.connector, self._as_of, is_full(self.connector, self.run.send), since, locate)

    @contextmanager
    def _verified_rows(self) -> Iterator[Path]:
        """Give what transform staged; what load itself writes over is looked at before its first try only."""
        if not (self.folder / TOLD_FILE).exists():
            for name, sha256 in (("manifest.json", "manifest_sha256"), (self.transformed["file"], "sha256")):
                with _verified(self.folder / name, self.transformed[sha256]):
                    pass
        with _verified(self.folder / "rows.parquet", self.transformed["rows_sha256"]) as path:
            yield path

    def _guard(self, ledger: Ledger, manifest: dict[str, Any], summary: Summary) -> None:
        """Stop before a first delivery nobody asked for, and where a live run's numbers cannot be."""
        stop_before_the_first(self.home, self.connector, ledger, summary)
        if manifest["provenance"] != "live":
            return
        guards, now = self.connector.guards, _learners(manifest, summary)
        last = last_live(entries(self.book.folder), self.transformed["as_of"])
        check(
            learners_over_time(guards, now, last) | learners_fallen(guards, summary.fell, now["known"]),
            self.run.skip_guards,
        )

    def _send(self, ledger: Ledger, summary: Summary, receipt: dict[str, Any]) -> Outcome:
        rows = "1 row" if summary.sent == 1 else f"{summary.sent} rows"
        what = f"{receipt['file']} ({rows}, {receipt['bytes']} bytes)"
        if self.run.dry_run:
            return _not_sent(
                "dry_run", f"{self.way.try_connection()} {what} was not sent: this is a dry run."
            )
        if summary.sent == 0:
            known = SentRows.of(self.folder).to_journal()
            facts = self.book.facts(receipt, "baseline" if len(known) else "observation")
            append(self.book.folder, ledger, known, summary.seen, facts)
            return _not_sent(
                "nothing_to_send", "Nothing was sent: the LMS knows everything there is to tell."
            )
        return self._deliver(ledger, summary, receipt, what)

    def _deliver(self, ledger: Ledger, summary: Summary, receipt: dict[str, Any], what: str) -> Outcome:
        handed = self._hand_over(receipt)
        known = f"{self.way.result} {receipt['where']}"
        done = {
            "state": "delivered",
            "known": known,
            "delivered_at": _now(),
            "sent_by_earlier_try": not handed.sent,
        }
        address = write_receipt(self.folder, receipt | done)
        enter(self.home, self.book, self.folder, receipt | done, ledger.number, summary.seen)
        earlier = "" if handed.sent else ", by an earlier try whose end was not seen; it was not sent again"
        return {"outcome": "delivered", "sentence": f"{what} was {known}{earlier}.", "receipt": address}

    def _hand_over(self, receipt: dict[str, Any]) -> Handed:
        """Send the file; where the LMS surely took nothing of it, no person needs to look afterwards."""
        tried = {old["delivery"] for old, _ in receipts_of(self.folder, self.run.run_id)}
        if receipt["delivery"] not in tried:
            self._leave_what_was_not_fetched(receipt)
        with _verified(self.folder / receipt["file"], receipt["sha256"]) as path:
            parcel = Parcel(path, receipt["file"], receipt["bytes"], receipt["sha256"], receipt["delivery"])
            begin(self.home, receipt, self.folder)
            try:
                return self.way.deliver(parcel, receipt["delivery"] in tried)
            except CodebashingLmsError as error:
                if error.nothing_taken and appends(self.connector):
                    withdraw(self.home, receipt, self.folder)
                raise

    def _leave_what_was_not_fetched(self, receipt: dict[str, Any]) -> None:
        """Refuse to put changes over an earlier file of the same name, whose rows would be lost."""
        full = is_full(self.connector, self.run.send)
        if not full and self.way.occupied(receipt["file"]):
            raise DeliveryUnavailableError(
                f"The LMS has not fetched {receipt['where']} yet: a file of that name still lies there, and "
                "changes do not replace it. Nothing was sent. This run's rows go with the next run; a file "
                "name that carries the time, as the default does, keeps them apart."
            )

    @property
    def _as_of(self) -> datetime:
        as_of = parse_instant(self.transformed["as_of"])
        if as_of is None:
            raise StagingError(
                "transform handed over no as-of. Clear transform and load to build the file again."
            )
        return as_of

    def _receipt(self, manifest: dict[str, Any], summary: Summary, parcel: dict[str, Any]) -> dict[str, Any]:
        where = self.way.address(parcel["file"])
        run = self.run
        return {
            "state": "sending",
            "delivery": idempotency_key(self.connector.name, run.run_id, manifest["sha256"], where),
            "connector": self.connector.name,
            "connector_sha256": manifest["connector_sha256"],
            "package_version": __version__,
            "run_id": run.run_id,
            "clear_number": run.clear_number,
            "triggered_by": run.triggered_by,
            "skipped_guards": list(run.skip_guards),
            "reason": run.reason,
            "method": self.connector.delivery.method,
            "where": where,
            "destination": self.book.destination,
            "rows": summary.sent,
            **parcel,
            "as_of": self.transformed["as_of"],
            "provenance": manifest["provenance"],
            "learners": _learners(manifest, summary),
            "sending_since": _now(),
        }

    def _delivered_before(self, receipt: dict[str, Any], address: str, by_this_task: bool) -> Outcome:
        told = {name: receipt[name] for name in ("where", "file", "rows", "bytes", "sha256")}
        known = f"{receipt['file']} was {receipt['known']}"
        if by_this_task:
            sentence = f"{known} by an earlier try whose end was not seen; it was not sent again."
            return {**told, "outcome": "delivered", "sentence": sentence, "receipt": address}
        sentence = f"Nothing was sent: this run's file {known} at {receipt['delivered_at']}."
        again = "To have rows told again, trigger the DAG codebashing_lms_admin with the action resend."
        return {**told, **_not_sent("already_delivered", f"{sentence} {again}", address)}


def _not_sent(outcome: str, sentence: str, receipt: str | None = None) -> Outcome:
    return {"outcome": outcome, "sentence": sentence, "receipt": receipt}


def _learners(manifest: dict[str, Any], summary: Summary) -> dict[str, int]:
    """Return the learners as the next live run compares itself with them."""
    return {"read": manifest["learners"], "known": summary.learners}


def _now() -> str:
    return iso(datetime.now(UTC))

"""load: what the LMS does not know yet goes to the LMS, once; the receipt and the journal say so."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from include.codebashing_lms.arrow_memory import give_memory_back
from include.codebashing_lms.changes import Rules
from include.codebashing_lms.comparison import Comparison, Summary
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.deliveries import Book, enter
from include.codebashing_lms.delivery import DropWay, Way
from include.codebashing_lms.delivery.packing import packing_of
from include.codebashing_lms.delivery.ways import Destination, appends, most_refused, way_to
from include.codebashing_lms.drops import Drops, is_watched, leave_what_was_not_fetched
from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.first_delivery import answered_since, stop_before_the_first
from include.codebashing_lms.guards_over_time import last_live, learners_fallen, learners_over_time
from include.codebashing_lms.handover import Handover, Receipt, verified
from include.codebashing_lms.ledger import Ledger, append, destination_folder, entries, open_ledger
from include.codebashing_lms.load_words import (
    Outcome,
    delivered,
    delivered_before,
    not_sent,
    what_is_sent,
)
from include.codebashing_lms.new_receipt import LoadRun, learners_of, new_receipt, packed_part
from include.codebashing_lms.people import Locate
from include.codebashing_lms.receipt import NAME as RECEIPT
from include.codebashing_lms.receipt import continued, receipts_of, tries_of
from include.codebashing_lms.refused_rows import stop_at_too_many
from include.codebashing_lms.sent_rows import TOLD_FILE, SentRows
from include.codebashing_lms.settling import Settling
from include.codebashing_lms.staging import StagedPath
from include.codebashing_lms.telling import Sending, is_full, rules_of
from include.codebashing_lms.transform.guards import check
from include.codebashing_lms.waiting import wait_for_the_job

__all__ = ["LoadRun", "load"]

log = logging.getLogger(__name__)


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
        # over HTTP a probe would be imported, and stay
        seen = way.probe() if isinstance(way, DropWay) else way.try_connection()
        return not_sent("checked", f"{seen}{keys} Nothing was sent: this run only checks.")
    home = folder.parent.parent.parent
    book = Book(*destination_folder(home, connector))
    it = _Load(connector, destination, way, folder, run, home, book, transformed)
    outcome = it.outcome(locate)
    log.info("%s: %s", outcome["outcome"], outcome["sentence"])
    return outcome


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
            return not_sent("held", "Nothing was sent: delivery.hold is on in the connector file.")
        not_fetched: list[Receipt] = []
        if not self.run.dry_run:
            before = self._settled()
            if before:
                return before
            not_fetched = self._drops.look() if self._drops else []
        ledger = open_ledger(self.book.folder)
        sending = Sending(self.connector, self.folder, self.transformed["file"], self._as_of)
        with self._verified_rows() as rows:
            manifest, summary = sending.write(Comparison(rows, ledger, self._rules(locate)))
        self._guard(ledger, manifest, summary)
        receipt = self._receipt(manifest, summary, locate)
        told = {name: receipt[name] for name in ("where", "rows", "file", "bytes", "sha256")}
        return {**told, **self._send(ledger, summary, receipt, not_fetched)}

    def _settled(self) -> Outcome | None:
        """Bring what was begun to its end; return the run's outcome where that was its own delivery."""
        settling = Settling(self.home, self.book, self.way, self.folder, appends(self.connector))
        settled = settling.settle()
        if settled.waiting:
            return self._wait(*settled.waiting)
        for receipt, address in receipts_of(self.folder, self.run.run_id):
            if receipt["state"] == "delivered":
                by_this_task = receipt["delivery"] in settled.delivered
                if by_this_task:
                    stop_at_too_many(receipt, most_refused(self.connector.delivery))
                return delivered_before(receipt, address, by_this_task)
        return None

    def _wait(self, receipt: Receipt, folder: StagedPath) -> Outcome:
        by = f"{self.run.run_id} {self.run.clear_number}"
        return wait_for_the_job(receipt, folder, self.connector.delivery, by)

    def _rules(self, locate: Locate) -> Rules:
        since = answered_since(self.book.folder)
        return rules_of(self.connector, self._as_of, is_full(self.connector, self.run.send), since, locate)

    @contextmanager
    def _verified_rows(self) -> Iterator[Path]:
        """Give what transform staged; what load itself writes over is looked at before its first try only."""
        if not (self.folder / TOLD_FILE).exists():
            for name, sha256 in (("manifest.json", "manifest_sha256"), (self.transformed["file"], "sha256")):
                with verified(self.folder / name, self.transformed[sha256]):
                    pass
        with verified(self.folder / "rows.parquet", self.transformed["rows_sha256"]) as path:
            yield path

    def _guard(self, ledger: Ledger, manifest: dict[str, Any], summary: Summary) -> None:
        """Stop before a first delivery nobody asked for, and where a live run's numbers cannot be."""
        stop_before_the_first(self.home, self.connector, ledger, summary)
        if manifest["provenance"] != "live":
            return
        guards, now = self.connector.guards, learners_of(manifest, summary)
        last = last_live(entries(self.book.folder), self.transformed["as_of"])
        check(
            learners_over_time(guards, now, last) | learners_fallen(guards, summary.fell, now["known"]),
            self.run.skip_guards,
        )

    def _send(
        self, ledger: Ledger, summary: Summary, receipt: Receipt, not_fetched: list[Receipt]
    ) -> Outcome:
        what = what_is_sent(receipt)
        if self.run.dry_run:
            return not_sent("dry_run", f"{self.way.try_connection()} {what} was not sent: this is a dry run.")
        if summary.sent == 0:
            known = SentRows(self.folder).to_journal()
            facts = self.book.facts(receipt, "baseline" if any(map(len, known)) else "observation")
            append(self.book.folder, ledger, known, summary.seen, facts)
            return not_sent("nothing_to_send", "Nothing was sent: the LMS knows everything there is to tell.")
        return self._deliver(ledger, summary, receipt, not_fetched)

    def _deliver(
        self, ledger: Ledger, summary: Summary, receipt: Receipt, not_fetched: list[Receipt]
    ) -> Outcome:
        """Send, and enter what the LMS took into the journal."""
        tried = receipt["delivery"] in {old["delivery"] for old in tries_of(self.folder, self.run.run_id)}
        if not tried and not is_full(self.connector, self.run.send):
            leave_what_was_not_fetched(self.way, receipt, not_fetched)
        handover = Handover(self.home, self.folder, self.way, appends(self.connector))
        receipt = handover.send(receipt, tried)
        address = str(self.folder / RECEIPT)
        if receipt["state"] == "working":
            return self._wait(receipt, self.folder)
        enter(self.home, self.book, self.folder, receipt, ledger.number, summary.seen)
        if not_fetched and self._drops:
            self._drops.replace(not_fetched, receipt)
        stop_at_too_many(receipt, most_refused(self.connector.delivery))
        return delivered(receipt, address, not_fetched)

    @property
    def _drops(self) -> Drops | None:
        if not isinstance(self.way, DropWay) or not is_watched(self.way):
            return None
        return Drops(self.home, self.book, self.way, self.connector.lms.contract.file.header)

    @property
    def _as_of(self) -> datetime:
        as_of = parse_instant(self.transformed["as_of"])
        if as_of is None:
            raise StagingError(
                "transform handed over no as-of. Clear transform and load to build the file again."
            )
        return as_of

    def _receipt(self, manifest: dict[str, Any], summary: Summary, locate: Locate) -> Receipt:
        parts = manifest["parts"]
        if summary.sent:
            packing = packing_of(self.connector.delivery, self.destination, locate)
            parts = [packed_part(packing, part, self.folder) for part in parts]
        receipt = new_receipt(self.connector, self.run, manifest, summary, parts)
        where = {"where": self.way.address(receipt["file"]), "destination": self.book.destination}
        return continued(receipt | where, tries_of(self.folder, self.run.run_id))

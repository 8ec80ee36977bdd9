"""load: what the LMS does not know yet goes to the LMS, once; the receipt and the journal say so."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from include.codebashing_lms import __version__
from include.codebashing_lms.arrow_memory import give_memory_back
from include.codebashing_lms.changes import Rules
from include.codebashing_lms.comparison import Comparison, Summary
from include.codebashing_lms.connector import Connector, Wait
from include.codebashing_lms.dates import iso, parse_instant
from include.codebashing_lms.deliveries import Book, enter
from include.codebashing_lms.delivery import DropWay, Way
from include.codebashing_lms.delivery.packing import Packing, packed, packing_of
from include.codebashing_lms.delivery.ways import Destination, appends, most_refused, tells_refusals, way_to
from include.codebashing_lms.drops import Drops, is_watched, not_fetched_since
from include.codebashing_lms.errors import DeliveryUnavailableError, StagingError
from include.codebashing_lms.first_delivery import answered_since, stop_before_the_first
from include.codebashing_lms.guards_over_time import last_live, learners_fallen, learners_over_time
from include.codebashing_lms.handover import Handover, Receipt, verified
from include.codebashing_lms.ledger import Ledger, append, destination_folder, entries, open_ledger
from include.codebashing_lms.load_words import (
    Outcome,
    delivered,
    delivered_before,
    not_sent,
    still_working,
    waiting,
    what_is_sent,
)
from include.codebashing_lms.people import Locate
from include.codebashing_lms.receipt import NAME as RECEIPT
from include.codebashing_lms.receipt import continued, parts_of, receipts_of, write_receipt
from include.codebashing_lms.refused_rows import stop_at_too_many
from include.codebashing_lms.sent_rows import TOLD_FILE, SentRows
from include.codebashing_lms.settling import Settling
from include.codebashing_lms.staging import StagedPath
from include.codebashing_lms.telling import Sending, is_full, rules_of
from include.codebashing_lms.transform.guards import check

log = logging.getLogger(__name__)


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
        return not_sent("checked", f"{way.probe()}{keys} Nothing was sent: this run only checks.")
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
            manifest, summary = sending.write(Comparison(rows, ledger.table, self._rules(locate)))
        self._guard(ledger, manifest, summary)
        receipt = self._receipt(manifest, summary, self._packed(manifest, summary, locate))
        told = {name: receipt[name] for name in ("where", "rows", "file", "bytes", "sha256")}
        return {**told, **self._send(ledger, summary, receipt, not_fetched)}

    def _settled(self) -> Outcome | None:
        """Bring what was begun to its end; return the run's outcome where that was its own delivery."""
        settling = Settling(self.home, self.book, self.way, self.folder, appends(self.connector))
        settled = settling.settle()
        if settled.waiting:
            return self._waiting(*settled.waiting)
        for receipt, address in receipts_of(self.folder, self.run.run_id):
            if receipt["state"] == "delivered":
                by_this_task = receipt["delivery"] in settled.delivered
                if by_this_task:
                    stop_at_too_many(receipt, most_refused(self.connector.delivery))
                return delivered_before(receipt, address, by_this_task)
        return None

    def _waiting(self, receipt: Receipt, folder: StagedPath) -> Outcome:
        """Return when to ask the LMS again about its job; until it has ended nothing new is sent."""
        delivery = self.connector.delivery
        wait = getattr(delivery, "job", None) or getattr(delivery, "wait", None) or Wait()
        every, deadline = wait.every, wait.deadline
        by, now = f"{self.run.run_id} {self.run.clear_number}", datetime.now(UTC)
        waits = receipt.get("waits", {})
        if waits.get("by") != by:
            waits = {"by": by, "until": iso(now + timedelta(seconds=deadline))}
            write_receipt(folder, receipt | {"waits": waits})
        until = parse_instant(waits["until"]) or now
        if now >= until:
            raise still_working(receipt, deadline)
        return waiting(receipt, str(folder / RECEIPT), min(every, math.ceil((until - now).total_seconds())))

    def _packed(self, manifest: dict[str, Any], summary: Summary, locate: Locate) -> dict[str, Any]:
        """Return name, bytes and checksum of the files as they go to the LMS."""
        parts = manifest["parts"]
        if summary.sent:
            packing = packing_of(self.connector.delivery, self.destination, locate)
            parts = [self._packed_part(packing, part) for part in parts]
        first = {name: fact for name, fact in parts[0].items() if name not in ("rows", "course")}
        return first | ({"parts": parts} if len(parts) > 1 else {})

    def _packed_part(self, packing: Packing, part: dict[str, Any]) -> dict[str, Any]:
        content = {name: part[name] for name in ("file", "bytes", "sha256")}
        with verified(self.folder / content["file"], content["sha256"]) as plain:
            return part | packed(packing, plain, content, self.folder)

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
        guards, now = self.connector.guards, _learners(manifest, summary)
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
            known = SentRows.of(self.folder).to_journal()
            facts = self.book.facts(receipt, "baseline" if len(known) else "observation")
            append(self.book.folder, ledger, known, summary.seen, facts)
            return not_sent("nothing_to_send", "Nothing was sent: the LMS knows everything there is to tell.")
        return self._deliver(ledger, summary, receipt, not_fetched)

    def _deliver(
        self, ledger: Ledger, summary: Summary, receipt: Receipt, not_fetched: list[Receipt]
    ) -> Outcome:
        """Send, and enter what the LMS took into the journal."""
        tried = receipt["delivery"] in {old["delivery"] for old, _ in self._receipts()}
        if not tried:
            self._leave_what_was_not_fetched(receipt, not_fetched)
        handover = Handover(self.home, self.folder, self.way, appends(self.connector))
        receipt = handover.send(receipt, tried)
        address = str(self.folder / RECEIPT)
        if receipt["state"] == "working":
            return self._waiting(receipt, self.folder)
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

    def _leave_what_was_not_fetched(self, receipt: Receipt, not_fetched: list[Receipt]) -> None:
        """Refuse to send changes on top of earlier ones that the LMS has not fetched."""
        if is_full(self.connector, self.run.send):
            return
        if not_fetched:
            raise DeliveryUnavailableError(
                f"The LMS picks nothing up at {self.way.address('')}: {not_fetched_since(not_fetched)}, and "
                "changes do not go before it has. Nothing was sent. This run's rows go with the next run; "
                "ask the LMS's administrator why it does not fetch."
            )
        if any(self.way.occupied(part["file"]) for part in parts_of(receipt)):
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

    def _receipts(self) -> list[tuple[Receipt, str]]:
        """Return the receipts of this run's tries, of before it was cleared first."""
        return sorted(
            receipts_of(self.folder, self.run.run_id), key=lambda found: int(found[0]["clear_number"])
        )

    def _receipt(self, manifest: dict[str, Any], summary: Summary, files: dict[str, Any]) -> Receipt:
        where = self.way.address(files["file"])
        run = self.run
        receipt = {
            "state": "sending",
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
            "refused": 0,
            "refusals_to_come": not tells_refusals(self.connector),
            **files,
            "as_of": self.transformed["as_of"],
            "provenance": manifest["provenance"],
            "learners": _learners(manifest, summary),
            "sending_since": iso(datetime.now(UTC)),
        }
        return continued(receipt, [found for found, _ in self._receipts()])


def _learners(manifest: dict[str, Any], summary: Summary) -> dict[str, int]:
    """Return the learners as the next live run compares itself with them."""
    return {"read": manifest["learners"], "known": summary.learners}

"""load: what the LMS does not know yet goes to the LMS, once; the receipt and the journal say so."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.lists import PathResolver
from include.codebashing_lms.connections.model import LmsConnection
from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.delivery.factory import appends, max_refused_percent, transport_for
from include.codebashing_lms.delivery.packing import packing_of
from include.codebashing_lms.delivery.transport import SupportsPickup, Transport
from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.ledger.destinations import destination_folder
from include.codebashing_lms.ledger.journal import append, entries, open_ledger
from include.codebashing_lms.ledger.versions import Ledger
from include.codebashing_lms.load.compare import DeltaSummary, LedgerComparison
from include.codebashing_lms.load.delta import DeltaRules
from include.codebashing_lms.load.guards import (
    answered_since,
    last_live,
    learner_drop,
    learner_fall,
    require_first_delivery_answer,
)
from include.codebashing_lms.load.in_flight import DestinationLedger, commit
from include.codebashing_lms.load.outcome import (
    Outcome,
    delivered,
    delivered_before,
    describe_file,
    not_sent,
    wait_for_the_job,
)
from include.codebashing_lms.load.outputs import LoadOutputs, delta_rules, sends_full
from include.codebashing_lms.load.pickup import PickupTracker, is_watched, refuse_if_not_fetched
from include.codebashing_lms.load.prepare import LoadContext, learners_of, new_receipt, packed_part
from include.codebashing_lms.load.receipt import NAME as RECEIPT
from include.codebashing_lms.load.receipt import attempts_of, receipts_of, resume_from
from include.codebashing_lms.load.recovery import Recovery
from include.codebashing_lms.load.refusals import stop_at_too_many
from include.codebashing_lms.load.send import Receipt, Sender
from include.codebashing_lms.load.sent_rows import SENT_FILE, SentRows
from include.codebashing_lms.staging.checksums import verified
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.streaming.prefetch import use_jemalloc
from include.codebashing_lms.transform.guards import check
from include.codebashing_lms.transform.manifest import Manifest

__all__ = ["LoadContext", "load"]

log = logging.getLogger(__name__)


def load(
    connector: Connector,
    destination: LmsConnection,
    transformed: dict[str, Any],
    folder: StagedPath,
    run: LoadContext,
    resolve: PathResolver = Path,
) -> Outcome:
    """Send the rows of `transformed` that the LMS does not know yet; return what became of it."""
    use_jemalloc()
    transport = transport_for(connector, destination)
    if run.check_only:
        keys = packing_of(connector.delivery, destination, resolve).sentence
        # over HTTP a probe would be imported, and stay
        seen = transport.probe() if isinstance(transport, SupportsPickup) else transport.check()
        return not_sent("checked", f"{seen}{keys} Nothing was sent: this run only checks.")
    home = folder.parent.parent.parent
    destination_ledger = DestinationLedger(*destination_folder(home, connector))
    it = _Load(connector, destination, transport, folder, run, home, destination_ledger, transformed)
    outcome = it.outcome(resolve)
    log.info("%s: %s", outcome["outcome"], outcome["sentence"])
    return outcome


@dataclass
class _Load:
    """One run's load: what it works with, and its steps in their order."""

    connector: Connector
    destination: LmsConnection
    transport: Transport
    folder: StagedPath
    run: LoadContext
    home: StagedPath
    destination_ledger: DestinationLedger
    transformed: dict[str, Any]

    def outcome(self, resolve: PathResolver) -> Outcome:
        """Settle what was begun, decide, and send unless there is a reason not to."""
        if self.connector.delivery.hold:
            return not_sent("held", "Nothing was sent: delivery.hold is on in the connector file.")
        not_fetched: list[Receipt] = []
        if not self.run.dry_run:
            before = self._settled()
            if before:
                return before
            not_fetched = self._drops.look() if self._drops else []
        ledger = open_ledger(self.destination_ledger.folder)
        sending = LoadOutputs(self.connector, self.folder, self.transformed["file"], self._as_of)
        with self._verified_rows() as rows:
            manifest, summary = sending.write(LedgerComparison(rows, ledger, self._rules(resolve)))
        self._guard(ledger, manifest, summary)
        receipt = self._receipt(manifest, summary, resolve)
        told = {name: receipt[name] for name in ("where", "rows", "file", "bytes", "sha256")}
        return {**told, **self._send(ledger, summary, receipt, not_fetched)}

    def _settled(self) -> Outcome | None:
        """Bring what was begun to its end; return the run's outcome where that was its own delivery."""
        recovery = Recovery(
            self.home, self.destination_ledger, self.transport, self.folder, appends(self.connector)
        )
        settled = recovery.settle()
        if settled.waiting:
            return self._wait(*settled.waiting)
        for receipt, address in receipts_of(self.folder, self.run.run_id):
            if receipt["state"] == "delivered":
                by_this_task = receipt["delivery"] in settled.delivered
                if by_this_task:
                    stop_at_too_many(receipt, max_refused_percent(self.connector.delivery))
                return delivered_before(receipt, address, by_this_task)
        return None

    def _wait(self, receipt: Receipt, folder: StagedPath) -> Outcome:
        by = f"{self.run.run_id} {self.run.clear_number}"
        return wait_for_the_job(receipt, folder, self.connector.delivery, by)

    def _rules(self, resolve: PathResolver) -> DeltaRules:
        since = answered_since(self.destination_ledger.folder)
        return delta_rules(
            self.connector, self._as_of, sends_full(self.connector, self.run.send), since, resolve
        )

    @contextmanager
    def _verified_rows(self) -> Iterator[Path]:
        """Give what transform staged; what load itself writes over is looked at before its first try only."""
        if not (self.folder / SENT_FILE).exists():
            for name, sha256 in (("manifest.json", "manifest_sha256"), (self.transformed["file"], "sha256")):
                with verified(self.folder / name, self.transformed[sha256]):
                    pass
        with verified(self.folder / "rows.parquet", self.transformed["rows_sha256"]) as path:
            yield path

    def _guard(self, ledger: Ledger, manifest: Manifest, summary: DeltaSummary) -> None:
        """Stop before a first delivery nobody asked for, and where a live run's numbers cannot be."""
        require_first_delivery_answer(self.home, self.connector, ledger, summary)
        if manifest.provenance != "live":
            return
        guards, now = self.connector.guards, learners_of(manifest, summary)
        last = last_live(entries(self.destination_ledger.folder), self.transformed["as_of"])
        check(
            learner_drop(guards, now, last) | learner_fall(guards, summary.fell, now["known"]),
            self.run.skip_guards,
        )

    def _send(
        self, ledger: Ledger, summary: DeltaSummary, receipt: Receipt, not_fetched: list[Receipt]
    ) -> Outcome:
        what = describe_file(receipt)
        if self.run.dry_run:
            return not_sent("dry_run", f"{self.transport.check()} {what} was not sent: this is a dry run.")
        if summary.sent == 0:
            known = SentRows(self.folder).to_journal()
            facts = self.destination_ledger.facts(
                receipt, "baseline" if any(map(len, known)) else "observation"
            )
            append(self.destination_ledger.folder, ledger, known, summary.seen, facts)
            return not_sent("nothing_to_send", "Nothing was sent: the LMS knows everything there is to tell.")
        return self._deliver(ledger, summary, receipt, not_fetched)

    def _deliver(
        self, ledger: Ledger, summary: DeltaSummary, receipt: Receipt, not_fetched: list[Receipt]
    ) -> Outcome:
        """Send, and enter what the LMS took into the journal."""
        tried = receipt["delivery"] in {old["delivery"] for old in attempts_of(self.folder, self.run.run_id)}
        if not tried and not sends_full(self.connector, self.run.send):
            refuse_if_not_fetched(self.transport, receipt, not_fetched)
        sender = Sender(self.home, self.folder, self.transport, appends(self.connector))
        receipt = sender.send(receipt, tried)
        address = str(self.folder / RECEIPT)
        if receipt["state"] == "working":
            return self._wait(receipt, self.folder)
        commit(self.home, self.destination_ledger, self.folder, receipt, ledger.number, summary.seen)
        if not_fetched and self._drops:
            self._drops.replace(not_fetched, receipt)
        stop_at_too_many(receipt, max_refused_percent(self.connector.delivery))
        return delivered(receipt, address, not_fetched)

    @property
    def _drops(self) -> PickupTracker | None:
        if not isinstance(self.transport, SupportsPickup) or not is_watched(self.transport):
            return None
        return PickupTracker(
            self.home, self.destination_ledger, self.transport, self.connector.lms.contract.file.header
        )

    @property
    def _as_of(self) -> datetime:
        as_of = parse_instant(self.transformed["as_of"])
        if as_of is None:
            raise StagingError(
                "transform handed over no as-of. Clear transform and load to build the file again."
            )
        return as_of

    def _receipt(self, manifest: Manifest, summary: DeltaSummary, resolve: PathResolver) -> Receipt:
        parts = to_builtins(manifest.parts)
        if summary.sent:
            packing = packing_of(self.connector.delivery, self.destination, resolve)
            parts = [packed_part(packing, part, self.folder) for part in parts]
        receipt = new_receipt(self.connector, self.run, manifest, summary, parts)
        where = {
            "where": self.transport.address(receipt["file"]),
            "destination": self.destination_ledger.destination,
        }
        return resume_from(receipt | where, attempts_of(self.folder, self.run.run_id))

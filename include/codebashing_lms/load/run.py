"""load: rows that the LMS does not know yet go to the LMS, once; the receipt and the journal say so."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import convert, to_builtins

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
from include.codebashing_lms.load.attempts import attempts_of, receipts_of, resume_from
from include.codebashing_lms.load.compare import DeltaSummary, LedgerComparison
from include.codebashing_lms.load.delta import DeltaRules
from include.codebashing_lms.load.guards import answered_since, check_over_time, require_first_delivery_answer
from include.codebashing_lms.load.in_flight import DestinationLedger, commit
from include.codebashing_lms.load.outcome import (
    Outcome,
    OutcomeKind,
    delivered,
    delivered_before,
    describe_file,
    not_sent,
    wait_for_the_job,
)
from include.codebashing_lms.load.outputs import LoadOutputs, delta_rules, sends_full
from include.codebashing_lms.load.pickup import PickupTracker, pickup_tracker, refuse_if_not_fetched
from include.codebashing_lms.load.prepare import LoadContext, new_receipt, packed_part
from include.codebashing_lms.load.receipt import Part, Receipt, State, as_dict
from include.codebashing_lms.load.recovery import Recovery
from include.codebashing_lms.load.refusals import stop_at_too_many
from include.codebashing_lms.load.send import Sender
from include.codebashing_lms.load.sent_rows import SentRows
from include.codebashing_lms.staging.checksums import verified
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.staging.layout import MANIFEST, RECEIPT, ROWS, SENT_ROWS, home_of_run
from include.codebashing_lms.streaming.prefetch import use_jemalloc
from include.codebashing_lms.transform.manifest import Manifest

log = logging.getLogger(__name__)


def load(
    connector: Connector,
    destination: LmsConnection,
    transformed: dict[str, Any],
    folder: StagedPath,
    run: LoadContext,
    resolve: PathResolver = Path,
) -> Outcome:
    """Send the rows of `transformed` that the LMS does not know yet; return how this ended."""
    use_jemalloc()
    transport = transport_for(connector, destination)
    if run.check_only:
        keys = packing_of(connector.delivery, destination, resolve).sentence
        # over HTTP a probe would be imported, and stay
        seen = transport.probe() if isinstance(transport, SupportsPickup) else transport.check()
        return not_sent(OutcomeKind.CHECKED, f"{seen}{keys} Nothing was sent: this run only checks.")
    home = home_of_run(folder)
    ledger = DestinationLedger(*destination_folder(home, connector))
    steps = _Steps(connector, destination, transport, folder, run, home, ledger, transformed)
    outcome = steps.run_all(resolve)
    log.info("%s: %s", outcome.kind, outcome.sentence)
    return outcome


@dataclass(frozen=True)
class _Steps:
    """The steps of one run's load, in their order, and what they work with."""

    connector: Connector
    destination: LmsConnection
    transport: Transport
    folder: StagedPath
    run: LoadContext
    home: StagedPath
    destination_ledger: DestinationLedger
    transformed: dict[str, Any]

    def run_all(self, resolve: PathResolver) -> Outcome:
        """Recover what was interrupted, compare, and send unless there is a reason not to."""
        if self.connector.delivery.hold:
            reason = "delivery.hold is on in the connector file"
            return not_sent(OutcomeKind.HELD, f"Nothing was sent: {reason}.")
        not_fetched: list[Receipt] = []
        if not self.run.dry_run:
            if earlier := self._recover():
                return earlier
            not_fetched = self._pickups.poll() if self._pickups else []
        ledger = open_ledger(self.destination_ledger.folder)
        outputs = LoadOutputs(self.connector, self.folder, self._as_of)
        with self._verified_rows() as rows:
            manifest, summary = outputs.write(LedgerComparison(rows, ledger, self._rules(resolve)))
        require_first_delivery_answer(self.home, self.connector, ledger, summary)
        if manifest.provenance == "live":
            journal = entries(self.destination_ledger.folder)
            check_over_time(self.connector.guards, journal, manifest, summary, self.run.skip_guards)
        receipt = self._receipt(manifest, summary, resolve)
        return self._send(ledger, summary, receipt, not_fetched)

    def _recover(self) -> Outcome | None:
        """Bring interrupted deliveries to their end; return the run's outcome if one was its own."""
        recovered = Recovery(
            self.home, self.destination_ledger, self.transport, self.folder, appends(self.connector)
        ).recover()
        for receipt in recovered.ended:
            stop_at_too_many(receipt, max_refused_percent(self.connector.delivery))
        if recovered.waiting:
            return self._wait(*recovered.waiting)
        ended = {receipt.delivery for receipt in recovered.ended}
        for receipt, address in receipts_of(self.folder, self.run.run_id):
            if receipt.state == State.DELIVERED:
                return delivered_before(receipt, address, receipt.delivery in ended)
        return None

    def _wait(self, receipt: Receipt, folder: StagedPath) -> Outcome:
        by = f"{self.run.run_id} {self.run.clear_number}"
        return wait_for_the_job(receipt, folder, self.connector.delivery, by)

    def _rules(self, resolve: PathResolver) -> DeltaRules:
        since, full = (answered_since(self.destination_ledger.folder), sends_full(self.connector, self.run.send))
        return delta_rules(self.connector, self._as_of, full, since, resolve)

    @contextmanager
    def _verified_rows(self) -> Iterator[Path]:
        """Give the rows of transform; a file that load replaces is verified before load's first try only."""
        if not (self.folder / SENT_ROWS).exists():
            for name, sha256 in ((MANIFEST, "manifest_sha256"), (self.transformed["file"], "sha256")):
                with verified(self.folder / name, self.transformed[sha256]):
                    pass
        with verified(self.folder / ROWS, self.transformed["rows_sha256"]) as path:
            yield path

    def _receipt(self, manifest: Manifest, summary: DeltaSummary, resolve: PathResolver) -> Receipt:
        parts = convert(to_builtins(manifest.parts), list[Part])
        if summary.sent:
            packing = packing_of(self.connector.delivery, self.destination, resolve)
            parts = [packed_part(packing, part, self.folder) for part in parts]
        where, destination = self.transport.address(parts[0].file), self.destination_ledger.destination
        receipt = new_receipt(self.connector, self.run, manifest, summary, parts, where, destination)
        return resume_from(receipt, attempts_of(self.folder, self.run.run_id))

    def _send(self, ledger: Ledger, summary: DeltaSummary, receipt: Receipt, not_fetched: list[Receipt]) -> Outcome:
        if self.run.dry_run:
            sentence = f"{self.transport.check()} {describe_file(receipt)} was not sent: this is a dry run."
            return not_sent(OutcomeKind.DRY_RUN, sentence, receipt)
        if summary.sent == 0:
            rows = SentRows(self.folder).to_journal()
            kind = "baseline" if any(map(len, rows)) else "observation"
            metadata = self.destination_ledger.entry_metadata(kind, as_dict(receipt))
            append(self.destination_ledger.folder, ledger, rows, summary.unchanged, metadata)
            sentence = "Nothing was sent: the LMS knows everything there is to send."
            return not_sent(OutcomeKind.NOTHING_TO_SEND, sentence, receipt)
        return self._deliver(ledger, summary, receipt, not_fetched)

    def _deliver(self, ledger: Ledger, summary: DeltaSummary, receipt: Receipt, not_fetched: list[Receipt]) -> Outcome:
        tried = receipt.delivery in {old.delivery for old in attempts_of(self.folder, self.run.run_id)}
        if not tried and not sends_full(self.connector, self.run.send):
            refuse_if_not_fetched(self.transport, receipt, not_fetched)
        to, appending = self.destination_ledger, appends(self.connector)
        receipt = Sender(self.home, to, self.folder, self.transport, appending).send(receipt, tried)
        if receipt.state == State.WORKING:
            return self._wait(receipt, self.folder)
        commit(self.home, self.destination_ledger, self.folder, receipt, ledger.number, summary.unchanged)
        if not_fetched and self._pickups:
            self._pickups.replace(not_fetched, receipt)
        stop_at_too_many(receipt, max_refused_percent(self.connector.delivery))
        return delivered(receipt, str(self.folder / RECEIPT), not_fetched)

    @property
    def _pickups(self) -> PickupTracker | None:
        header = self.connector.lms.contract.file.header
        return pickup_tracker(self.home, self.destination_ledger, self.transport, header)

    @property
    def _as_of(self) -> datetime:
        as_of = parse_instant(self.transformed["as_of"])
        if as_of is None:
            raise StagingError("transform gave no as-of. Clear transform and load to build the file again.")
        return as_of

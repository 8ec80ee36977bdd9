"""load: what the LMS does not know yet goes to the LMS, once; the receipt and the journal say so."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from include.codebashing_lms import __version__
from include.codebashing_lms.changes import Decision, Verdict
from include.codebashing_lms.connector import Connector, FolderDelivery, HttpDelivery, SftpDelivery
from include.codebashing_lms.dates import iso, parse_instant
from include.codebashing_lms.deliveries import Book, begin, enter, settle
from include.codebashing_lms.delivery import Parcel, Way
from include.codebashing_lms.delivery.folder import FolderWay
from include.codebashing_lms.delivery.http import HttpWay
from include.codebashing_lms.delivery.sftp import SftpSite, SftpWay
from include.codebashing_lms.errors import ConnectorError, StagingError
from include.codebashing_lms.first_delivery import answered_since, stop_before_the_first
from include.codebashing_lms.guards_over_time import last_live, learners_fallen, learners_over_time
from include.codebashing_lms.http_site import HttpSite
from include.codebashing_lms.ledger import Ledger, append, destination_folder, entries, open_ledger
from include.codebashing_lms.people import Locate
from include.codebashing_lms.receipt import idempotency_key, receipts_of, write_receipt
from include.codebashing_lms.staging import StagedPath, local_copy, sha256_of
from include.codebashing_lms.telling import Sending, decide_rows, is_full, told_rows
from include.codebashing_lms.transform.guards import check

log = logging.getLogger(__name__)

Destination = HttpSite | SftpSite | None
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
    way = _way(connector, destination)
    if run.check_only:
        return _not_sent("checked", f"{way.probe()} Nothing was sent: this run only checks.")
    home = folder.parent.parent.parent
    book = Book(*destination_folder(home, connector))
    it = _Load(connector, way, folder, run, home, book, transformed)
    outcome = it.outcome(locate)
    log.info("%s: %s", outcome["outcome"], outcome["sentence"])
    return outcome


def _way(connector: Connector, destination: Destination) -> Way:
    delivery = connector.delivery
    if isinstance(delivery, FolderDelivery):
        return FolderWay(delivery)
    if isinstance(delivery, HttpDelivery) and isinstance(destination, HttpSite):
        return HttpWay(delivery, destination)
    if isinstance(delivery, SftpDelivery) and isinstance(destination, SftpSite):
        return SftpWay(delivery, destination)
    raise ConnectorError(f"The connection {delivery.conn_id} does not fit delivery.method {delivery.method}.")


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
            appends = self.connector.lms.options.emits == "completion"
            settled = settle(self.home, self.book, self.way, appends)
            for receipt, address in receipts_of(self.folder, self.run.run_id):
                if receipt["state"] == "delivered":
                    return self._delivered_before(receipt, address, receipt["delivery"] in settled)
        ledger = open_ledger(self.book.folder)
        decision = self._decide(ledger, locate)
        sending = Sending(self.connector, self.folder, self.transformed["file"], self._as_of)
        manifest = sending.write(decision)
        self._guard(ledger, decision, manifest)
        told = {name: manifest[name] for name in ("file", "bytes", "sha256")}
        where = self.way.address(manifest["file"])
        return {
            "where": where,
            "rows": int(decision.send.sum()),
            **told,
            **self._send(ledger, decision, manifest),
        }

    def _decide(self, ledger: Ledger, locate: Locate) -> Decision:
        full = is_full(self.connector, self.run.send)
        if not (self.folder / "told.parquet").exists():  # else an earlier try has written over these already
            for name, sha256 in (("manifest.json", "manifest_sha256"), (self.transformed["file"], "sha256")):
                with _verified(self.folder / name, self.transformed[sha256]):
                    pass
        rows = self.folder / "rows.parquet"
        with _verified(rows, self.transformed["rows_sha256"]) as path:
            since = answered_since(self.book.folder)
            return decide_rows(self.connector, path, ledger.table, self._as_of, full, since, locate)

    def _guard(self, ledger: Ledger, decision: Decision, manifest: dict[str, Any]) -> None:
        """Stop before a first delivery nobody asked for, and where a live run's numbers cannot be."""
        stop_before_the_first(self.home, self.connector, ledger, decision)
        if manifest["provenance"] != "live":
            return
        guards, now = self.connector.guards, self._learners(decision, manifest)
        last = last_live(entries(self.book.folder))
        check(
            learners_over_time(guards, now, last) | learners_fallen(guards, decision.fell, now["known"]),
            self.run.skip_guards,
        )

    def _learners(self, decision: Decision, manifest: dict[str, Any]) -> dict[str, int]:
        return {"read": manifest["learners"], "known": int(decision.rows["employee_id"].nunique())}

    def _send(self, ledger: Ledger, decision: Decision, manifest: dict[str, Any]) -> Outcome:
        rows = int(decision.send.sum())
        what = f"{manifest['file']} ({'1 row' if rows == 1 else f'{rows} rows'}, {manifest['bytes']} bytes)"
        if self.run.dry_run:
            return _not_sent(
                "dry_run", f"{self.way.try_connection()} {what} was not sent: this is a dry run."
            )
        receipt = self._receipt(decision, manifest)
        ledger = self._note_what_was_known(ledger, decision, receipt)
        if rows == 0:
            facts = self.book.facts(receipt, "observation")
            append(self.book.folder, ledger, told_rows(decision), self._seen(ledger, decision), facts)
            return _not_sent(
                "nothing_to_send", "Nothing was sent: the LMS knows everything there is to tell."
            )
        return self._deliver(ledger, decision, receipt, what)

    def _note_what_was_known(self, ledger: Ledger, decision: Decision, receipt: dict[str, Any]) -> Ledger:
        """Enter completions from before the start of deliveries as known, so that they stay known."""
        known = told_rows(decision, (Verdict.BEFORE_START,))
        if not len(known):
            return ledger
        facts = self.book.facts(receipt, "baseline") | {"delivery": f"{receipt['delivery']}-known"}
        return append(self.book.folder, ledger, known, decision.seen(len(ledger.table)) & False, facts)

    def _deliver(self, ledger: Ledger, decision: Decision, receipt: dict[str, Any], what: str) -> Outcome:
        tried = {old["delivery"] for old, _ in receipts_of(self.folder, self.run.run_id)}
        begin(self.home, receipt, self.folder)
        with _verified(self.folder / receipt["file"], receipt["sha256"]) as path:
            parcel = Parcel(path, receipt["file"], receipt["bytes"], receipt["sha256"], receipt["delivery"])
            sent = self.way.deliver(parcel, receipt["delivery"] in tried)
        known = f"{self.way.result} {receipt['where']}"
        done = {"state": "delivered", "known": known, "delivered_at": _now(), "sent_by_earlier_try": not sent}
        address = write_receipt(self.folder, receipt | done)
        enter(self.home, self.book, self.folder, receipt | done, self._seen(ledger, decision))
        earlier = "" if sent else ", by an earlier try whose end was not seen; it was not sent again"
        return {"outcome": "delivered", "sentence": f"{what} was {known}{earlier}.", "receipt": address}

    def _seen(self, ledger: Ledger, decision: Decision) -> Any:
        return decision.seen(len(ledger.table))

    @property
    def _as_of(self) -> datetime:
        as_of = parse_instant(self.transformed["as_of"])
        if as_of is None:
            raise StagingError(
                "transform handed over no as-of. Clear transform and load to build the file again."
            )
        return as_of

    def _receipt(self, decision: Decision, manifest: dict[str, Any]) -> dict[str, Any]:
        where = self.way.address(manifest["file"])
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
            "file": manifest["file"],
            "rows": int(decision.send.sum()),
            "bytes": manifest["bytes"],
            "sha256": manifest["sha256"],
            "as_of": self.transformed["as_of"],
            "provenance": manifest["provenance"],
            "learners": self._learners(decision, manifest),
            "sending_since": _now(),
        }

    def _delivered_before(self, receipt: dict[str, Any], address: str, by_this_task: bool) -> Outcome:
        told = {name: receipt[name] for name in ("where", "file", "rows", "bytes", "sha256")}
        known = f"{receipt['file']} was {receipt['known']}"
        if by_this_task:
            sentence = f"{known} by an earlier try whose end was not seen; it was not sent again."
            return {**told, "outcome": "delivered", "sentence": sentence, "receipt": address}
        sentence = f"Nothing was sent: this run's file {known} at {receipt['delivered_at']}."
        return {
            **told,
            **_not_sent("already_delivered", f"{sentence} To send again, trigger a new run.", address),
        }


def _not_sent(outcome: str, sentence: str, receipt: str | None = None) -> Outcome:
    return {"outcome": outcome, "sentence": sentence, "receipt": receipt}


def _now() -> str:
    return iso(datetime.now(UTC))

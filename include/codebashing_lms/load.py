"""load: hand the run's file to the LMS, once, and keep a receipt."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from include.codebashing_lms import __version__
from include.codebashing_lms.connector import Connector, FolderDelivery, HttpDelivery, SftpDelivery
from include.codebashing_lms.dates import iso
from include.codebashing_lms.delivery import Parcel, Way
from include.codebashing_lms.delivery.folder import FolderWay
from include.codebashing_lms.delivery.http import HttpWay
from include.codebashing_lms.delivery.sftp import SftpSite, SftpWay
from include.codebashing_lms.errors import ConnectorError, StagingError
from include.codebashing_lms.http_site import HttpSite
from include.codebashing_lms.receipt import idempotency_key, receipts_of, write_receipt
from include.codebashing_lms.staging import StagedPath, local_copy, read_json, sha256_of

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


@dataclass(frozen=True)
class _Delivery:
    """A delivery before it begins."""

    connector: Connector
    run: LoadRun
    folder: StagedPath
    way: Way
    parcel: Parcel
    where: str
    rows: int

    def __str__(self) -> str:
        rows = "1 row" if self.rows == 1 else f"{self.rows} rows"
        return f"{self.parcel.name} ({rows}, {self.parcel.bytes} bytes)"


def load(
    connector: Connector,
    destination: Destination,
    transformed: dict[str, Any],
    manifest: StagedPath,
    folder: StagedPath,
    run: LoadRun,
) -> Outcome:
    """Deliver the file of `transformed`, unless there is a reason not to; return what became of it."""
    way = _way(connector, destination)
    where = way.address(transformed["file"])
    with _verified(manifest, transformed["manifest_sha256"]):
        rows = read_json(manifest)["records"]["emitted"]
    with _verified(folder / transformed["file"], transformed["sha256"]) as path:
        key = idempotency_key(connector.name, run.run_id, transformed["sha256"], where)
        parcel = Parcel(path, transformed["file"], path.stat().st_size, transformed["sha256"], key)
        outcome = _outcome(_Delivery(connector, run, folder, way, parcel, where, rows))
    facts = {
        "where": where,
        "file": parcel.name,
        "rows": rows,
        "bytes": parcel.bytes,
        "sha256": parcel.sha256,
    }
    log.info("%s: %s", outcome["outcome"], outcome["sentence"])
    return {**facts, **outcome}


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


def _outcome(it: _Delivery) -> Outcome:
    if it.run.check_only:
        return _not_sent("checked", f"{it.way.probe()} Nothing was sent: this run only checks.")
    if it.run.dry_run:
        return _not_sent("dry_run", f"{it.way.try_connection()} {it} was not sent: this is a dry run.")
    receipts = list(receipts_of(it.folder, it.run.run_id))
    for receipt, address in receipts:
        if receipt["state"] == "delivered":
            return _not_sent("already_delivered", _already(receipt, it), address)
    if it.rows == 0:
        return _not_sent("nothing_to_send", f"{it.parcel.name} was not sent: it has no rows.")
    if it.connector.delivery.hold:
        return _not_sent("held", f"{it} was not sent: delivery.hold is on in the connector file.")
    return _deliver(it, resuming=it.parcel.idempotency_key in {old["idempotency_key"] for old, _ in receipts})


def _not_sent(outcome: str, sentence: str, receipt: str | None = None) -> Outcome:
    return {"outcome": outcome, "sentence": sentence, "receipt": receipt}


def _already(receipt: dict[str, Any], it: _Delivery) -> str:
    same = receipt["sha256"] == it.parcel.sha256
    changed = "" if same else " What was built now differs from it."
    return (
        f"Nothing was sent: this run's file {receipt['file']} was {receipt['known']} at "
        f"{receipt['delivered_at']}.{changed} To send again, trigger a new run."
    )


def _deliver(it: _Delivery, resuming: bool) -> Outcome:
    receipt = _receipt(it)
    write_receipt(it.folder, receipt)
    sent = it.way.deliver(it.parcel, resuming)
    known = f"{it.way.result} {it.where}"
    done = {"state": "delivered", "known": known, "delivered_at": _now(), "sent_by_earlier_try": not sent}
    address = write_receipt(it.folder, {**receipt, **done})
    earlier = "" if sent else ", by an earlier try whose end was not seen; it was not sent again"
    return {"outcome": "delivered", "sentence": f"{it} was {known}{earlier}.", "receipt": address}


def _receipt(it: _Delivery) -> dict[str, Any]:
    return {
        "state": "sending",
        "connector": it.connector.name,
        "package_version": __version__,
        "run_id": it.run.run_id,
        "clear_number": it.run.clear_number,
        "triggered_by": it.run.triggered_by,
        "skipped_guards": list(it.run.skip_guards),
        "reason": it.run.reason,
        "method": it.connector.delivery.method,
        "where": it.where,
        "file": it.parcel.name,
        "rows": it.rows,
        "bytes": it.parcel.bytes,
        "sha256": it.parcel.sha256,
        "idempotency_key": it.parcel.idempotency_key,
        "sending_since": _now(),
    }


def _now() -> str:
    return iso(datetime.now(UTC))

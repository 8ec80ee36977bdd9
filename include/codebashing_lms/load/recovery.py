"""Open deliveries come to their end before anything new is sent, whatever instant a task was killed at.

A receipt says `delivered`: it is entered into the journal. `sending`: the LMS is looked at for the file.
`working`: the LMS is asked about its import job. What cannot be found out is sent again with the rows of this
run, unless the LMS would add it a second time: then a person has to look.


A delivery's end as a person found it at the LMS.
"""

import logging
from dataclasses import dataclass, field
from typing import Any

from include.codebashing_lms.delivery.transport import (
    SupportsJobLookup,
    SupportsJobs,
    SupportsPickup,
    Transport,
)
from include.codebashing_lms.errors import (
    ConnectorError,
    DeliveryError,
    DeliveryUnavailableError,
    UnknownJobError,
)
from include.codebashing_lms.load.in_flight import (
    DestinationLedger,
    close,
    commit,
    in_flight,
    in_flight_by_id,
    in_flight_folder,
    ledger_of_receipt,
)
from include.codebashing_lms.load.receipt import key_of_part, parts_done, parts_of, write_receipt
from include.codebashing_lms.load.send import Receipt, Sender
from include.codebashing_lms.staging.files import StagedPath, remove_stale_partial_files

log = logging.getLogger(__name__)


@dataclass
class RecoveryResult:
    """What became of the open deliveries.

    :param delivered: those that are at the LMS after all.
    :param waiting: one that the LMS still works on, and its folder.
    """

    delivered: set[str] = field(default_factory=set)
    waiting: tuple[Receipt, StagedPath] | None = None


@dataclass(frozen=True)
class Recovery:
    """Brings open deliveries to their end.

    :param own: the folder of the run that does so.
    :param appends: whether the LMS adds rows once more that it is sent once more.
    """

    home: StagedPath
    destination_ledger: DestinationLedger
    transport: Transport
    own: StagedPath
    appends: bool

    def settle(self) -> RecoveryResult:
        """Settle every open delivery of the connector, as far as it can be."""
        remove_stale_partial_files(self.home / "in_flight")
        settled = RecoveryResult()
        for receipt, folder in in_flight(self.home):
            own = ledger_of_receipt(self.home, receipt)  # the destination may have been changed since
            if own.folder == self.destination_ledger.folder:
                receipt = self._looked_at(receipt, folder)
            if receipt["state"] == "working" and own.folder == self.destination_ledger.folder:
                settled.waiting = receipt, folder
            elif receipt["state"] == "delivered":
                commit(self.home, own, folder, receipt)
                settled.delivered.add(receipt["delivery"])
            elif receipt["state"] == "not_taken":
                close(self.home, receipt)
            elif receipt["state"] == "partly":
                commit(self.home, own, folder, receipt)
            else:
                self._given_up(receipt, folder, own)
        return settled

    def _looked_at(self, receipt: Receipt, folder: StagedPath) -> Receipt:
        """Return the receipt after the LMS was asked."""
        sender = Sender(self.home, folder, self.transport, self.appends)
        if receipt["state"] == "working":
            return self._asked(receipt, sender)
        if receipt["state"] == "sending" and self._is_there(receipt):
            return sender.resume(receipt)
        return receipt

    def _is_there(self, receipt: Receipt) -> bool:
        """Tell whether the LMS has the file that was under way, or works on it."""
        number = min(parts_done(receipt), len(parts_of(receipt)) - 1)
        if isinstance(self.transport, SupportsJobLookup):
            return self.transport.find_job(key_of_part(receipt, number)) is not None
        part = parts_of(receipt)[number]
        return isinstance(self.transport, SupportsPickup) and self.transport.holds(
            part["file"], part["bytes"], part["sha256"]
        )

    def _asked(self, receipt: Receipt, sender: Sender) -> Receipt:
        if not isinstance(self.transport, SupportsJobs):
            return receipt | {"state": "unknown"}
        try:
            asked = self.transport.job_status(receipt["job"])
        except UnknownJobError:
            return receipt | {"state": "unknown", "job_is": "not known to the LMS any more"}
        except DeliveryUnavailableError as error:
            log.warning("The LMS could not be asked about its import job: %s", error)
            return receipt
        if asked.state == "working":
            return receipt
        if asked.state == "failed":
            return receipt | {"state": "failed", "job_is": "failed, as the LMS says"}
        return sender.taken(receipt, asked.refusals)

    def _given_up(self, receipt: Receipt, folder: StagedPath, destination_ledger: DestinationLedger) -> None:
        """Leave a delivery whose end cannot be found out, or that came to nothing, to this run's rows."""
        if self.appends:
            raise _needs_a_person(receipt)
        failed = receipt["state"] == "failed"
        receipt = receipt if failed else receipt | {"state": "unknown"}
        write_receipt(folder, receipt)
        if parts_done(receipt):
            commit(self.home, destination_ledger, folder, receipt)
        close(self.home, receipt)
        if failed and str(folder) == str(self.own):
            raise _import_failed(receipt)
        log.warning(
            "Whether %s was taken is not known; its rows are compared and sent again"
            if not failed
            else "The LMS's import of %s failed; its rows are compared and sent again",
            receipt["file"],
        )


def _needs_a_person(receipt: Receipt) -> DeliveryError:
    file = parts_of(receipt)[min(parts_done(receipt), len(parts_of(receipt)) - 1)]["file"]
    why = f"an earlier run was cut off while sending it to {receipt['where']}"
    if "job_is" in receipt:
        why = f"its import job at {receipt['where']} is {receipt['job_is']}"
    return DeliveryError(
        f"Whether the LMS took {file} is not known: {why}, and the LMS would add its rows a second time. "
        "Nothing was sent. Look at the LMS; then trigger the DAG codebashing_lms_admin with the action "
        f"settle, the delivery {receipt['delivery']}, what you found (taken or not taken) and a reason."
    )


def _import_failed(receipt: Receipt) -> DeliveryError:
    return DeliveryError(
        f"The LMS took {receipt['file']}, and its import failed: {receipt['where']} says so of its job. "
        "Its import log says why. None of the rows counts as told; they go again with the next run, or when "
        "load is cleared."
    )


def resolve_manually(home: StagedPath, delivery: str, taken: bool, settled: dict[str, Any]) -> dict[str, Any]:
    """Bring a delivery to its end as a person found it at the LMS; return its receipt.

    Of a delivery of several files the person speaks of the one that the run named: those before it were
    taken, those after it were never sent.

    :param settled: who says so, why and when.
    """
    receipt, folder = _named(home, delivery)
    if receipt["state"] == "delivered" and not taken:
        raise ConnectorError(
            f"{receipt['file']} was {receipt['known']}: it cannot be recorded as not taken. Nothing was "
            "changed; the next run puts it into the journal."
        )
    done = min(parts_done(receipt) + taken, len(parts_of(receipt)))
    receipt = receipt | {"settled": settled} | ({"parts_done": done} if "parts" in receipt else {})
    if taken and done >= len(parts_of(receipt)):
        known = {"known": "recorded by hand as taken", "delivered_at": settled["when"]}
        receipt = known | receipt | {"state": "delivered"}
    else:
        receipt |= {"state": "partly" if "parts" in receipt and done else "not_taken"}
    write_receipt(folder, receipt)
    if receipt["state"] == "not_taken":
        close(home, receipt)
        return receipt
    return commit(home, ledger_of_receipt(home, receipt), folder, receipt)


def _named(home: StagedPath, delivery: str) -> tuple[dict[str, Any], Any]:
    found = in_flight_folder(home)
    if delivery not in found:
        raise ConnectorError(
            f"No delivery of this ID is open; open are: {', '.join(found) or 'none'}. Nothing was changed."
        )
    receipt, folder = in_flight_by_id(home, delivery)
    if receipt is None:
        raise ConnectorError(
            "Nothing of this delivery was sent: the next run clears it. Nothing was changed."
        )
    return receipt, folder

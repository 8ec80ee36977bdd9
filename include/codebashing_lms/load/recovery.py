"""Interrupted deliveries come to their end before anything new is sent, at whatever moment a task was killed.

A delivery that is `delivered` goes into the journal. For a delivery that is `sending` the LMS is asked
whether it has the file, for a delivery that is `working` how far its import job is. Where the LMS cannot say,
the rows are compared and sent again with this run. Where it would add rows a second time, a person has to
look there first.
"""

import logging
from dataclasses import dataclass, field

from include.codebashing_lms.delivery.transport import SupportsJobLookup, SupportsJobs, SupportsPickup, Transport
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError, UnknownJobError
from include.codebashing_lms.load.attempts import key_of_part
from include.codebashing_lms.load.in_flight import DestinationLedger, close, commit, in_flight, ledger_of_receipt
from include.codebashing_lms.load.receipt import Receipt, State, transition, write_receipt
from include.codebashing_lms.load.send import Sender
from include.codebashing_lms.staging.files import StagedPath, remove_stale_partial_files
from include.codebashing_lms.staging.layout import IN_FLIGHT

log = logging.getLogger(__name__)


@dataclass
class RecoveryResult:
    """What is known of the deliveries that were in flight.

    :param ended: the receipts of those that go no further, and that the LMS has at least in part.
    :param waiting: the delivery that the LMS still works on, and its folder.
    """

    ended: list[Receipt] = field(default_factory=list)
    waiting: tuple[Receipt, StagedPath] | None = None


@dataclass(frozen=True)
class Recovery:
    """Brings deliveries in flight to their end.

    :param own: the folder of the run that does so.
    :param appends: whether the LMS adds a row once more that is sent once more.
    """

    home: StagedPath
    destination_ledger: DestinationLedger
    transport: Transport
    own: StagedPath
    appends: bool

    def recover(self) -> RecoveryResult:
        """Bring every delivery in flight to its end, as far as possible."""
        remove_stale_partial_files(self.home / IN_FLIGHT)
        result = RecoveryResult()
        for receipt, folder in in_flight(self.home):
            own = ledger_of_receipt(self.home, receipt)  # the destination may have been changed since
            if own.folder == self.destination_ledger.folder:
                receipt = self._ask(receipt, folder)
            if receipt.state == State.WORKING and own.folder == self.destination_ledger.folder:
                result.waiting = receipt, folder
                continue
            if receipt.state in (State.DELIVERED, State.PARTLY):
                receipt = commit(self.home, own, folder, receipt)
            elif receipt.state == State.NOT_DELIVERED:
                close(self.home, receipt)
            else:
                self._give_up(receipt, folder, own)
            # this run goes on with its own delivery, unless the LMS has all of it
            if receipt.state == State.DELIVERED or (receipt.parts_done and str(folder) != str(self.own)):
                result.ended.append(receipt)
        return result

    def _ask(self, receipt: Receipt, folder: StagedPath) -> Receipt:
        sender = Sender(self.home, self.destination_ledger, folder, self.transport, self.appends)
        if receipt.state == State.WORKING:
            return self._ask_job(receipt, sender)
        if receipt.state == State.SENDING and self._is_there(receipt):
            return sender.resume(receipt)
        return receipt

    def _is_there(self, receipt: Receipt) -> bool:
        part = receipt.files[receipt.next_part]
        if isinstance(self.transport, SupportsJobLookup):
            return self.transport.find_job(key_of_part(receipt, receipt.next_part)) is not None
        return isinstance(self.transport, SupportsPickup) and self.transport.holds(part.file, part.bytes, part.sha256)

    def _ask_job(self, receipt: Receipt, sender: Sender) -> Receipt:
        if not isinstance(self.transport, SupportsJobs):
            return transition(receipt, State.UNKNOWN)
        try:
            job = self.transport.job_status(receipt.job or "")
        except UnknownJobError:
            return transition(receipt, State.UNKNOWN, job_status="not known to the LMS any more")
        except DeliveryUnavailableError as error:
            log.warning("The LMS could not be asked about its import job: %s", error)
            return receipt
        if job.state == "working":
            return receipt
        if job.state == "failed":
            return transition(receipt, State.FAILED, job_status=job.sentence or "failed, as the LMS says")
        return sender.mark_accepted(receipt, job.refusals)

    def _give_up(self, receipt: Receipt, folder: StagedPath, destination_ledger: DestinationLedger) -> None:
        """Close a delivery that failed or has an unknown end; this run sends its rows again."""
        if self.appends:
            raise _needs_a_person(receipt)
        failed = receipt.state == State.FAILED
        receipt = receipt if failed else transition(receipt, State.UNKNOWN)
        write_receipt(folder, receipt)
        if receipt.parts_done:
            commit(self.home, destination_ledger, folder, receipt)
        close(self.home, receipt)
        if failed and str(folder) == str(self.own):
            raise _import_failed(receipt)
        log.warning(
            "Whether %s was taken is not known; its rows are compared and sent again"
            if not failed
            else "The LMS's import of %s failed; its rows are compared and sent again",
            receipt.file,
        )


def _needs_a_person(receipt: Receipt) -> DeliveryError:
    why = f"an earlier run was interrupted while sending it to {receipt.where}"
    if receipt.job_status:
        why = f"of its import job {receipt.where} says: {receipt.job_status}"
    return DeliveryError(
        f"Whether the LMS took {receipt.files[receipt.next_part].file} is not known: {why}, and the LMS "
        "would add its rows a second time. Nothing was sent. Look at the LMS; then trigger the DAG "
        f"codebashing_lms_admin with the action settle, the delivery {receipt.delivery}, what you found "
        "(taken or not taken) and a reason."
    )


def _import_failed(receipt: Receipt) -> DeliveryError:
    return DeliveryError(
        f"The LMS took {receipt.file}, and its import failed: {receipt.where} says so of its job. "
        "Its import log says why. None of the rows counts as sent; they go again with the next run, or when "
        "load is cleared."
    )

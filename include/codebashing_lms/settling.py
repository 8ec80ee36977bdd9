"""Open deliveries come to their end before anything new is sent, whatever instant a task was killed at.

A receipt says `delivered`: it is entered into the journal. `sending`: the LMS is looked at for the file.
`working`: the LMS is asked about its import job. What cannot be found out is sent again with the rows of this
run, unless the LMS would add it a second time: then a person has to look.
"""

import logging
from dataclasses import dataclass, field

from include.codebashing_lms.deliveries import Book, book_of, close, enter, open_ones
from include.codebashing_lms.delivery import DropWay, FindingJobWay, JobWay, Way
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError, UnknownJobError
from include.codebashing_lms.handover import Handover, Receipt
from include.codebashing_lms.receipt import key_of_part, parts_done, parts_of, write_receipt
from include.codebashing_lms.staging import StagedPath, remove_old_parts

log = logging.getLogger(__name__)


@dataclass
class Settled:
    """What became of the open deliveries.

    :param delivered: those that are at the LMS after all.
    :param waiting: one that the LMS still works on, and its folder.
    """

    delivered: set[str] = field(default_factory=set)
    waiting: tuple[Receipt, StagedPath] | None = None


@dataclass(frozen=True)
class Settling:
    """Brings open deliveries to their end.

    :param own: the folder of the run that does so.
    :param appends: whether the LMS adds rows once more that it is sent once more.
    """

    home: StagedPath
    book: Book
    way: Way
    own: StagedPath
    appends: bool

    def settle(self) -> Settled:
        """Settle every open delivery of the connector, as far as it can be."""
        remove_old_parts(self.home / "open")
        settled = Settled()
        for receipt, folder in open_ones(self.home):
            own = book_of(self.home, receipt)  # the destination may have been changed since
            if own.folder == self.book.folder:
                receipt = self._looked_at(receipt, folder)
            if receipt["state"] == "working" and own.folder == self.book.folder:
                settled.waiting = receipt, folder
            elif receipt["state"] == "delivered":
                enter(self.home, own, folder, receipt)
                settled.delivered.add(receipt["delivery"])
            elif receipt["state"] == "not_taken":
                close(self.home, receipt)
            elif receipt["state"] == "partly":
                enter(self.home, own, folder, receipt)
            else:
                self._given_up(receipt, folder, own)
        return settled

    def _looked_at(self, receipt: Receipt, folder: StagedPath) -> Receipt:
        """Return the receipt after the LMS was asked."""
        handover = Handover(self.home, folder, self.way, self.appends)
        if receipt["state"] == "working":
            return self._asked(receipt, handover)
        if receipt["state"] == "sending" and self._is_there(receipt):
            return handover.resume(receipt)
        return receipt

    def _is_there(self, receipt: Receipt) -> bool:
        """Tell whether the LMS has the file that was under way, or works on it."""
        number = min(parts_done(receipt), len(parts_of(receipt)) - 1)
        if isinstance(self.way, FindingJobWay):
            return self.way.job_of(key_of_part(receipt, number)) is not None
        part = parts_of(receipt)[number]
        return isinstance(self.way, DropWay) and self.way.found(part["file"], part["bytes"], part["sha256"])

    def _asked(self, receipt: Receipt, handover: Handover) -> Receipt:
        if not isinstance(self.way, JobWay):
            return receipt | {"state": "unknown"}
        try:
            asked = self.way.ask(receipt["job"])
        except UnknownJobError:
            return receipt | {"state": "unknown", "job_is": "not known to the LMS any more"}
        except DeliveryUnavailableError as error:
            log.warning("The LMS could not be asked about its import job: %s", error)
            return receipt
        if asked.state == "working":
            return receipt
        if asked.state == "failed":
            return receipt | {"state": "failed", "job_is": "failed, as the LMS says"}
        return handover.taken(receipt, asked.refusals)

    def _given_up(self, receipt: Receipt, folder: StagedPath, book: Book) -> None:
        """Leave a delivery whose end cannot be found out, or that came to nothing, to this run's rows."""
        if self.appends:
            raise _needs_a_person(receipt)
        failed = receipt["state"] == "failed"
        receipt = receipt if failed else receipt | {"state": "unknown"}
        write_receipt(folder, receipt)
        if parts_done(receipt):
            enter(self.home, book, folder, receipt)
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

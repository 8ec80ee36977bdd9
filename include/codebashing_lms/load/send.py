"""Files on their way to the LMS, one after the other; the receipt says how far they came."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from include.codebashing_lms.dates import iso
from include.codebashing_lms.delivery.transport import OutboundFile, Refusal, SendResult, Transport
from include.codebashing_lms.errors import CodebashingLmsError
from include.codebashing_lms.load.in_flight import abort, begin
from include.codebashing_lms.load.pickup import is_watched, watch
from include.codebashing_lms.load.receipt import key_of_part, parts_done, parts_of, write_receipt
from include.codebashing_lms.load.refusals import record_refusals
from include.codebashing_lms.load.sent_rows import without_refusals
from include.codebashing_lms.staging.checksums import verified
from include.codebashing_lms.staging.files import StagedPath, local_copy

Receipt = dict[str, Any]


@dataclass(frozen=True)
class Sender:
    """A delivery's way to the LMS.

    :param appends: whether the LMS adds rows once more that it is sent once more.
    """

    home: StagedPath
    folder: StagedPath
    transport: Transport
    appends: bool

    def send(self, receipt: Receipt, tried: bool) -> Receipt:
        """Send the files that the LMS does not surely have; return the receipt, `delivered` or `working`."""
        if not parts_done(receipt):
            without_refusals(self.folder)
        for number in range(parts_done(receipt), len(parts_of(receipt))):
            handed = self._send_part(receipt | {"state": "sending"}, number, tried)
            if handed.job is not None:
                return self._working(receipt, handed)
            receipt = self.taken(receipt, handed.refusals, handed.sent)
        return receipt

    def resume(self, receipt: Receipt) -> Receipt:
        """Do what is left of the file that is in its place; return the receipt."""
        number = parts_done(receipt)
        part = parts_of(receipt)[number]
        with local_copy(self.folder / part["file"]) as path:
            handed = self.transport.send(_parcel(path, receipt, number), resuming=True)
        if handed.job is not None:
            return self._working(receipt, handed)
        return self.taken(receipt, handed.refusals, handed.sent)

    def taken(self, receipt: Receipt, refusals: tuple[Refusal, ...] = (), sent: bool = True) -> Receipt:
        """Note that the LMS took the next file, all but the rows it refused; return the receipt."""
        receipt = receipt | record_refusals(self.folder, receipt, parts_done(receipt), refusals)
        if "parts" in receipt:
            receipt |= {"parts_done": parts_done(receipt) + 1}
        if parts_done(receipt) < len(parts_of(receipt)) and "parts" in receipt:
            receipt |= {"state": "partly"}
        else:
            receipt |= {
                "state": "delivered",
                "known": f"{self.transport.result} {receipt['where']}",
                "sent_by_earlier_try": not sent,
            }
            receipt |= {"delivered_at": iso(datetime.now(UTC))}
            if is_watched(self.transport):
                receipt |= watch(self.home, self.folder, receipt)
        write_receipt(self.folder, receipt)
        return receipt

    def _send_part(self, receipt: Receipt, number: int, tried: bool) -> SendResult:
        """Send a file; where the LMS surely took nothing of it, no person needs to look afterwards."""
        part = parts_of(receipt)[number]
        with verified(self.folder / part["file"], part["sha256"]) as path:
            begin(self.home, receipt, self.folder)
            try:
                return self.transport.send(_parcel(path, receipt, number), tried)
            except CodebashingLmsError as error:
                if error.nothing_taken and self.appends:
                    abort(self.home, receipt, self.folder)
                raise

    def _working(self, receipt: Receipt, handed: SendResult) -> Receipt:
        """Note the LMS's job, and what it refused before it began."""
        receipt = receipt | record_refusals(self.folder, receipt, parts_done(receipt), handed.refusals)
        receipt |= {"state": "working", "job": handed.job, "job_since": iso(datetime.now(UTC))}
        write_receipt(self.folder, receipt)
        return receipt


def _parcel(path: Path, receipt: Receipt, number: int) -> OutboundFile:
    part = parts_of(receipt)[number]
    return OutboundFile(path, part["file"], part["bytes"], part["sha256"], key_of_part(receipt, number))

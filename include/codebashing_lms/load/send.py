"""Files on their way to the LMS, one after the other; the receipt says how far they came."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from include.codebashing_lms.dates import iso
from include.codebashing_lms.delivery.transport import OutboundFile, Refusal, SendResult, Transport
from include.codebashing_lms.errors import CodebashingLmsError
from include.codebashing_lms.load.attempts import key_of_part
from include.codebashing_lms.load.in_flight import DestinationLedger, abort, begin
from include.codebashing_lms.load.pickup import is_watched, watch
from include.codebashing_lms.load.receipt import Receipt, State, transition, write_receipt
from include.codebashing_lms.load.refusals import record_refusals
from include.codebashing_lms.load.sent_rows import forget_refusals
from include.codebashing_lms.staging.checksums import verified
from include.codebashing_lms.staging.files import StagedPath, local_copy


@dataclass(frozen=True)
class Sender:
    """Sends the files of a delivery.

    :param appends: whether the LMS adds a row once more that is sent once more.
    """

    home: StagedPath
    destination_ledger: DestinationLedger
    folder: StagedPath
    transport: Transport
    appends: bool

    def send(self, receipt: Receipt, tried: bool) -> Receipt:
        """Send the files that the LMS does not surely have; return the receipt, delivered or working."""
        if not receipt.parts_done:
            forget_refusals(self.folder)
        while receipt.parts_done < len(receipt.files):
            receipt = transition(receipt, State.SENDING)
            receipt = self._after(receipt, self._send_part(receipt, tried))
            if receipt.state != State.PARTLY:
                break
        return receipt

    def resume(self, receipt: Receipt) -> Receipt:
        """Do what is left of the file that is in its place; return the receipt."""
        part = receipt.files[receipt.parts_done]
        with local_copy(self.folder / part.file) as path:
            result = self.transport.send(_outbound_file(path, receipt), resuming=True)
        return self._after(receipt, result)

    def mark_accepted(self, receipt: Receipt, refusals: tuple[Refusal, ...] = (), sent: bool = True) -> Receipt:
        """Write down that the LMS accepted the next file, except the refused rows; return the receipt.

        :param sent: False when an earlier try sent the file.
        """
        receipt = self._record(receipt, refusals)
        done = receipt.parts_done + 1
        if receipt.parts:
            receipt = replace(receipt, parts_done=done)
        if done < len(receipt.files):
            receipt = transition(receipt, State.PARTLY)
        else:
            receipt = transition(
                receipt,
                State.DELIVERED,
                known=f"{self.transport.result} {receipt.where}",
                sent_by_earlier_try=not sent,
                delivered_at=iso(datetime.now(UTC)),
            )
            if is_watched(self.transport):
                receipt = watch(self.home, self.folder, receipt)
        write_receipt(self.folder, receipt)
        return receipt

    def _send_part(self, receipt: Receipt, tried: bool) -> SendResult:
        """Send the next file; where it surely did not arrive, no person needs to look afterwards."""
        part = receipt.files[receipt.parts_done]
        with verified(self.folder / part.file, part.sha256) as path:
            begin(self.home, receipt, self.folder)
            try:
                return self.transport.send(_outbound_file(path, receipt), tried)
            except CodebashingLmsError as error:
                if error.not_delivered and self.appends:
                    abort(self.home, receipt, self.folder)
                raise

    def _after(self, receipt: Receipt, result: SendResult) -> Receipt:
        """Write down what is known of a file that was sent; return the receipt."""
        if result.job is None:
            return self.mark_accepted(receipt, result.refusals, result.sent)
        receipt = self._record(receipt, result.refusals)
        since = iso(datetime.now(UTC))
        receipt = transition(receipt, State.WORKING, job=result.job, job_since=since)
        write_receipt(self.folder, receipt)
        return receipt

    def _record(self, receipt: Receipt, refusals: tuple[Refusal, ...]) -> Receipt:
        return record_refusals(self.destination_ledger, self.folder, receipt, receipt.parts_done, refusals)


def _outbound_file(path: Path, receipt: Receipt) -> OutboundFile:
    number = receipt.parts_done
    part = receipt.files[number]
    key = key_of_part(receipt, number)
    return OutboundFile(path, part.file, part.bytes, part.sha256, key, receipt.refused_before)

"""Files that were dropped for the LMS: whether it picked them up, and what its result files say of them.

pickups/<delivery>.json names the run folder of a delivery that is still watched: the LMS may remove its files
(delivery.fetched), or leave result files (delivery.results).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from include.codebashing_lms.config.delivery import FolderDelivery, SftpDelivery
from include.codebashing_lms.config.delivery_results import Results
from include.codebashing_lms.dates import iso, parse_instant
from include.codebashing_lms.delivery.results import ResultParser, first_row_of
from include.codebashing_lms.delivery.transport import SupportsPickup, Transport
from include.codebashing_lms.errors import DeliveryUnavailableError
from include.codebashing_lms.ledger.numbered_files import names_in, remove
from include.codebashing_lms.load.in_flight import DestinationLedger, ledger_of_receipt, relative_to
from include.codebashing_lms.load.outcome import not_fetched_since
from include.codebashing_lms.load.receipt import Pickup, PickupState, Receipt, State, read_receipt, write_receipt
from include.codebashing_lms.load.refusals import journal_refusals, record_refusals, stop_at_too_many
from include.codebashing_lms.staging.files import StagedPath, read_json, write_json
from include.codebashing_lms.staging.layout import PICKUPS

RESULT_FILE_TIMEOUT = timedelta(days=30)

Watched = tuple[Receipt, Pickup, StagedPath]  # what is known of a delivery, of its pickup, and its run folder


def is_watched(transport: Transport) -> bool:
    """Return whether anything can be seen of a delivery later."""
    return isinstance(transport, SupportsPickup) and bool(transport.delivery.fetched or transport.delivery.results)


def watch(home: StagedPath, folder: StagedPath, receipt: Receipt) -> Receipt:
    """Mark a delivery, so that later runs poll it; return its receipt."""
    write_json(_pointer(home, receipt.delivery), {"folder": relative_to(home, folder)})
    return replace(receipt, pickup=Pickup())


@dataclass(frozen=True)
class PickupTracker:
    """Looks after the deliveries of earlier runs to a folder or an SFTP server.

    :param has_header: whether the first line of a file is a header.
    """

    home: StagedPath
    destination_ledger: DestinationLedger
    transport: SupportsPickup
    has_header: bool

    @property
    def delivery(self) -> FolderDelivery | SftpDelivery:
        """Return the connector file's section delivery."""
        return self.transport.delivery

    def poll(self) -> list[Receipt]:
        """Write down what can be seen of earlier deliveries; return those that the LMS has not picked up."""
        watched = list(self._watched())
        names = [part.file for receipt, _, _ in watched for part in receipt.files]
        remaining = self.transport.remaining(names) if names and self.delivery.fetched else set()
        results = self.transport.results(names) if names and self.delivery.results else {}
        seen = [self._see(one, remaining, results) for one in watched]
        for (before, _, folder), (receipt, pickup) in zip(watched, seen, strict=True):
            if receipt != before:
                write_receipt(folder, receipt)
            if self._is_over(receipt, pickup):
                self._forget(receipt)
        for (before, _, _), (receipt, _) in zip(watched, seen, strict=True):
            if self.delivery.results and receipt.new_refusals > before.new_refusals:
                stop_at_too_many(receipt, self.delivery.results.max_refused_percent)
        return [one for one, pickup in seen if self.delivery.fetched and not _is_fetched(one, pickup)]

    def replace(self, not_fetched: list[Receipt], by: Receipt) -> None:
        """Remove files that the LMS has not picked up: a file with all rows replaces them."""
        new = {part.file for part in by.files}
        old = [part.file for receipt in not_fetched for part in receipt.files]
        self.transport.remove([name for name in old if name not in new])
        for receipt in not_fetched:
            pickup = replace(receipt.pickup or Pickup(), state=PickupState.REPLACED)
            write_receipt(self._folder(receipt.delivery), replace(receipt, pickup=pickup))
            self._forget(receipt)

    def _watched(self) -> Iterator[Watched]:
        for name in sorted(names_in(self.home / PICKUPS)):
            if not name.endswith(".json") or name.startswith("."):
                continue
            delivery = name.removesuffix(".json")
            folder = self._folder(delivery)
            receipt = read_receipt(folder)
            if receipt is None or receipt.delivery != delivery:
                remove(_pointer(self.home, delivery))
            elif receipt.state == State.DELIVERED and receipt.pickup and self._is_here(receipt):
                yield receipt, receipt.pickup, folder

    def _folder(self, delivery: str) -> Any:
        return self.home / read_json(_pointer(self.home, delivery))["folder"]

    def _is_here(self, receipt: Receipt) -> bool:
        return bool(ledger_of_receipt(self.home, receipt).folder == self.destination_ledger.folder)

    def _forget(self, receipt: Receipt) -> None:
        remove(_pointer(self.home, receipt.delivery))

    def _see(self, watched: Watched, remaining: set[str], results: dict[str, list[bytes]]) -> tuple[Receipt, Pickup]:
        receipt, pickup, folder = watched
        now = iso(datetime.now(UTC))
        picked_up, answered = dict(pickup.picked_up), dict(pickup.results)
        for number, part in enumerate(receipt.files):
            if self.delivery.fetched and part.file not in remaining:
                picked_up.setdefault(part.file, now)
            contents = [content for content in results.get(part.file, []) if content.strip()]
            if self.delivery.results and contents and part.file not in answered:
                receipt = self._with_results(receipt, folder, number, self.delivery.results, contents)
                answered[part.file] = now
        pickup = Pickup(_state(receipt, len(picked_up), len(answered)), picked_up, answered)
        return replace(receipt, pickup=pickup), pickup

    def _with_results(
        self, receipt: Receipt, folder: StagedPath, number: int, results: Results, contents: list[bytes]
    ) -> Receipt:
        """Write down which rows of a file the LMS refused; return the receipt."""
        parser = ResultParser(results, first_row_of(results, self.has_header))
        refusals = tuple(one for content in contents for one in parser.in_file(content))
        counted = record_refusals(self.destination_ledger, folder, receipt, number, refusals)
        journal_refusals(self.destination_ledger, folder, receipt, number)
        return counted

    def _is_over(self, receipt: Receipt, pickup: Pickup) -> bool:
        if self.delivery.fetched and not _is_fetched(receipt, pickup):
            return False
        if not self.delivery.results or len(pickup.results) == len(receipt.files):
            return True
        since = parse_instant(receipt.delivered_at or "")
        return since is not None and datetime.now(UTC) - since > RESULT_FILE_TIMEOUT


def _pointer(home: StagedPath, delivery: str) -> Any:
    return home / PICKUPS / f"{delivery}.json"


def _is_fetched(receipt: Receipt, pickup: Pickup) -> bool:
    return len(pickup.picked_up) == len(receipt.files)


def _state(receipt: Receipt, picked_up: int, answered: int) -> PickupState:
    if answered == len(receipt.files):
        return PickupState.REFUSED if receipt.refused else PickupState.CONFIRMED
    return PickupState.PICKED_UP if picked_up == len(receipt.files) else PickupState.DROPPED


def pickup_tracker(
    home: StagedPath, destination_ledger: DestinationLedger, transport: Transport, has_header: bool
) -> PickupTracker | None:
    """Return the tracker of this destination, None where a pick-up is not visible."""
    if isinstance(transport, SupportsPickup) and is_watched(transport):
        return PickupTracker(home, destination_ledger, transport, has_header)
    return None


def refuse_if_not_fetched(transport: Transport, receipt: Receipt, not_fetched: list[Receipt]) -> None:
    """Refuse to send changes on top of earlier ones that the LMS has not picked up."""
    if not_fetched:
        raise DeliveryUnavailableError(
            f"The LMS picks nothing up at {transport.address('')}: {not_fetched_since(not_fetched)}, and "
            "changes do not go before it has. Nothing was sent. This run's rows go with the next run; "
            "ask the LMS's administrator why it does not fetch."
        )
    if isinstance(transport, SupportsPickup) and any(transport.exists(part.file) for part in receipt.files):
        raise DeliveryUnavailableError(
            f"The LMS has not fetched {receipt.where} yet: a file of that name still lies there, and "
            "changes do not replace it. Nothing was sent. This run's rows go with the next run; a file "
            "name that carries the time, as the default does, keeps them apart."
        )

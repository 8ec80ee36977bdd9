"""Files that were dropped for the LMS to fetch: dropped, picked up, and what it said of them afterwards.

<staging>/<connector>/drops/<delivery>.json names the run folder of a drop of which something may still be
seen: whether the LMS removed the file (delivery.fetched), or what its result file says (delivery.results).
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from include.codebashing_lms.config.delivery import FolderDelivery, SftpDelivery
from include.codebashing_lms.dates import iso, parse_instant
from include.codebashing_lms.delivery.results import ResultParser, first_row_of
from include.codebashing_lms.delivery.transport import SupportsPickup, Transport
from include.codebashing_lms.errors import DeliveryUnavailableError
from include.codebashing_lms.ledger.numbered_files import names_in, remove
from include.codebashing_lms.load.in_flight import DestinationLedger, below, ledger_of_receipt
from include.codebashing_lms.load.receipt import NAME, parts_of, write_receipt
from include.codebashing_lms.load.refusals import journal_refusals, record_refusals, stop_at_too_many
from include.codebashing_lms.staging.files import StagedPath, read_json, write_json

log = logging.getLogger(__name__)

Receipt = dict[str, Any]
RESULT_FILE_TIMEOUT = timedelta(days=30)  # for a result file


def is_watched(transport: Transport) -> bool:
    """Tell whether anything can be seen of a drop later."""
    return isinstance(transport, SupportsPickup) and bool(
        transport.delivery.fetched or transport.delivery.results
    )


def watch(home: StagedPath, folder: StagedPath, receipt: Receipt) -> Receipt:
    """Remember to look what becomes of a drop; return what its receipt says of that now."""
    write_json(home / "drops" / f"{receipt['delivery']}.json", {"folder": below(home, folder)})
    return {"drop": {"state": "dropped", "picked_up": {}, "results": {}}}


@dataclass(frozen=True)
class PickupTracker:
    """What became of earlier drops.

    :param has_header: whether the first line of a file is no row.
    """

    home: StagedPath
    destination_ledger: DestinationLedger
    transport: SupportsPickup
    has_header: bool

    @property
    def delivery(self) -> FolderDelivery | SftpDelivery:
        """Return what the connector file says of drops."""
        return self.transport.delivery

    def look(self) -> list[Receipt]:
        """Note what can be seen of earlier drops; return those that the LMS has not fetched."""
        watched = list(self._watched())
        names = [part["file"] for receipt, _ in watched for part in parts_of(receipt)]
        lying = self.transport.remaining(names) if names and self.delivery.fetched else set()
        results = self.transport.results(names) if names and self.delivery.results else {}
        seen = [self._seen(receipt, folder, lying, results) for receipt, folder in watched]
        for (before, folder), receipt in zip(watched, seen, strict=True):
            if receipt != before:
                write_receipt(folder, receipt)
            if self._is_over(receipt):
                self._forget(receipt)
        for (before, _), receipt in zip(watched, seen, strict=True):
            if self.delivery.results and receipt["drop"]["results"] != before["drop"]["results"]:
                stop_at_too_many(receipt, self.delivery.results.max_refused_percent)
        return [receipt for receipt in seen if self.delivery.fetched and not _is_fetched(receipt)]

    def replace(self, not_fetched: list[Receipt], by: Receipt) -> None:
        """Remove files that the LMS has not fetched: one with all there is to tell is in its place."""
        new = {part["file"] for part in parts_of(by)}
        old = [part["file"] for receipt in not_fetched for part in parts_of(receipt)]
        self.transport.remove([name for name in old if name not in new])
        for receipt in not_fetched:
            folder = self._folder(receipt["delivery"])
            write_receipt(folder, receipt | {"drop": {**receipt["drop"], "state": "replaced"}})
            self._forget(receipt)

    def _watched(self) -> Iterator[tuple[Receipt, StagedPath]]:
        """Give the drops of this destination of which something may still be seen."""
        for name in sorted(names_in(self.home / "drops")):
            if not name.endswith(".json") or name.startswith("."):
                continue
            folder = self._folder(name.removesuffix(".json"))
            receipt: Receipt = read_json(folder / NAME) if (folder / NAME).exists() else {}
            if receipt.get("delivery") != name.removesuffix(".json"):
                remove(self.home / "drops" / name)
            elif receipt["state"] == "delivered" and "drop" in receipt and self._is_here(receipt):
                yield receipt, folder

    def _folder(self, delivery: str) -> Any:
        return self.home / read_json(self.home / "drops" / f"{delivery}.json")["folder"]

    def _is_here(self, receipt: Receipt) -> bool:
        return bool(ledger_of_receipt(self.home, receipt).folder == self.destination_ledger.folder)

    def _forget(self, receipt: Receipt) -> None:
        remove(self.home / "drops" / f"{receipt['delivery']}.json")

    def _seen(
        self, receipt: Receipt, folder: StagedPath, lying: set[str], results: dict[str, list[bytes]]
    ) -> Receipt:
        """Return a drop's receipt with what is there to see now."""
        drop, now = {**receipt["drop"]}, iso(datetime.now(UTC))
        files = [part["file"] for part in parts_of(receipt)]
        if self.delivery.fetched:
            drop["picked_up"] = {name: now for name in files if name not in lying} | drop["picked_up"]
        if self.delivery.results:
            reports = ResultParser(
                self.delivery.results, first_row_of(self.delivery.results, self.has_header)
            )
            for number, name in enumerate(files):
                contents = [content for content in results.get(name, []) if content.strip()]
                if contents and name not in drop["results"]:
                    receipt = self._with_results(receipt, folder, number, reports, contents)
                    drop["results"] = {**drop["results"], name: now}
        receipt = receipt | {"drop": drop}
        return receipt | {"drop": {**drop, "state": _state(receipt)}}

    def _with_results(
        self, receipt: Receipt, folder: StagedPath, number: int, reports: ResultParser, contents: list[bytes]
    ) -> Receipt:
        """Note which rows of a file the LMS refused; return the receipt."""
        refusals = tuple(one for content in contents for one in reports.in_file(content))
        counts = record_refusals(folder, receipt, number, refusals)
        journal_refusals(self.destination_ledger, folder, receipt, number)
        return receipt | counts

    def _is_over(self, receipt: Receipt) -> bool:
        """Tell whether nothing more can be seen of a drop."""
        drop, files = receipt["drop"], parts_of(receipt)
        if self.delivery.fetched and len(drop["picked_up"]) < len(files):
            return False
        if not self.delivery.results or len(drop["results"]) == len(files):
            return True
        since = parse_instant(receipt["delivered_at"])
        return since is not None and datetime.now(UTC) - since > RESULT_FILE_TIMEOUT


def _is_fetched(receipt: Receipt) -> bool:
    return len(receipt["drop"]["picked_up"]) == len(parts_of(receipt))


def _state(receipt: Receipt) -> str:
    """Return as much as is known of a drop."""
    drop, files = receipt["drop"], len(parts_of(receipt))
    if len(drop["results"]) == files:
        return "refused" if receipt.get("refused") else "confirmed"
    return "picked up" if len(drop["picked_up"]) == files else "dropped"


def not_fetched_since(receipts: list[Receipt]) -> str:
    """Say since when the LMS has not fetched our files."""
    since = min(str(receipt["delivered_at"]) for receipt in receipts)
    files = sum(len(parts_of(receipt)) for receipt in receipts)
    return f"not fetched since {since}: {files} of our files still {'lies' if files == 1 else 'lie'} there"


def refuse_if_not_fetched(transport: Transport, receipt: Receipt, not_fetched: list[Receipt]) -> None:
    """Refuse to send changes on top of earlier ones that the LMS has not fetched."""
    if not_fetched:
        raise DeliveryUnavailableError(
            f"The LMS picks nothing up at {transport.address('')}: {not_fetched_since(not_fetched)}, and "
            "changes do not go before it has. Nothing was sent. This run's rows go with the next run; "
            "ask the LMS's administrator why it does not fetch."
        )
    if isinstance(transport, SupportsPickup) and any(
        transport.exists(part["file"]) for part in parts_of(receipt)
    ):
        raise DeliveryUnavailableError(
            f"The LMS has not fetched {receipt['where']} yet: a file of that name still lies there, and "
            "changes do not replace it. Nothing was sent. This run's rows go with the next run; a file "
            "name that carries the time, as the default does, keeps them apart."
        )

"""A delivery's end as a person found it at the LMS."""

from typing import Any

from include.codebashing_lms.deliveries import book_of, close, enter, open_deliveries, open_one
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.receipt import parts_done, parts_of, write_receipt
from include.codebashing_lms.staging import StagedPath


def settle_by_hand(home: StagedPath, delivery: str, taken: bool, settled: dict[str, Any]) -> dict[str, Any]:
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
    return enter(home, book_of(home, receipt), folder, receipt)


def _named(home: StagedPath, delivery: str) -> tuple[dict[str, Any], Any]:
    found = open_deliveries(home)
    if delivery not in found:
        raise ConnectorError(
            f"No delivery of this ID is open; open are: {', '.join(found) or 'none'}. Nothing was changed."
        )
    receipt, folder = open_one(home, delivery)
    if receipt is None:
        raise ConnectorError(
            "Nothing of this delivery was sent: the next run clears it. Nothing was changed."
        )
    return receipt, folder

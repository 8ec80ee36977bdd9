"""A person looked at the LMS and says whether a delivery is there."""

from typing import Any

from msgspec.structs import replace

from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.load.in_flight import close, commit, in_flight_by_id, in_flight_ids, ledger_of_receipt
from include.codebashing_lms.load.receipt import Receipt, Resolution, State, transition, write_receipt
from include.codebashing_lms.staging.files import StagedPath


def resolve_manually(home: StagedPath, delivery: str, accepted: bool, resolution: Resolution) -> Receipt:
    """Bring a delivery to its end as a person found it at the LMS; return its receipt.

    Of a delivery of several files the person speaks of the file that the run named: the LMS has the files
    before it, and those after it were never sent.
    """
    receipt, folder = _named(home, delivery)
    if receipt.state == State.DELIVERED and not accepted:
        raise ConnectorError(
            f"{receipt.file} was {receipt.known}: it cannot be recorded as not taken. Nothing was "
            "changed; the next run puts it into the journal."
        )
    done = min(receipt.parts_done + accepted, len(receipt.files))
    receipt = replace(receipt, resolution=resolution, parts_done=done if receipt.parts else 0)
    if accepted and done >= len(receipt.files):
        known = receipt.known or "recorded by hand as taken"
        when = receipt.delivered_at or resolution.when
        receipt = transition(receipt, State.DELIVERED, known=known, delivered_at=when)
    elif receipt.parts and done:
        receipt = transition(receipt, State.PARTLY)
    else:
        receipt = transition(receipt, State.NOT_DELIVERED)
    write_receipt(folder, receipt)
    if receipt.state == State.NOT_DELIVERED:
        close(home, receipt)
        return receipt
    return commit(home, ledger_of_receipt(home, receipt), folder, receipt)


def _named(home: StagedPath, delivery: str) -> tuple[Receipt, Any]:
    found = in_flight_ids(home)
    if delivery not in found:
        raise ConnectorError(
            f"No delivery of this ID is open; open are: {', '.join(found) or 'none'}. Nothing was changed."
        )
    receipt, folder = in_flight_by_id(home, delivery)
    if receipt is None:
        raise ConnectorError("Nothing of this delivery was sent: the next run clears it. Nothing was changed.")
    return receipt, folder

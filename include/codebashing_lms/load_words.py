"""What load says of its end: small, without a person, in a sentence."""

from typing import Any

from include.codebashing_lms.drops import not_fetched_since
from include.codebashing_lms.errors import DeliveryUnavailableError
from include.codebashing_lms.handover import Receipt
from include.codebashing_lms.receipt import parts_of
from include.codebashing_lms.refused_rows import in_words

Outcome = dict[str, Any]
TOLD = ("where", "file", "rows", "bytes", "sha256")
BY_A_PERSON = " Nothing is imported by itself: somebody starts the import in the LMS."
AGAIN = "To have rows told again, trigger the DAG codebashing_lms_admin with the action resend."


def not_sent(outcome: str, sentence: str, receipt: str | None = None) -> Outcome:
    """Return the outcome of a load that sent nothing."""
    return {"outcome": outcome, "sentence": sentence, "receipt": receipt}


def what_is_sent(receipt: Receipt) -> str:
    """Return the file with its numbers; of several, all of them."""
    rows = "1 row" if receipt["rows"] == 1 else f"{receipt['rows']} rows"
    parts = parts_of(receipt)
    size = sum(part["bytes"] for part in parts)
    more = f" and {len(parts) - 1} more" if len(parts) > 1 else ""
    return f"{receipt['file']}{more} ({rows}, {size} bytes)"


def delivered(receipt: Receipt, address: str, not_fetched: list[Receipt]) -> Outcome:
    """Return the outcome of a load that sent something."""
    earlier = ", by an earlier try whose end was not seen; it was not sent again"
    by = earlier if receipt["sent_by_earlier_try"] else ""
    sentence = f"{what_is_sent(receipt)} was {receipt['known']}{by}.{in_words(receipt)}"
    if not_fetched:
        sentence += f" It takes the place of what was {not_fetched_since(not_fetched)}."
    if "import" in receipt:
        sentence += BY_A_PERSON
    told = {name: receipt[name] for name in TOLD}
    return {
        **told,
        "outcome": "delivered",
        "sentence": sentence,
        "receipt": address,
        "refused": receipt["refused"],
    }


def delivered_before(receipt: Receipt, address: str, by_this_task: bool) -> Outcome:
    """Return the outcome of a load whose run had delivered already, `by_this_task`: as it turned out now."""
    told = {name: receipt[name] for name in TOLD} | {"refused": receipt.get("refused", 0)}
    known = f"{receipt['file']} was {receipt['known']}"
    if by_this_task:
        by = "" if "job" in receipt else " by an earlier try whose end was not seen; it was not sent again"
        sentence = f"{known}{by}.{in_words(receipt)}"
        return {**told, "outcome": "delivered", "sentence": sentence, "receipt": address}
    sentence = f"Nothing was sent: this run's file {known} at {receipt['delivered_at']}. {AGAIN}"
    return {**told, **not_sent("already_delivered", sentence, address)}


def waiting(receipt: Receipt, address: str, seconds: int) -> Outcome:
    """Return the outcome of a load that has to ask the LMS again."""
    told = {name: receipt[name] for name in TOLD}
    sentence = f"{receipt['file']} is with the LMS, which works on it since {receipt['job_since']}."
    return {
        **told,
        "outcome": "working",
        "sentence": sentence,
        "receipt": address,
        "ask_again_in": seconds,
    }


def still_working(receipt: Receipt, seconds: int) -> DeliveryUnavailableError:
    """Return the error of a load that has waited long enough."""
    return DeliveryUnavailableError(
        f"The LMS has been working on {receipt['file']} since {receipt['job_since']}, and this run waited "
        f"{seconds} seconds for it. Nothing else was sent. The next run asks about the same job before it "
        "sends anything; if the LMS is always that slow, raise the deadline of delivery.job or delivery.wait."
    )

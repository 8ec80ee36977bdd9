"""What load says of its end: small, without a person, in a sentence.

Waiting for an import job of the LMS, without holding a worker: the receipt knows since when.

outcome.json: how a run's load ended, in a sentence for people. Nothing is decided by it.

What a check found at the source, in sentences.
"""

import logging
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from include.codebashing_lms.config.delivery import Delivery
from include.codebashing_lms.config.delivery_results import Wait
from include.codebashing_lms.dates import iso, parse_instant
from include.codebashing_lms.errors import DeliveryUnavailableError, StagingError
from include.codebashing_lms.load.pickup import not_fetched_since
from include.codebashing_lms.load.receipt import NAME as RECEIPT
from include.codebashing_lms.load.receipt import parts_of, write_receipt
from include.codebashing_lms.load.refusals import describe_refusals
from include.codebashing_lms.load.send import Receipt
from include.codebashing_lms.staging.files import StagedPath, write_json
from include.codebashing_lms.transform.manifest import Manifest, SourceCheck

Outcome = dict[str, Any]
TOLD = ("where", "file", "rows", "bytes", "sha256")
BY_A_PERSON = " Nothing is imported by itself: somebody starts the import in the LMS."
AGAIN = "To have rows told again, trigger the DAG codebashing_lms_admin with the action resend."


def not_sent(outcome: str, sentence: str, receipt: str | None = None) -> Outcome:
    """Return the outcome of a load that sent nothing."""
    return {"outcome": outcome, "sentence": sentence, "receipt": receipt}


def describe_file(receipt: Receipt) -> str:
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
    sentence = f"{describe_file(receipt)} was {receipt['known']}{by}.{describe_refusals(receipt)}"
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
        sentence = f"{known}{by}.{describe_refusals(receipt)}"
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


def job_timeout(receipt: Receipt, seconds: int) -> DeliveryUnavailableError:
    """Return the error of a load that has waited long enough."""
    return DeliveryUnavailableError(
        f"The LMS has been working on {receipt['file']} since {receipt['job_since']}, and this run waited "
        f"{seconds} seconds for it. Nothing else was sent. The next run asks about the same job before it "
        "sends anything; if the LMS is always that slow, raise the deadline of delivery.job or delivery.wait."
    )


def wait_for_the_job(receipt: Receipt, folder: StagedPath, delivery: Delivery, by: str) -> Outcome:
    """Return when to ask the LMS again about its job; until it has ended nothing new is sent.

    :param by: the run that waits; each has a deadline of its own, and it stands in the receipt.
    """
    wait = getattr(delivery, "job", None) or getattr(delivery, "wait", None) or Wait()
    every, deadline = wait.every, wait.deadline
    now = datetime.now(UTC)
    waits = receipt.get("waits", {})
    if waits.get("by") != by:
        waits = {"by": by, "until": iso(now + timedelta(seconds=deadline))}
        write_receipt(folder, receipt | {"waits": waits})
    until = parse_instant(waits["until"]) or now
    if now >= until:
        raise job_timeout(receipt, deadline)
    return waiting(receipt, str(folder / RECEIPT), min(every, math.ceil((until - now).total_seconds())))


log = logging.getLogger(__name__)

NAME = "outcome.json"
STOPPED = "stopped"


def note_outcome(folder: StagedPath, outcome: str, sentence: str) -> None:
    """Stage how load ended; that it cannot be staged is no reason to fail."""
    try:
        write_json(folder / NAME, {"outcome": outcome, "sentence": sentence, "at": iso(datetime.now(UTC))})
    except StagingError as error:
        log.warning("How load ended is not noted: %s", error)


SHOWN, LENGTH = 60, 60  # so many names, each cut to so many characters


def verdict(manifest: Manifest) -> str:
    """Tell from the manifest of a check how many learners can be matched, and what was seen."""
    seen, learners = manifest.seen or SourceCheck([], [], 0), manifest.learners
    with_id = learners - seen.learners_without_id
    share = f" ({100 * with_id / learners:.1f} %)" if learners else ""
    guards = "; ".join(f"{name}: {words}" for name, words in manifest.guards.crossed.items())
    return (
        f"Codebashing: {learners} learners were read, {with_id} of them{share} with an employee ID; "
        f"{manifest.records.emitted} records could be sent. Keys seen: {_named(seen.keys)}. "
        f"Courses seen: {_named(seen.courses)}. "
        f"{f'Guards that would stop a run: {guards}' if guards else 'No guard would stop a run'}."
    )


def _named(names: list[str]) -> str:
    """Return names for a log: no address, should the connector file name the wrong key."""
    shown = [name[:LENGTH] for name in names if "@" not in name][:SHOWN]
    more = [f"and {len(names) - len(shown)} more"] if len(names) > len(shown) else []
    return ", ".join([*shown, *more]) or "none"

"""How load ended, in a sentence that names no person: outcome.json, and what the task returns."""

import logging
import math
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct, field, to_builtins
from msgspec.structs import replace

from include.codebashing_lms.config.delivery import Delivery
from include.codebashing_lms.config.delivery_results import Wait as WaitSettings
from include.codebashing_lms.dates import iso, parse_instant
from include.codebashing_lms.errors import DeliveryUnavailableError, StagingError
from include.codebashing_lms.load.receipt import Receipt, Wait, write_receipt
from include.codebashing_lms.staging.files import StagedPath, read_struct, write_json
from include.codebashing_lms.staging.layout import OUTCOME, RECEIPT

log = logging.getLogger(__name__)

BY_A_PERSON = " Nothing is imported by itself: somebody starts the import in the LMS."
AGAIN = "To have rows sent again, trigger the DAG codebashing_lms_admin with the action resend."


class OutcomeKind(StrEnum):
    """The ways in which load ends."""

    DELIVERED = "delivered"
    ALREADY_DELIVERED = "already_delivered"
    NOTHING_TO_SEND = "nothing_to_send"
    WORKING = "working"  # the LMS's import job goes on, and the task asks again
    DRY_RUN = "dry_run"
    CHECKED = "checked"
    HELD = "held"
    STOPPED = "stopped"  # an error


class Outcome(Struct, frozen=True, omit_defaults=True):
    """What load returns; the task returns it as a dictionary without the absent keys.

    :param receipt: the address of the receipt; None where nothing was sent.
    :param where: where the file goes; with `file`, `rows`, `bytes` and `sha256` as in the receipt.
    :param refused: how many rows the LMS refused so far; `known_refusals` of them as before.
    :param ask_again_in: seconds until the task asks about the import job.
    """

    kind: OutcomeKind = field(name="outcome")
    sentence: str
    receipt: str | None
    where: str | None = None
    file: str | None = None
    rows: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    refused: int | None = None
    known_refusals: int | None = None
    ask_again_in: int | None = None


class StagedOutcome(Struct, frozen=True):
    """outcome.json of a run's folder."""

    kind: OutcomeKind = field(name="outcome")
    sentence: str
    at: str


def not_sent(kind: OutcomeKind, sentence: str, receipt: Receipt | None = None) -> Outcome:
    """Return the outcome of a load that sent nothing.

    :param receipt: what it would have sent, if it came so far.
    """
    return _about_file(receipt, kind, sentence, None) if receipt else Outcome(kind, sentence, None)


def _about_file(receipt: Receipt, kind: OutcomeKind, sentence: str, address: str | None, **more: Any) -> Outcome:
    file = {name: getattr(receipt, name) for name in ("where", "file", "rows", "bytes", "sha256")}
    return Outcome(kind, sentence, address, **file, **more)


def _about_delivery(receipt: Receipt, kind: OutcomeKind, sentence: str, address: str) -> Outcome:
    refused, known = receipt.refused, receipt.known_refusals or None
    return _about_file(receipt, kind, sentence, address, refused=refused, known_refusals=known)


def describe_file(receipt: Receipt) -> str:
    """Return the file with its numbers; several files by the first one and their number."""
    rows = "1 row" if receipt.rows == 1 else f"{receipt.rows} rows"
    size = sum(part.bytes for part in receipt.files)
    more = f" and {len(receipt.files) - 1} more" if len(receipt.files) > 1 else ""
    return f"{receipt.file}{more} ({rows}, {size} bytes)"


def new_and_known(refused: int, known: int) -> str:
    """Return how many of the refusals are new and how many were known; nothing where all are new."""
    return f" ({refused - known:,} new, {known:,} known)" if known else ""


def describe_refusals(receipt: Receipt) -> str:
    """Return a sentence about refused rows, nothing where there are none."""
    refused, unmatched = receipt.refused, receipt.refusals_unmatched
    words = ""
    if refused:
        rows = "1 row" if refused == 1 else f"{refused} rows"
        known = new_and_known(refused, receipt.known_refusals)
        words = f" The LMS refused {rows}{known}: see refused.csv; they go again with the next run."
    if unmatched:
        words += f" {unmatched} of its refusals fit no row that was sent: see delivery.results."
    return words


def not_fetched_since(receipts: list[Receipt]) -> str:
    """Say since when the LMS has not fetched our files."""
    since = min(str(receipt.delivered_at) for receipt in receipts)
    files = sum(len(receipt.files) for receipt in receipts)
    return f"not fetched since {since}: {files} of our files still {'lies' if files == 1 else 'lie'} there"


def delivered(receipt: Receipt, address: str, not_fetched: list[Receipt]) -> Outcome:
    """Return the outcome of a load that sent something."""
    earlier = ", by an earlier try whose end was not seen; it was not sent again"
    by = earlier if receipt.sent_by_earlier_try else ""
    sentence = f"{describe_file(receipt)} was {receipt.known}{by}.{describe_refusals(receipt)}"
    if not_fetched:
        sentence += f" It takes the place of what was {not_fetched_since(not_fetched)}."
    if receipt.import_:
        sentence += BY_A_PERSON
    return _about_delivery(receipt, OutcomeKind.DELIVERED, sentence, address)


def delivered_before(receipt: Receipt, address: str, by_this_task: bool) -> Outcome:
    """Return the outcome of a load of a run that has already delivered.

    :param by_this_task: the delivery was in flight, and this load found it at the LMS.
    """
    known = f"{receipt.file} was {receipt.known}"
    if by_this_task:
        by = "" if receipt.job else " by an earlier try whose end was not seen; it was not sent again"
        kind, sentence = OutcomeKind.DELIVERED, f"{known}{by}.{describe_refusals(receipt)}"
    else:
        kind = OutcomeKind.ALREADY_DELIVERED
        sentence = f"Nothing was sent: this run's file {known} at {receipt.delivered_at}. {AGAIN}"
    return _about_delivery(receipt, kind, sentence, address)


def wait_for_the_job(receipt: Receipt, folder: StagedPath, delivery: Delivery, by: str) -> Outcome:
    """Return when to ask the LMS again about its job; no worker is held, and nothing is sent until then.

    :param by: the run that waits. Each run has a deadline of its own, which the receipt keeps.
    """
    settings = getattr(delivery, "job", None) or getattr(delivery, "wait", None) or WaitSettings()
    now = datetime.now(UTC)
    wait = receipt.wait
    if wait is None or wait.by != by:
        wait = Wait(by, iso(now + timedelta(seconds=settings.deadline)))
        write_receipt(folder, replace(receipt, wait=wait))
    until = parse_instant(wait.until) or now
    if now >= until:
        raise DeliveryUnavailableError(
            f"The LMS has been working on {receipt.file} since {receipt.job_since}, and this run waited "
            f"{settings.deadline} seconds for it. Nothing else was sent. The next run asks about the same "
            "job before it sends anything; if the LMS is always that slow, raise the deadline of "
            "delivery.job or delivery.wait."
        )
    return _about_file(
        receipt,
        OutcomeKind.WORKING,
        f"{receipt.file} is with the LMS, which works on it since {receipt.job_since}.",
        str(folder / RECEIPT),
        ask_again_in=min(settings.every, math.ceil((until - now).total_seconds())),
    )


def write_outcome(folder: StagedPath, kind: OutcomeKind, sentence: str) -> None:
    """Stage how load ended; an error of the staging area does not fail load."""
    try:
        write_json(folder / OUTCOME, to_builtins(StagedOutcome(kind, sentence, iso(datetime.now(UTC)))))
    except StagingError as error:
        log.warning("How load ended cannot be staged: %s", error)


def read_outcome(folder: StagedPath) -> StagedOutcome | None:
    """Return how load ended in a run's folder, if it has; ValueError where the file is damaged."""
    return read_struct(folder / OUTCOME, StagedOutcome) if (folder / OUTCOME).exists() else None

"""Waiting for an import job of the LMS, without holding a worker: the receipt knows since when."""

import math
from datetime import UTC, datetime, timedelta

from include.codebashing_lms.connector import Delivery, Wait
from include.codebashing_lms.dates import iso, parse_instant
from include.codebashing_lms.handover import Receipt
from include.codebashing_lms.load_words import Outcome, still_working, waiting
from include.codebashing_lms.receipt import NAME, write_receipt
from include.codebashing_lms.staging import StagedPath


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
        raise still_working(receipt, deadline)
    return waiting(receipt, str(folder / NAME), min(every, math.ceil((until - now).total_seconds())))

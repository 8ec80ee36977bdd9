"""What stops a load before anything is sent.

A first delivery waits for a person's answer. A file of completions may hold years of training that the LMS
has already, and what an LMS has that replaced another one is not known.

A live run is compared with the last live run, and with what the LMS was sent; a run for a past date is not.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from include.codebashing_lms.config.connector import Connector, Guards
from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.errors import FirstDeliveryError
from include.codebashing_lms.ledger.destinations import other_destinations
from include.codebashing_lms.ledger.journal import entries
from include.codebashing_lms.ledger.versions import Ledger
from include.codebashing_lms.load.compare import DeltaSummary
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.transform.guards import check
from include.codebashing_lms.transform.manifest import Manifest

ANSWER = (
    "Trigger the DAG codebashing_lms_admin with the action first_delivery, a reason and one answer: all, "
    "since a date, or baseline with an export of the LMS (CSV employee_id,course,completed_at)."
)


def require_first_delivery_answer(
    home: StagedPath, connector: Connector, ledger: Ledger, summary: DeltaSummary
) -> None:
    """Raise FirstDeliveryError while a person has not said what a first delivery holds."""
    if not ledger.is_empty:
        return
    others = other_destinations(home, connector)
    if others:
        raise FirstDeliveryError(
            f"The destination changed: so far this connector sent to {'; '.join(others)}. "
            f"What the new one knows is not known. Nothing was sent. {ANSWER}"
        )
    contract = connector.lms.contract
    if (contract.emits == "completion" or contract.appends) and summary.sent:
        oldest = f", the oldest of {summary.oldest:%Y-%m-%d}" if summary.oldest else ""
        raise FirstDeliveryError(
            f"This first delivery would send {summary.sent} completions{oldest}, and the LMS may "
            f"have some of them already. Nothing was sent. {ANSWER}"
        )


def answered_since(destination_ledger: StagedPath) -> datetime | None:
    """Return the date from which on completions are sent, if that was the answer to the first delivery."""
    journal = entries(destination_ledger)
    since = journal[-1].get("since") if journal else None
    return parse_instant(since) if since else None


def check_over_time(
    guards: Guards,
    journal: Sequence[dict[str, Any]],
    manifest: Manifest,
    summary: DeltaSummary,
    skipped: tuple[str, ...],
) -> None:
    """Raise GuardError where a live run differs too much from the last one and from what the LMS was sent."""
    now, last = learners_of(manifest, summary), last_live(journal, manifest.as_of)
    check(learner_drop(guards, now, last) | learner_fall(guards, summary.fell, now["known"]), skipped)


def learners_of(manifest: Manifest, summary: DeltaSummary) -> dict[str, int]:
    """Return the learners as the next live run compares itself with them."""
    return {"read": manifest.learners, "known": summary.learners}


def learner_drop(guards: Guards, now: dict[str, int], last: dict[str, int] | None) -> dict[str, str]:
    """Return a sentence for `max_drop_percent` where learners read, or learners known, dropped too far."""
    if not last or guards.max_drop_percent is None:
        return {}
    for what in ("read", "known"):
        before, lost = last.get(what, 0), last.get(what, 0) - now[what]
        if lost * 100 > guards.max_drop_percent * before:
            return {
                "max_drop_percent": f"{now[what]} learners {what}, {before} in the last live run: "
                f"{100 * lost / before:.1f} % fewer, more than {guards.max_drop_percent:g} %"
            }
    return {}


def learner_fall(guards: Guards, fell: int, known: int) -> dict[str, str]:
    """Return a sentence for `max_fall_percent` where too many learners' percentage fell since it was sent."""
    if guards.max_fall_percent is None or fell * 100 <= guards.max_fall_percent * known:
        return {}
    return {
        "max_fall_percent": f"the percentage of {fell} of {known} learners ({100 * fell / known:.1f} %) fell "
        f"since it was last sent, more than {guards.max_fall_percent:g} %"
    }


def last_live(journal: Sequence[dict[str, Any]], as_of: str) -> dict[str, int] | None:
    """Return the learners of the newest live entry of a journal that is not younger than a run."""
    return next(
        (
            entry["learners"]
            for entry in reversed(journal)
            if entry.get("provenance") == "live" and entry["as_of"] <= as_of
        ),
        None,
    )

"""Guards that compare a live run with the last one, and with what was last told. Never for past dates."""

from collections.abc import Sequence
from typing import Any

from include.codebashing_lms.connector import Guards


def learners_over_time(guards: Guards, now: dict[str, int], last: dict[str, int] | None) -> dict[str, str]:
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


def learners_fallen(guards: Guards, fell: int, known: int) -> dict[str, str]:
    """Return a sentence for `max_fall_percent` where too many learners' percentage fell since it was told."""
    if guards.max_fall_percent is None or fell * 100 <= guards.max_fall_percent * known:
        return {}
    return {
        "max_fall_percent": f"the percentage of {fell} of {known} learners ({100 * fell / known:.1f} %) fell "
        f"since they were last told, more than {guards.max_fall_percent:g} %"
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

"""Limits beyond which a run fails before anything is sent. Learners are counted, not rows."""

from dataclasses import dataclass

from include.codebashing_lms.config.connector import Guards
from include.codebashing_lms.errors import GuardError

NAMES = ("min_learners", "max_set_aside_percent", "max_missing_id_percent")


@dataclass(frozen=True)
class LearnerTotals:
    """Learners of a snapshot: all, those without an employee ID, those set aside for another reason."""

    learners: int
    missing_id: int
    set_aside: int


def crossed_guards(guards: Guards, totals: LearnerTotals) -> dict[str, str]:
    """Return a sentence for each guard that is crossed."""
    found = {}
    if guards.min_learners is not None and totals.learners < guards.min_learners:
        found["min_learners"] = (
            f"only {totals.learners} learners were read, at least {guards.min_learners} are expected"
        )
    shares = (
        ("max_set_aside_percent", totals.set_aside, guards.max_set_aside_percent, "set aside"),
        ("max_missing_id_percent", totals.missing_id, guards.max_missing_id_percent, "without an employee ID"),
    )
    for name, count, limit, kind in shares:
        if limit is not None and count * 100 > limit * totals.learners:
            percent = 100 * count / totals.learners
            found[name] = f"{count} of {totals.learners} learners ({percent:.1f} %) are {kind}, more than {limit:g} %"
    return found


def check(found: dict[str, str], skipped: tuple[str, ...]) -> None:
    """Raise GuardError for guards that are crossed and not skipped."""
    crossed = {name: sentence for name, sentence in found.items() if name not in skipped}
    if crossed:
        raise GuardError(
            "; ".join(f"Guard {name}: {sentence}" for name, sentence in crossed.items())
            + ". Nothing was sent. Look at set_aside.csv; if the numbers are right, change the limit in the "
            "connector file, or trigger a run with skip_guards and a reason."
        )

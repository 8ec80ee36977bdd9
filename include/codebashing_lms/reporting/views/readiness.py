"""How many learners come with an employee ID, over time: it decides the first month of every roll-out.

SAML attributes travel with a sign-in only. Who was active since the attribute was mapped and still has none
is the identity team's job; who was not will have one after the next sign-in.
"""

from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from include.codebashing_lms.reporting.views.charts import Chart, Layer, areas, bar
from include.codebashing_lms.reporting.views.runs import Run, Runs
from include.codebashing_lms.reporting.views.trend import readings

WITH, STILL_NONE, NOT_SINCE = "done", "aside", "not-started"


@dataclass(frozen=True)
class Reading:
    """Learners of a reading: with an ID, active since it was mapped and without, not active since."""

    as_of: datetime
    with_id: int
    still_none: int
    not_since: int

    @property
    def learners(self) -> int:
        """Return how many there are."""
        return self.with_id + self.still_none + self.not_since

    @property
    def percent(self) -> float:
        """Return the share with an ID."""
        return 100 * self.with_id / self.learners if self.learners else 0.0


@dataclass(frozen=True)
class Readiness:
    """What the view shows.

    :param mapped: as-of of the first reading in which anybody had an ID, None as long as nobody has.
    :param from_the_start: that was the first reading there is, so that it may have been mapped long before.
    """

    now: Reading
    first: Reading
    mapped: datetime | None
    from_the_start: bool
    bar: Markup
    chart: Chart


def readiness(runs: Runs) -> Readiness | None:
    """Return how ready the employee IDs are; None without a reading."""
    read = readings(runs)
    if not read:
        return None
    mapped = next((run.as_of for run in read if run.manifest.statistics.with_id), None)
    counted = [_reading(run, mapped) for run in read]
    now, first = counted[-1], counted[0]
    parts = [(WITH, now.with_id), (STILL_NONE, now.still_none), (NOT_SINCE, now.not_since)]
    return Readiness(now, first, mapped, mapped == read[0].as_of, bar(parts), _chart(counted))


def _reading(run: Run, mapped: datetime | None) -> Reading:
    statistics = run.manifest.statistics
    without = statistics.without_id
    still_none = sum(count for day, count in without.items() if mapped and day > mapped.date().isoformat())
    return Reading(run.as_of, statistics.with_id, still_none, sum(without.values()) - still_none)


def _chart(counted: list[Reading]) -> Chart:
    layers = (
        Layer("with an employee ID", WITH, [one.with_id for one in counted]),
        Layer("active since it was mapped, still none", STILL_NONE, [one.still_none for one in counted]),
        Layer("not active since", NOT_SINCE, [one.not_since for one in counted]),
    )
    was, now = counted[0].percent, counted[-1].percent
    went = f"went from {was:.1f} % to {now:.1f} %" if len(counted) > 1 else f"is {now:.1f} %"
    summary = f"The share with an employee ID {went}."
    return areas([one.as_of for one in counted], layers, summary)

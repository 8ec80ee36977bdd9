"""How many learners come with an employee ID, over time: it decides the first month of every roll-out.

SAML attributes travel with a sign-in only. The identity team has to act for learners who were active since
the attribute was mapped and have no ID. The other learners have an ID after their next sign-in.
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
    """Learners of a reading.

    :param still_none: active since the attribute was mapped, and without an ID.
    :param not_since: without an ID, and not active since.
    """

    as_of: datetime
    with_id: int
    still_none: int
    not_since: int

    @property
    def learners(self) -> int:
        """Return how many learners the reading has."""
        return self.with_id + self.still_none + self.not_since

    @property
    def percent(self) -> float:
        """Return the share with an ID."""
        return 100 * self.with_id / self.learners if self.learners else 0.0


@dataclass(frozen=True)
class Readiness:
    """The content of the view.

    :param mapped: as-of of the first reading with an ID, None while no learner has an ID.
    """

    now: Reading
    first: Reading
    mapped: datetime | None
    bar: Markup
    chart: Chart


def readiness(runs: Runs) -> Readiness | None:
    """Return how ready the employee IDs are; None without a reading."""
    read = readings(runs)
    if not read:
        return None
    mapped = next((run.as_of for run in read if run.manifest.statistics.with_id), None)
    points = [_reading(run, mapped) for run in read]
    now, first = points[-1], points[0]
    parts = [(WITH, now.with_id), (STILL_NONE, now.still_none), (NOT_SINCE, now.not_since)]
    return Readiness(now, first, mapped, bar(parts), _chart(points))


def _reading(run: Run, mapped: datetime | None) -> Reading:
    statistics = run.manifest.statistics
    without = statistics.without_id
    still_none = sum(count for day, count in without.items() if mapped and day > mapped.date().isoformat())
    return Reading(run.as_of, statistics.with_id, still_none, sum(without.values()) - still_none)


def _chart(points: list[Reading]) -> Chart:
    layers = (
        Layer("with an employee ID", WITH, [one.with_id for one in points]),
        Layer("active since it was mapped, still none", STILL_NONE, [one.still_none for one in points]),
        Layer("not active since", NOT_SINCE, [one.not_since for one in points]),
    )
    was, now = points[0].percent, points[-1].percent
    went = f"went from {was:.1f} % to {now:.1f} %" if len(points) > 1 else f"is {now:.1f} %"
    summary = f"The share with an employee ID {went}."
    return areas([one.as_of for one in points], layers, summary)

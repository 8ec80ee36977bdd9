"""Progress and set-aside learners over time, and the progress of the last reading, as pictures."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from include.codebashing_lms.reporting.views.charts import Chart, Layer, areas, bar, columns
from include.codebashing_lms.reporting.views.runs import Run, Runs
from include.codebashing_lms.reporting.wording import reason

DONE, STARTED, NOT_STARTED = "done", "started", "not-started"
BAND_LABELS = ("0 %", "<10", *(f"{ten}+" for ten in range(10, 100, 10)), "100")
COURSES_SHOWN = 30
REASONS_SHOWN = 7


@dataclass(frozen=True)
class CourseLine:
    """The progress of the learners of a course."""

    name: str
    completed: int
    in_progress: int
    not_started: int
    bar: Markup

    @property
    def learners(self) -> int:
        """Return how many learners are on the course."""
        return self.completed + self.in_progress + self.not_started

    @property
    def percent(self) -> float:
        """Return the share of the learners who finished the course."""
        return 100 * self.completed / self.learners if self.learners else 0.0


@dataclass(frozen=True)
class Trend:
    """The pictures of a connector, none without readings.

    :param more_courses: how many courses have no line.
    """

    readings: int
    since: datetime | None = None
    completion: Chart | None = None
    bands: Chart | None = None
    set_aside: Chart | None = None
    courses: tuple[CourseLine, ...] = ()
    more_courses: int = 0
    at: datetime | None = None


def readings(runs: Runs) -> list[Run]:
    """Return the live runs, the oldest first, one for each reading."""
    found = {run.read_at: run for run in runs.all if run.is_live and run.manifest.statistics.counted}
    return [found[at] for at in sorted(found)]


def trend(runs: Runs, course_titles: dict[str, str] | None = None) -> Trend:
    """Return the pictures of a connector."""
    read = readings(runs)
    if not read:
        return Trend(0)
    last = read[-1]
    lines = _course_lines(last, course_titles or {})
    return Trend(
        readings=len(read),
        since=read[0].as_of,
        completion=_completion(read),
        bands=_bands(last),
        set_aside=_set_aside(read),
        courses=tuple(lines[:COURSES_SHOWN]),
        more_courses=max(0, len(lines) - COURSES_SHOWN),
        at=last.as_of,
    )


def _completion(read: list[Run]) -> Chart:
    totals = [_totals(run) for run in read]
    not_begun, begun, done = zip(*totals, strict=True)
    layers = (
        Layer("completed", DONE, done),
        Layer("in progress", STARTED, begun),
        Layer("not started", NOT_STARTED, not_begun),
    )
    first, last = totals[0], totals[-1]
    went = f"went from {_share(first)} to {_share(last)}" if len(read) > 1 else f"is {_share(last)}"
    summary = (
        f"The share of completed {went}; now {last[2]:,} completed, {last[1]:,} in progress, {last[0]:,} not started."
    )
    return areas([run.as_of for run in read], layers, summary)


def _totals(run: Run) -> list[int]:
    courses = run.manifest.statistics.courses.values()
    return [sum(course[at] for course in courses) for at in range(3)]


def _share(totals: list[int]) -> str:
    return f"{100 * totals[2] / sum(totals):.1f} %" if sum(totals) else "0.0 %"


def _bands(run: Run) -> Chart:
    counts = run.manifest.statistics.bands
    colours = [NOT_STARTED, *([STARTED] * (len(counts) - 2)), DONE]
    summary = f"{counts[0]:,} at 0 %, {sum(counts[1:-1]):,} in between, {counts[-1]:,} at 100 %."
    return columns(BAND_LABELS, Layer("learners", STARTED, counts), summary, colours)


def _course_lines(run: Run, titles: dict[str, str]) -> list[CourseLine]:
    lines = [
        CourseLine(
            titles.get(slug) or slug or "(no name)",
            done,
            begun,
            not_begun,
            bar([(DONE, done), (STARTED, begun), (NOT_STARTED, not_begun)]),
        )
        for slug, (not_begun, begun, done) in run.manifest.statistics.courses.items()
    ]
    return sorted(lines, key=lambda line: (-line.learners, line.name))


def _set_aside(read: list[Run]) -> Chart:
    """Draw learners who were set aside, by reason, over time; the rarest reasons together."""
    counts = [Counter(run.manifest.learners_set_aside()) for run in read]
    often = [name for name, _ in sum(counts, Counter()).most_common()]
    shown, others = often[:REASONS_SHOWN], often[REASONS_SHOWN:]
    layers = [Layer(reason(name).short, f"set-{at}", [one[name] for one in counts]) for at, name in enumerate(shown)]
    if others:
        rest = [sum(one[name] for name in others) for one in counts]
        layers.append(Layer("for another reason", f"set-{REASONS_SHOWN}", rest))
    first = f", {sum(counts[0].values()):,} were in the first reading" if len(read) > 1 else ""
    summary = f"{sum(counts[-1].values()):,} learners are set aside now{first}."
    return areas([run.as_of for run in read], layers, summary)

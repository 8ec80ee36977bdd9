"""What needs a person after a run that went through, in sentences."""

from collections.abc import Iterable

from include.codebashing_lms.load.outcome import new_and_known
from include.codebashing_lms.reporting.alerts.state import AlertState
from include.codebashing_lms.reporting.run_end import RunEnd
from include.codebashing_lms.reporting.wording import plural, reason
from include.codebashing_lms.transform.manifest import Manifest
from include.codebashing_lms.transform.records.dispositions import SET_ASIDE

SHOWN, LENGTH = 20, 60  # courses by name, and characters of each name
# Found by load one by one: each more is worth a message. Of the others only a reason that was not there.
EACH_ONE_COUNTS = {one.reason for one in SET_ASIDE if one.meaning.by_load}


def new_findings(
    manifest: Manifest, end: RunEnd, percent: float | None, state: AlertState, courses: Iterable[str]
) -> list[str]:
    """Return the findings that a person has to know, none when the run before had the same.

    :param end: with the number of rows of this run's delivery that the LMS refused.
    :param percent: share of the learners; a larger share set aside is a finding in each run.
    :param courses: the courses seen in this run.
    """
    now = manifest.learners_set_aside()
    new = [name for name, count in now.items() if _is_new(name, count, state)]
    found = [*_too_many(sum(now.values()), manifest.learners, percent), *_new_courses(courses, state)]
    if end.refused:
        rows = plural(end.refused, "row") + new_and_known(end.refused, end.known_refusals)
        found.append(f"The LMS refused {rows}: see refused.csv. The next run tries again.")
    if not new and not found:
        return []
    return [*found, *(_set_aside(name, count, name in new) for name, count in now.items())]


def _is_new(name: str, count: int, state: AlertState) -> bool:
    before = state.set_aside.get(name, 0)
    return count > before if name in EACH_ONE_COUNTS else before == 0


def _too_many(set_aside: int, learners: int, percent: float | None) -> list[str]:
    if percent is None or set_aside * 100 <= percent * learners:
        return []
    share = 100 * set_aside / learners
    return [f"{set_aside} of {learners} learners ({share:.1f} %) are set aside, more than {percent:g} %."]


def _new_courses(courses: Iterable[str], state: AlertState) -> list[str]:
    if state.courses is None:  # the first run: every course is new
        return []
    new = sorted(set(courses) - set(state.courses))
    if not new:
        return []
    named = ", ".join(course[:LENGTH] for course in new[:SHOWN])
    more = f" and {len(new) - SHOWN} more" if len(new) > SHOWN else ""
    return [
        f"Seen for the first time in Codebashing: {named}{more}. Give each its ID in lms.course_map, or "
        "ignore, unless the LMS knows it by that name."
    ]


def _set_aside(name: str, count: int, is_new: bool) -> str:
    why = reason(name)
    how = " (new)" if is_new else ""
    return f"Set aside{how}: {plural(count, 'learner')}, {name}. {why.remedy} ({why.actor})"

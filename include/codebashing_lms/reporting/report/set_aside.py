"""Who was set aside, by reason and by who can do something about it."""

import csv
from dataclasses import dataclass
from itertools import islice

from include.codebashing_lms.reporting.wording import reason
from include.codebashing_lms.staging.files import StagedPath, local_copy
from include.codebashing_lms.staging.layout import REFUSED_LIST, SET_ASIDE
from include.codebashing_lms.transform.manifest import Manifest
from include.codebashing_lms.transform.records.dispositions import Actor, Group, Reason

SHOWN = 200  # learners by name under each reason; set_aside.csv has all
REFUSED_NOW = Reason(
    Group.SET_ASIDE,
    Actor.LMS,
    "were refused by the LMS just now",
    "Correct user or course in the LMS, by the reason below; the next run tries again.",
)

People = tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True)
class SetAsideGroup:
    """Learners set aside for one reason.

    :param people: (e-mail, employee ID, course, reason of the LMS) of the first lines, at most SHOWN.
    :param lines: how many lines of `file` have this reason.
    """

    name: str
    reason: Reason
    learners: int
    people: People
    lines: int
    file: str = SET_ASIDE


def groups_of(folder: StagedPath, manifest: Manifest) -> tuple[SetAsideGroup, ...]:
    """Return the groups of a run: rows that the LMS refused just now, then reasons by number of learners."""
    learners = manifest.learners_set_aside()
    shown = _read(folder / SET_ASIDE, set(learners)) if learners else {}
    groups = [SetAsideGroup(name, reason(name), count, *shown[name]) for name, count in learners.items()]
    return (*_refused_now(folder), *sorted(groups, key=lambda group: -group.learners))


def _refused_now(folder: StagedPath) -> list[SetAsideGroup]:
    if not (folder / REFUSED_LIST).exists():
        return []
    people: list[tuple[str, str, str, str]] = []
    lines = 0
    with local_copy(folder / REFUSED_LIST) as copy, copy.open(encoding="utf-8", newline="") as file:
        for refusal, _, email, employee_id, course, _ in islice(csv.reader(file), 1, None):
            lines += 1
            if len(people) < SHOWN:
                people.append((email, employee_id, course, refusal))
    group = SetAsideGroup("refused_now", REFUSED_NOW, lines, tuple(people), lines, REFUSED_LIST)
    return [group] if lines else []


def _read(source: StagedPath, names: set[str]) -> dict[str, tuple[People, int]]:
    people: dict[str, list[tuple[str, str, str, str]]] = {name: [] for name in names}
    lines = dict.fromkeys(names, 0)
    with local_copy(source) as copy, copy.open(encoding="utf-8", newline="") as file:
        for name, _, email, employee_id, course, _ in csv.reader(file):
            if name not in people:
                continue
            lines[name] += 1
            if len(people[name]) < SHOWN:
                people[name].append((email, employee_id, course, ""))
    return {name: (tuple(people[name]), lines[name]) for name in names}

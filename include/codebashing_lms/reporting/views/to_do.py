"""Who is set aside now, by who can act and by reason, and since when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from include.codebashing_lms.dates import iso
from include.codebashing_lms.reporting.views.runs import Run
from include.codebashing_lms.reporting.views.set_aside import with_since
from include.codebashing_lms.reporting.wording import reason
from include.codebashing_lms.staging.layout import SET_ASIDE
from include.codebashing_lms.transform.records.dispositions import Actor, Disposition, Reason

EXPORTED = ("who", "reason", "what to do", "since", "email", "employee_id", "course", "detail")
SHOWN = 25
TIME_BUDGET_OF_A_FILE = 10.0  # seconds; a download may take longer than a page


@dataclass(frozen=True)
class ToDoGroup:
    """All lines of one reason.

    :param lines: the lines that wait longest, at most SHOWN, each with the columns of `with_since`.
    :param more: how many lines are not shown.
    :param longest: since when the first line waits.
    """

    reason: Reason
    learners: int
    lines: tuple[Any, ...]
    more: int
    longest: datetime


@dataclass(frozen=True)
class ToDo:
    """What is to be done, by who can do it.

    :param back_to: as-of of the oldest list that was read: no `since` is earlier.
    """

    run: Run
    groups: tuple[tuple[str, tuple[ToDoGroup, ...]], ...]
    learners: int
    back_to: datetime
    looked_at_all: bool


def to_do(runs: Sequence[Run]) -> ToDo | None:
    """Return what is to be done after the newest reading; None without a reading."""
    live = _live(runs)
    if not live:
        return None
    table, back_to = with_since(live)
    groups: dict[str, list[ToDoGroup]] = {actor: [] for actor in Actor}
    for name, lines in table.groupby("reason", sort=False):
        group = _group(str(name), lines)
        groups[group.reason.actor].append(group)
    by_actor = tuple(
        (actor, tuple(sorted(found, key=lambda group: -group.learners))) for actor, found in groups.items() if found
    )
    learners = sum(group.learners for _, found in by_actor for group in found)
    return ToDo(live[0], by_actor, learners, back_to, back_to == live[-1].as_of)


def _live(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.is_live and SET_ASIDE in run.entry.files]


def _group(name: str, lines: pd.DataFrame) -> ToDoGroup:
    ordered = lines.sort_values(["since", "email", "employee_id"], kind="stable")
    shown = ordered.head(SHOWN)
    return ToDoGroup(
        reason=reason(name),
        learners=_learners(name, lines),
        lines=tuple(shown.itertuples(index=False)),
        more=len(ordered) - len(shown),
        longest=ordered["since"].iloc[0],
    )


def _learners(name: str, lines: pd.DataFrame) -> int:
    """Return how many learners have a reason; a learner may have several lines, a course has one for all."""
    if name == Disposition.UNMAPPED_COURSE.reason:
        return int(lines["records"].astype(int).sum())
    nameless = (lines["email"] == "") & (lines["employee_id"] == "")
    return len(lines[~nameless].drop_duplicates(["email", "employee_id"])) + int(nameless.sum())


def exported(runs: Sequence[Run]) -> Iterator[list[str]]:
    """Yield the whole list for a spreadsheet, the heading first."""
    live = _live(runs)
    yield list(EXPORTED)
    if not live:
        return
    table, _ = with_since(live, TIME_BUDGET_OF_A_FILE)
    rows: list[dict[Any, Any]] = table.sort_values(["reason", "since"], kind="stable").to_dict("records")
    for row in rows:
        meaning, since = reason(str(row["reason"])), iso(row["since"])
        names = (row["email"], row["employee_id"], row["course"], row["detail"])
        yield [meaning.actor, str(row["reason"]), meaning.remedy, since, *names]

"""Who is set aside now, by reason and by who can do something about it, and since when.

Lines are those of set_aside.csv, and of refused.csv for what the LMS did not take.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from include.codebashing_lms.dates import iso
from include.codebashing_lms.reporting.views.runs import Cache, Run
from include.codebashing_lms.reporting.wording import reason
from include.codebashing_lms.staging.files import StagedPath, local_copy
from include.codebashing_lms.staging.layout import REFUSED_LIST, SET_ASIDE
from include.codebashing_lms.transform.lists import SET_ASIDE_COLUMNS
from include.codebashing_lms.transform.records.dispositions import Actor, Disposition, Reason

WHOSE = ["reason", "email", "employee_id", "course"]
EXPORTED = ("who", "reason", "what to do", "since", "email", "employee_id", "course", "detail")
SHOWN = 25
TIME_BUDGET = 1.0  # seconds to look back at earlier lists; who was there in the last of them waits longer
TIME_BUDGET_OF_A_FILE = 10.0

_since_of = Cache(16)


@dataclass(frozen=True)
class ToDoLine:
    """A learner, or a course, that waits for somebody.

    :param since: as-of of the first run, without a gap, in whose list the line stood.
    """

    email: str
    employee_id: str
    course: str
    detail: str
    since: datetime


@dataclass(frozen=True)
class ToDoGroup:
    """All that wait for one reason.

    :param lines: the first of them, those longest there first.
    :param longest: since when the one waits that waits longest.
    """

    name: str
    reason: Reason
    learners: int
    lines: tuple[ToDoLine, ...]
    more: int
    longest: datetime


@dataclass(frozen=True)
class ToDo:
    """What is to be done, by who can do it.

    :param back_to: as-of of the oldest list that was looked at: nobody is said to wait since before it.
    """

    run: Run
    groups: tuple[tuple[str, tuple[ToDoGroup, ...]], ...]
    learners: int
    back_to: datetime
    looked_at_all: bool


def to_do(runs: Sequence[Run]) -> ToDo | None:
    """Return what is to be done after the newest reading; None without one."""
    read = [run for run in runs if run.is_live and SET_ASIDE in run.listed.files]
    if not read:
        return None
    table, back_to = with_since(read)
    groups: dict[str, list[ToDoGroup]] = {actor: [] for actor in Actor}
    for name, lines in table.groupby("reason", sort=False):
        group = _group(str(name), lines)
        groups[group.reason.actor].append(group)
    by_actor = tuple(
        (actor, tuple(sorted(found, key=lambda one: -one.learners)))
        for actor, found in groups.items()
        if found
    )
    learners = sum(one.learners for _, found in by_actor for one in found)
    return ToDo(read[0], by_actor, learners, back_to, back_to == read[-1].as_of)


def with_since(read: Sequence[Run], patience: float = TIME_BUDGET) -> tuple[pd.DataFrame, datetime]:
    """Return the newest list with `since` in each line, and how far back was looked for it."""
    newest = read[0]
    lines = _lines(newest).to_pandas()
    age, looked = _ages(read, patience)
    moments = np.array([run.as_of for run in read[: looked + 1]], dtype=object)
    return lines.assign(since=moments[age]), read[looked].as_of


def _group(name: str, lines: pd.DataFrame) -> ToDoGroup:
    ordered = lines.sort_values(["since", "email", "employee_id"], kind="stable")
    shown = ordered.head(SHOWN)
    return ToDoGroup(
        name=name,
        reason=reason(name),
        learners=_learners(name, lines),
        lines=tuple(_line(row) for row in shown.to_dict("records")),
        more=len(ordered) - len(shown),
        longest=ordered["since"].iloc[0],
    )


def _learners(name: str, lines: pd.DataFrame) -> int:
    """Count learners, not lines: one may have several; a course's line counts its learners itself."""
    if name == Disposition.UNMAPPED_COURSE.reason:
        return int(lines["records"].astype(int).sum())
    nameless = (lines["email"] == "") & (lines["employee_id"] == "")
    return len(lines[~nameless].drop_duplicates(["email", "employee_id"])) + int(nameless.sum())


def _line(row: dict[Any, Any]) -> ToDoLine:
    return ToDoLine(row["email"], row["employee_id"], row["course"], row["detail"], row["since"])


def _ages(read: Sequence[Run], patience: float) -> tuple[npt.NDArray[np.int64], int]:
    """Return for each line how many runs ago it came, and how many runs were looked back at."""
    newest = (str(read[0].folder), read[0].listed.files[SET_ASIDE], read[0].listed.files.get(REFUSED_LIST))

    def look() -> tuple[npt.NDArray[np.int64], int]:
        """Look back run by run, as long as a line still stands and patience lasts."""
        give_up = time.monotonic() + patience
        names = _names(_lines(read[0]))
        age = np.zeros(len(names), dtype=np.int64)
        still = np.arange(len(names))
        for at, run in enumerate(read[1:], start=1):
            if not len(still) or time.monotonic() > give_up:
                return age, at - 1
            there = pc.is_in(names.take(pa.array(still)), value_set=_names(_lines(run)))
            still = still[there.to_numpy(zero_copy_only=False)]
            age[still] = at
        return age, len(read) - 1

    found: tuple[npt.NDArray[np.int64], int] = _since_of.get((newest, len(read), patience), look)
    return found


def _names(lines: pa.Table) -> pa.Array:
    """Return what tells a line from the others: the learner, the course, the reason."""
    columns = [lines[name].combine_chunks() for name in WHOSE]
    return pc.binary_join_element_wise(*columns, "\x1f")


def _lines(run: Run) -> pa.Table:
    """Return the lines of a run's lists, all of them texts."""
    found = _read(run.folder / SET_ASIDE)
    if REFUSED_LIST not in run.listed.files:
        return found
    refused = _read(run.folder / REFUSED_LIST)
    said = pc.binary_join_element_wise(refused["reason"], refused["detail"], "; ")
    columns = {"reason": pa.array([Disposition.REFUSED.reason] * len(refused), pa.string()), "detail": said}
    return pa.concat_tables([found, _replaced(refused, columns)])


def _replaced(table: pa.Table, columns: dict[str, Any]) -> pa.Table:
    return pa.table({name: columns.get(name, table[name]) for name in table.column_names}, table.schema)


def _read(path: StagedPath) -> pa.Table:
    texts = dict.fromkeys(SET_ASIDE_COLUMNS, pa.string())
    convert = pyarrow.csv.ConvertOptions(
        column_types=texts, include_columns=list(texts), strings_can_be_null=False
    )
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    read = pyarrow.csv.ReadOptions(use_threads=False)
    with local_copy(path) as copy:
        return pyarrow.csv.read_csv(copy, read_options=read, parse_options=parse, convert_options=convert)


def exported(runs: Sequence[Run]) -> Iterator[list[str]]:
    """Give the whole list for a spreadsheet, the heading first."""
    read = [run for run in runs if run.is_live and SET_ASIDE in run.listed.files]
    yield list(EXPORTED)
    if not read:
        return
    table, _ = with_since(read, TIME_BUDGET_OF_A_FILE)
    rows: list[dict[Any, Any]] = table.sort_values(["reason", "since"], kind="stable").to_dict("records")
    for row in rows:
        known, since = reason(str(row["reason"])), iso(row["since"])
        whose = (row["email"], row["employee_id"], row["course"], row["detail"])
        yield [known.actor, str(row["reason"]), known.remedy, since, *whose]

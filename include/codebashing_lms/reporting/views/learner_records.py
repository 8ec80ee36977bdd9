"""One learner's records in the newest run: in the file, left out, or set aside and since when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.reporting.views.runs import Run
from include.codebashing_lms.reporting.views.set_aside import with_since
from include.codebashing_lms.reporting.wording import humanize, on_day
from include.codebashing_lms.staging.files import local_copy
from include.codebashing_lms.staging.layout import LEFT_OUT, ROWS, SET_ASIDE
from include.codebashing_lms.transform.records.columns import DONE, STATUSES
from include.codebashing_lms.transform.records.dispositions import Disposition, Group

NAMES = ["employee_id", "email"]


@dataclass(frozen=True)
class LearnerQuery:
    """The names of the learner: e-mail addresses in lower case, and employee IDs."""

    emails: frozenset[str]
    ids: frozenset[str]


@dataclass(frozen=True)
class LearnerRecord:
    """One record of the learner.

    :param reason: why the record was not emitted.
    :param progress: percent, status and completion date of an emitted record, in words.
    :param since: the day since which the record is set aside, as people read it; empty where not known.
    """

    group: Group
    course: str
    email: str
    employee_id: str
    reason: str = ""
    progress: str = ""
    since: str = ""


def newest_records(runs: Sequence[Run], query: LearnerQuery) -> tuple[LearnerRecord, ...]:
    """Return the records of a learner in the newest run.

    :param runs: the newest first; the older runs say since when a learner is set aside.
    """
    others = [*_left_out(runs[0], query), *_set_aside(runs, query)]
    if any(record.reason == Disposition.CHANGED_IDENTITY.reason for record in others):
        return tuple(others)  # load holds all records of the learner
    not_sent = {record.course for record in others if record.group is not Group.MERGED}
    emitted = [record for record in _emitted(runs[0], query) if record.course not in not_sent]
    return (*emitted, *others)


def _emitted(run: Run, query: LearnerQuery) -> Iterator[LearnerRecord]:
    for row in _rows(run, ROWS, query):
        status = STATUSES[2 if row["hundredths"] == DONE else 1 if row["started"] else 0]
        progress = describe_progress(row["course"], row["hundredths"], status, row["completed_at"])
        yield LearnerRecord(Group.EMITTED, *_names(row), progress=progress)


def _left_out(run: Run, query: LearnerQuery) -> Iterator[LearnerRecord]:
    for row in _rows(run, LEFT_OUT, query):
        yield LearnerRecord(Group(row["place"]), *_names(row), reason=row["reason"])


def _set_aside(runs: Sequence[Run], query: LearnerQuery) -> Iterator[LearnerRecord]:
    if SET_ASIDE not in runs[0].entry.files:
        return
    with_list = [runs[0], *(run for run in runs[1:] if run.is_live and SET_ASIDE in run.entry.files)]
    lines, back_to = with_since(with_list)
    reasons = list(runs[0].manifest.records.set_aside)
    lines = lines.assign(**{name: lines[name].str.removeprefix("'") for name in NAMES})
    named = lines["email"].str.lower().isin(query.emails) | lines["employee_id"].isin(query.ids)
    for row in lines[named & lines["reason"].isin(reasons)].to_dict("records"):
        before = row["since"] == back_to != with_list[-1].as_of
        since = on_day(row["since"]) + (" or before" if before else "")
        yield LearnerRecord(Group.SET_ASIDE, *_names(row), reason=row["reason"], since=since)


def _rows(run: Run, name: str, query: LearnerQuery) -> Iterator[dict[str, Any]]:
    if name not in run.entry.files:
        return
    with local_copy(run.folder / name) as copy, pq.ParquetFile(copy) as file:
        yield from rows_of(file, query)


def rows_of(file: pq.ParquetFile, query: LearnerQuery) -> Iterator[dict[str, Any]]:
    """Yield the rows that have one of the names; only their row groups are read whole."""
    for group in range(file.num_row_groups):
        names = file.read_row_group(group, NAMES, use_threads=False)
        by_id = _is_one_of(names["employee_id"], query.ids, lower=False)
        found = np.flatnonzero(by_id | _is_one_of(names["email"], query.emails, lower=True))
        if len(found):
            yield from file.read_row_group(group, use_threads=False).take(found).to_pylist()


def _is_one_of(column: pa.ChunkedArray, values: frozenset[str], lower: bool) -> npt.NDArray[np.bool_]:
    """Return which texts are among the values; a text is compared once, however many rows have it."""
    encoded = column.dictionary_encode().unify_dictionaries().combine_chunks()
    texts = pc.utf8_lower(encoded.dictionary) if lower else encoded.dictionary
    found = pc.is_in(texts, value_set=pa.array(sorted(values), pa.string())).take(encoded.indices)
    matches: npt.NDArray[np.bool_] = pc.fill_null(found, False).to_numpy(zero_copy_only=False)
    return matches


def _names(row: dict[Any, Any]) -> tuple[str, str, str]:
    return row["course"] or "", row["email"] or "", row["employee_id"] or ""


def describe_progress(course: str | None, hundredths: int | None, status: str, completed_at: datetime | None) -> str:
    """Return the progress on a course in words: java 33.33 %, in progress."""
    percent = f"{(hundredths or 0) / 100:.2f}".rstrip("0").rstrip(".")
    day = f" on {on_day(completed_at)}" if completed_at and status == "completed" else ""
    return f"{course or 'course'} {percent} %, {humanize(status)}{day}"

"""Where one learner is in one run: in the file, left out, or set aside.

Lists are opened in the order in which the learner is likely to be there, rows.parquet a row group at a time:
learners keep their place from run to run, so the group of the run before is tried first.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.reporting.views.runs import Run
from include.codebashing_lms.staging.files import StagedPath, local_copy
from include.codebashing_lms.staging.layout import LEFT_OUT, ROWS, SET_ASIDE
from include.codebashing_lms.transform.records.columns import DONE, STATUSES

BLOCK = 4_000_000
BY_LOAD_ASIDE, BY_LOAD_LEFT = {"changed_identity", "refused"}, {"stale", "refused_waiting"}


@dataclass(frozen=True)
class LearnerQuery:
    """Who is looked for: addresses in lower case, and employee IDs."""

    emails: frozenset[str]
    ids: frozenset[str]

    def is_meant(self, email: str | None, employee_id: str | None) -> bool:
        """Tell whether a row is about them."""
        return (email or "").lower() in self.emails or (employee_id or "") in self.ids


@dataclass(frozen=True)
class LearnerRecord:
    """One record of the learner in a run.

    :param place: emitted, withheld, merged or set_aside; `reason` says why where it was not emitted.
    """

    place: str
    reason: str
    course: str
    email: str | None
    employee_id: str | None
    hundredths: int | None = None
    status: str = ""
    completed_at: datetime | None = None
    active_at: datetime | None = field(default=None, compare=False)
    detail: str = ""


@dataclass
class SearchHint:
    """Where the learner was found last, for the next run to begin with."""

    group: int = 0
    aside: bool = False


def records_in_run(
    run: Run, wanted: LearnerQuery, guess: SearchHint, one_record: bool
) -> tuple[LearnerRecord, ...]:
    """Return the records of a learner in a run; none where Codebashing did not name them.

    :param one_record: a learner has one record, so that the first list that has it is enough.
    """
    records = run.manifest.records
    aside, left = set(records.set_aside), set(records.withheld) - {"unchanged"}
    if guess.aside and one_record and (found := _set_aside(run, wanted, aside)):
        return found
    emitted = _emitted(run, wanted, guess)
    if emitted and one_record:
        overruled = _set_aside(run, wanted, aside & BY_LOAD_ASIDE) or _left_out(
            run, wanted, left & BY_LOAD_LEFT
        )
        return overruled or emitted
    others = _left_out(run, wanted, left | aside | ({"merged"} if records.merged else set()))
    held = _set_aside(run, wanted, aside)
    guess.aside = bool(held) and not emitted
    named = {one.course for one in (*others, *held) if one.place != "merged"}
    whole = any(one.reason in BY_LOAD_ASIDE for one in held)
    kept = () if whole else tuple(one for one in emitted if one.course not in named)
    return tuple(sorted((*kept, *others, *held), key=lambda one: (one.course, one.place)))


def _emitted(run: Run, wanted: LearnerQuery, guess: SearchHint) -> tuple[LearnerRecord, ...]:
    if ROWS not in run.listed.files:
        return ()
    with local_copy(run.folder / ROWS) as copy, pq.ParquetFile(copy) as file:
        groups = sorted(range(file.num_row_groups), key=lambda at: abs(at - guess.group))
        for group in groups:
            names = file.read_row_group(group, ["employee_id", "email"], use_threads=False)
            at = places(names, wanted)
            if len(at):
                guess.group = group
                rows = file.read_row_group(group, use_threads=False).take(at)
                return tuple(_said(row) for row in rows.to_pylist())
    return ()


def places(names: pa.Table, wanted: LearnerQuery) -> npt.NDArray[np.int64]:
    """Return the rows that name the learner; a text is looked at once, however often it stands there."""
    if not len(names):
        return np.zeros(0, dtype=np.int64)
    by_id = _among(names["employee_id"], sorted(wanted.ids), lower=False)
    return np.flatnonzero(by_id | _among(names["email"], sorted(wanted.emails), lower=True))


def _among(column: pa.ChunkedArray, values: list[str], lower: bool) -> npt.NDArray[np.bool_]:
    found = []
    for chunk in column.chunks:
        numbered = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        texts = numbered.dictionary
        wanted = pc.is_in(pc.utf8_lower(texts) if lower else texts, value_set=pa.array(values, pa.string()))
        found.append(pc.fill_null(wanted.take(numbered.indices), False).to_numpy(zero_copy_only=False))
    return np.concatenate(found)


def _said(row: dict[str, Any]) -> LearnerRecord:
    done = row["hundredths"] == DONE
    return LearnerRecord(
        place="emitted",
        reason="",
        course=row["course"] or "",
        email=row["email"],
        employee_id=row["employee_id"],
        hundredths=row["hundredths"],
        status=STATUSES[2 if done else 1 if row["started"] else 0],
        completed_at=_utc(row["completed_at"]),
        active_at=_utc(row["active_at"]),
    )


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at else None


def _left_out(run: Run, wanted: LearnerQuery, reasons: set[str]) -> tuple[LearnerRecord, ...]:
    if not reasons or LEFT_OUT not in run.listed.files:
        return ()
    with local_copy(run.folder / LEFT_OUT) as copy, pq.ParquetFile(copy) as file:
        at = places(file.read(["employee_id", "email"], use_threads=False), wanted)
        if not len(at):
            return ()
        rows = file.read(use_threads=False).take(at)
    return tuple(
        LearnerRecord(
            row["place"],
            row["reason"],
            row["course"] or "",
            row["email"],
            row["employee_id"],
            round(row["percent_complete"] * 100) if row["percent_complete"] is not None else None,
        )
        for row in rows.to_pylist()
    )


def _set_aside(run: Run, wanted: LearnerQuery, reasons: set[str]) -> tuple[LearnerRecord, ...]:
    if not reasons or SET_ASIDE not in run.listed.files:
        return ()
    found = []
    for line in _lines(run.folder / SET_ASIDE, wanted):
        name, detail, email, employee_id, course, _ = (cell.removeprefix("'") for cell in line)
        if wanted.is_meant(email, employee_id):
            found.append(
                LearnerRecord("set_aside", name, course, email or None, employee_id or None, detail=detail)
            )
    return tuple(found)


def _lines(path: StagedPath, wanted: LearnerQuery) -> Iterator[list[str]]:
    """Give the lines that hold one of the names; most of a long list is never parsed."""
    needles = [name.encode() for name in wanted.emails] + [name.lower().encode() for name in wanted.ids]
    for block in _blocks(path):
        small = block.lower()
        starts = {small.rfind(b"\n", 0, at) + 1 for needle in needles for at in _hits(small, needle)}
        for start in sorted(starts):
            end = block.find(b"\n", start)
            text = block[start : end if end >= 0 else None].decode("utf-8", "replace")
            yield from (cells for cells in csv.reader(io.StringIO(text, newline="")) if len(cells) == 6)


def _blocks(path: StagedPath) -> Iterator[bytes]:
    with local_copy(path) as copy, copy.open("rb") as file:
        while block := file.read(BLOCK):
            yield block + file.readline()


def _hits(text: bytes, needle: bytes) -> Iterator[int]:
    at = text.find(needle)
    while at >= 0:
        yield at
        at = text.find(needle, at + len(needle))

"""Who finished a course, the latest first: people before numbers."""

from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.staging.files import StagedPath, local_copy
from include.codebashing_lms.staging.layout import ROWS, SENT_ROWS
from include.codebashing_lms.transform.records.columns import DONE

SHOWN = 500
COLUMNS = ["employee_id", "email", "course", "course_title", "hundredths", "completed_at"]


@dataclass(frozen=True)
class Completions:
    """Learners who finished a course.

    :param people: (employee ID, e-mail, course, date) of the latest, at most SHOWN.
    :param count: how many completions there are.
    :param changed_learners: learners with new or changed rows; None where load did not compare the run.
    """

    people: tuple[tuple[str, str, str, str], ...]
    count: int
    changed_learners: int | None


def completions_of(folder: StagedPath) -> Completions:
    """Return the completions among the new and changed rows of a run; among all rows before load compared."""
    learners = None
    if (folder / SENT_ROWS).exists():
        rows = _read(folder / SENT_ROWS, [*COLUMNS, "sent", "known"])
        rows = rows.filter(pc.and_not(rows["sent"], rows["known"]))
        learners = len(pc.unique(rows["employee_id"]))
    else:
        rows = _read(folder / ROWS, COLUMNS)
    done = rows.filter(pc.equal(rows["hundredths"], DONE))
    latest = pc.sort_indices(done, sort_keys=[("completed_at", "descending")])[:SHOWN]
    return Completions(tuple(map(_person, done.take(latest).to_pylist())), len(done), learners)


def _read(source: StagedPath, columns: list[str]) -> Any:
    with local_copy(source) as copy:
        return pq.read_table(copy, columns=columns, use_threads=False)


def _person(row: dict[str, Any]) -> tuple[str, str, str, str]:
    date = f"{row['completed_at']:%Y-%m-%d}" if row["completed_at"] else ""
    return row["employee_id"] or "", row["email"] or "", row["course_title"] or row["course"] or "", date

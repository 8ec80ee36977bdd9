"""Who finished a course, the latest first: people before numbers."""

from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.staging.files import StagedPath, local_copy
from include.codebashing_lms.staging.layout import ROWS, SENT_ROWS

SHOWN = 500
ALL_DONE = 10_000  # hundredths of a percent
COLUMNS = ["employee_id", "email", "course", "course_title", "hundredths", "completed_at"]


@dataclass(frozen=True)
class Completions:
    """Those who finished.

    :param people: (employee ID, e-mail, course, date) of the latest, at most SHOWN.
    :param count: how many there are.
    :param told: learners of whom this run had news; None when it had not decided that.
    """

    people: tuple[tuple[str, str, str, str], ...]
    count: int
    told: int | None

    @property
    def more(self) -> int:
        """Return how many are not named."""
        return self.count - len(self.people)


def completions_of(folder: StagedPath) -> Completions:
    """Return who finished by the news of a run; by all its rows when it decided nothing about news."""
    decided = (folder / SENT_ROWS).exists()
    if decided:
        rows = _read(folder / SENT_ROWS, [*COLUMNS, "sent", "known"])
        rows = rows.filter(pc.and_not(rows["sent"], rows["known"]))
    else:
        rows = _read(folder / ROWS, COLUMNS)
    told = len(pc.unique(rows["employee_id"])) if decided else None
    done = rows.filter(pc.equal(rows["hundredths"], ALL_DONE))
    latest = pc.sort_indices(done, sort_keys=[("completed_at", "descending")])[:SHOWN]
    return Completions(tuple(map(_person, done.take(latest).to_pylist())), len(done), told)


def _read(source: StagedPath, columns: list[str]) -> Any:
    with local_copy(source) as copy:
        return pq.read_table(copy, columns=columns, use_threads=False)


def _person(row: dict[str, Any]) -> tuple[str, str, str, str]:
    date = f"{row['completed_at']:%Y-%m-%d}" if row["completed_at"] else ""
    return row["employee_id"] or "", row["email"] or "", row["course_title"] or row["course"] or "", date

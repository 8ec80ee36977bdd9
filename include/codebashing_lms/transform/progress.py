"""Rules about a learner on a course, one row a record: values, percentage, status, completion date, course.

Columns of the frames: `learner` (row of the learner in the batch), `course` (number of the course, or one of
UNNAMED, NONE, NO_SLUG), `hundredths` of a percent, `started` (anything done at all), `lessons_completed` and
`lessons_total` (-1: not told), `completed_at` (UTC, NaT: none), `fate`.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from msgspec import UNSET

from include.codebashing_lms.connector import Course, CourseMap
from include.codebashing_lms.transform.fates import Fate
from include.codebashing_lms.transform.reading import Batch, Keys
from include.codebashing_lms.transform.values import (
    ABSENT,
    DONE,
    INVALID,
    OVER_100,
    Bools,
    Ints,
    arrow_text,
    counts,
    instants,
    percentages,
    share,
)

UNNAMED, NONE, NO_SLUG = -1, -2, -3
NOTHING = np.datetime64("NaT", "us")


@dataclass
class Courses:
    """The courses met so far: a number for each slug, and what the course map makes of it."""

    course_map: CourseMap
    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, slug: str) -> int:
        """Return the course's number, a new one for a new course."""
        return self.numbers.setdefault(slug, len(self.numbers))

    @property
    def slugs(self) -> list[str]:
        """Return the slugs in the order of their numbers."""
        return list(self.numbers)

    def entry(self, slug: str) -> Course | None:
        """Return what the LMS calls a course; None when it is ignored or not mapped."""
        entry = self.course_map.get(slug) if self.course_map else Course(id=slug)
        return entry if isinstance(entry, Course) else None

    def lms_ids(self) -> list[str]:
        """Return the LMS's id for each course number, blank where the course is not sent."""
        return [entry.id if (entry := self.entry(slug)) else "" for slug in self.numbers]

    def fates(self) -> Ints:
        """Return EMITTED, IGNORED_COURSE or UNMAPPED_COURSE for each course number."""
        return np.array([self._fate(slug) for slug in self.numbers], dtype=np.int64)

    def _fate(self, slug: str) -> Fate:
        if self.entry(slug):
            return Fate.EMITTED
        return Fate.IGNORED_COURSE if slug in self.course_map else Fate.UNMAPPED_COURSE


def of_courses(texts: list[str], numbers: Ints) -> npt.NDArray[np.object_]:
    """Return each record's text out of one a course, blank for records that name no course."""
    return np.array([*texts, ""], dtype=object)[np.where(numbers < 0, len(texts), numbers)]


def primary_records(batch: Batch, keys: Keys, courses: Courses) -> pd.DataFrame:
    """Return the record of each learner on their primary course, judged by its lesson counts."""
    completed, total = counts(batch.column(keys.completed)), counts(batch.column(keys.total))
    names = batch.column(keys.course)
    numbers = _course_numbers(names, courses)
    dates = batch.each([keys.date_of(name) if type(name) is str else keys.course for name in names])
    dates = [date if type(name) is str else UNSET for date, name in zip(dates, names, strict=True)]
    invalid = (completed == INVALID) | (total == INVALID)
    nothing = (total <= 0) | (numbers == NONE)
    done = np.maximum(completed, 0)
    completed_at, date_odd = instants(dates)
    return pd.DataFrame(
        {
            "learner": np.arange(len(batch), dtype=np.int32),
            "course": numbers,
            "hundredths": np.where(invalid | nothing, 0, share(done, np.maximum(total, 0))),
            "started": done > 0,
            "lessons_completed": done,
            "lessons_total": np.maximum(total, 0),
            "completed_at": completed_at,
            "date_odd": date_odd,
            "too_much": ~invalid & ~nothing & (completed > total),
            "fate": np.select([invalid, nothing], [Fate.INVALID_COUNT, Fate.NO_COURSE], Fate.EMITTED).astype(
                np.int8
            ),
        }
    )


def _course_numbers(names: list[Any], courses: Courses) -> Ints:
    """Return the number of each primary course: UNNAMED when not sent, NONE for null, NO_SLUG for no text."""
    odd = set(arrow_text([name if type(name) is str else None for name in names])[1])
    return np.array(
        [
            courses.number(name) if type(name) is str and name.strip() and at not in odd else _odd_name(name)
            for at, name in enumerate(names)
        ],
        dtype=np.int64,
    )


def _odd_name(name: Any) -> int:
    if name is UNSET:
        return UNNAMED
    return NONE if name is None or (type(name) is str and not name.strip()) else NO_SLUG


def course_records(batch: Batch, keys: Keys, slugs: list[str], courses: Courses) -> pd.DataFrame:
    """Return a record for each learner and course whose percentage is present; else one without course."""
    columns = [percentages(batch.column(keys.percentage_of(slug))) for slug in slugs]
    shape = (len(batch), len(slugs))
    hundredths = (
        np.column_stack([found for found, _ in columns]) if columns else np.empty(shape, dtype=np.int64)
    )
    present = hundredths != ABSENT
    absent = np.flatnonzero(~present.any(axis=1))
    learner, column = np.nonzero(present)
    order = np.argsort(np.concatenate([learner, absent]), kind="stable")
    values = hundredths[learner, column]
    started, dates = (
        np.column_stack([s for _, s in columns]) if columns else present,
        _dates(batch, keys, slugs),
    )
    numbers = np.array([courses.number(slug) for slug in slugs], dtype=np.int64)
    frame = pd.DataFrame(
        {
            "learner": learner.astype(np.int32),
            "course": numbers[column],
            "hundredths": np.clip(values, 0, DONE),
            "started": started[learner, column],
            "completed_at": dates[0][learner, column],
            "date_odd": dates[1][learner, column],
            "too_much": values == OVER_100,
            "fate": np.where(values == INVALID, np.int8(Fate.INVALID_PERCENTAGE), np.int8(Fate.EMITTED)),
        }
    )
    nowhere = pd.DataFrame(
        {
            "learner": absent.astype(np.int32),
            "course": np.full(len(absent), NONE),
            "hundredths": 0,
            "started": False,
            "completed_at": np.full(len(absent), NOTHING),
            "date_odd": False,
            "too_much": False,
            "fate": np.int8(Fate.NO_COURSE),
        }
    )
    both = pd.concat([frame, nowhere], ignore_index=True) if len(absent) else frame
    return both.take(order).reset_index(drop=True).assign(lessons_completed=-1, lessons_total=-1)


def _dates(batch: Batch, keys: Keys, slugs: list[str]) -> tuple[Any, Bools]:
    columns = [instants(batch.column(keys.date_of(slug))) for slug in slugs]
    if not columns:
        return np.empty((len(batch), 0), dtype="datetime64[us]"), np.empty((len(batch), 0), dtype=np.bool_)
    return np.column_stack([found for found, _ in columns]), np.column_stack([odd for _, odd in columns])


def judge_courses(records: pd.DataFrame, courses: Courses) -> pd.DataFrame:
    """Withhold ignored courses, and unmapped ones at 0 %; set aside the other unmapped ones."""
    by_course = np.append(courses.fates(), [Fate.UNMAPPED_COURSE, Fate.NO_COURSE, Fate.EMITTED])
    found = by_course[records["course"].to_numpy()]
    at_zero = (found == Fate.UNMAPPED_COURSE) & (records["hundredths"].to_numpy() == 0)
    found = np.where(at_zero, Fate.UNMAPPED_COURSE_AT_ZERO, found)
    fate = records["fate"].to_numpy()
    return records.assign(fate=np.where(fate == Fate.EMITTED, found, fate).astype(np.int8))


def judge_learners(records: pd.DataFrame, learners: pd.DataFrame) -> pd.DataFrame:
    """Let a fault of the learner go before everything about the course."""
    fault = learners["fate"].to_numpy()[records["learner"].to_numpy()]
    return records.assign(fate=np.where(fault == Fate.EMITTED, records["fate"], fault).astype(np.int8))


def keep_true_dates(records: pd.DataFrame, read_at: datetime, warnings: Counter[str]) -> pd.DataFrame:
    """Drop completion dates below 100 and after the reading; count those, and values over the top."""
    alive = (records["fate"] == Fate.EMITTED).to_numpy()
    completed_at = records["completed_at"].to_numpy()
    told = ~np.isnat(completed_at) & alive
    below = told & (records["hundredths"].to_numpy() < DONE)
    late = told & ~below & (completed_at > np.datetime64(read_at.replace(tzinfo=None), "us"))
    warnings["completed_date_below_100"] += int(below.sum())
    warnings["completed_date_after_reading"] += int(late.sum())
    warnings["invalid_completed_date"] += int((records["date_odd"].to_numpy() & alive).sum())
    kept = np.where(told & ~below & ~late, completed_at, NOTHING)
    return records.assign(completed_at=kept)

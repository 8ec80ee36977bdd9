"""Rules about a learner on a course, one row a record: values, percentage, status, completion date, course.

Columns of the frames: `learner` (row of the learner in the batch), `course` (number of the course, or one of
UNNAMED, NONE, NO_SLUG), `hundredths` of a percent, `started` (anything done at all), `lessons_completed` and
`lessons_total` (NO_COUNT: not counted), `completed_at` and `completed_is_day` (see
records/dates.py), `disposition`.
"""

from collections import Counter
from datetime import datetime, tzinfo
from typing import Any

import numpy as np
import pandas as pd
from msgspec import UNSET

from include.codebashing_lms.transform.decode.batches import Batch
from include.codebashing_lms.transform.decode.record_struct import has_utf8
from include.codebashing_lms.transform.decode.source_keys import SourceKeys
from include.codebashing_lms.transform.decode.values import ABSENT, INVALID, OVER_100, counts, share
from include.codebashing_lms.transform.lms_file.courses import NO_SLUG, NONE, UNNAMED, Courses
from include.codebashing_lms.transform.records.columns import DONE, NO_COUNT, NO_INSTANT, Ints, utc64
from include.codebashing_lms.transform.records.dates import Dates
from include.codebashing_lms.transform.records.dispositions import Disposition


def primary_records(batch: Batch, keys: SourceKeys, courses: Courses) -> pd.DataFrame:
    """Return the record of each learner on their primary course, checked by its lesson counts."""
    completed, total = counts(batch.columns[keys.completed]), counts(batch.columns[keys.total])
    numbers = _course_numbers(batch.columns[keys.course], courses)
    invalid = (completed == INVALID) | (total == INVALID)
    nothing = (total <= 0) | (numbers == NONE)
    done = np.maximum(completed, 0)
    dispositions = np.select(
        [invalid, nothing], [Disposition.INVALID_COUNT, Disposition.NO_COURSE], Disposition.EMITTED
    )
    return pd.DataFrame(
        {
            "learner": np.arange(len(batch), dtype=np.int32),
            "course": numbers,
            "hundredths": np.where(invalid | nothing, 0, share(done, np.maximum(total, 0))),
            "started": done > 0,
            "lessons_completed": done,
            "lessons_total": np.maximum(total, 0),
            **batch.dates.found.columns("completed"),
            "date_odd": batch.dates.odd,
            "too_much": ~invalid & ~nothing & (completed > total),
            "disposition": dispositions.astype(np.int8),
        }
    )


def _course_numbers(names: list[Any], courses: Courses) -> Ints:
    """Return the number of each primary course: UNNAMED when not sent, NONE for null, NO_SLUG for no text."""
    texts = dict.fromkeys(name for name in names if type(name) is str)
    number_of = {name: courses.number(name) if is_slug(name) else _odd_name(name) for name in texts}
    numbers = [number_of[name] if type(name) is str else _odd_name(name) for name in names]
    return np.array(numbers, dtype=np.int64)


def is_slug(text: str) -> bool:
    """Return whether a text names a course: blanks do not, nor what no file can hold (lone surrogates)."""
    return bool(text.strip()) and has_utf8(text)


def _odd_name(name: Any) -> int:
    if name is UNSET:
        return UNNAMED
    return NONE if name is None or (type(name) is str and not name.strip()) else NO_SLUG


def course_records(batch: Batch, courses: Courses) -> pd.DataFrame:
    """Return a record for each learner and course with a percentage; else one without course."""
    values = batch.hundredths.ravel()
    numbers = np.array([courses.number(slug) for slug in batch.slugs], dtype=np.int32)
    there = values != ABSENT  # of the table of learners and courses
    at: Any = slice(None) if there.all() else np.flatnonzero(there)
    values = values[at]
    learner = np.repeat(np.arange(len(batch), dtype=np.int32), len(numbers))[at]
    columns = {
        "learner": learner,
        "course": np.tile(numbers, len(batch))[at],
        "hundredths": np.clip(values, 0, DONE).astype(np.int32),
        "started": batch.started.ravel()[at],
        "completed_at": batch.dates.found.at.ravel()[at],
        "completed_is_day": batch.dates.found.is_day.ravel()[at],
        "date_odd": batch.dates.odd.ravel()[at],
        "too_much": values == OVER_100,
        "disposition": np.where(
            values == INVALID, np.int8(Disposition.INVALID_PERCENTAGE), np.int8(Disposition.EMITTED)
        ),
        "lessons_completed": np.full(len(values), NO_COUNT, dtype=np.int8),
        "lessons_total": np.full(len(values), NO_COUNT, dtype=np.int8),
    }
    frame = pd.DataFrame(columns, copy=False)
    on_none = np.flatnonzero(np.bincount(learner, minlength=len(batch)) == 0)
    if len(on_none):
        both = pd.concat([frame, _on_no_course(on_none)], ignore_index=True)
        frame = both.sort_values("learner", kind="stable", ignore_index=True)
    return frame


def _on_no_course(learners: Ints) -> pd.DataFrame:
    columns = {
        "learner": learners.astype(np.int32),
        "course": np.int32(NONE),
        "hundredths": np.int32(0),
        "started": False,
        "completed_at": np.full(len(learners), NO_INSTANT, dtype="datetime64[us]"),
        "completed_is_day": False,
        "date_odd": False,
        "too_much": False,
        "disposition": np.int8(Disposition.NO_COURSE),
        "lessons_completed": np.int8(NO_COUNT),
        "lessons_total": np.int8(NO_COUNT),
    }
    return pd.DataFrame(columns)


def check_courses(records: pd.DataFrame, courses: Courses) -> pd.DataFrame:
    """Withhold ignored courses, and unmapped ones at 0 %; set aside the other unmapped ones."""
    of_no_course = [Disposition.UNMAPPED_COURSE, Disposition.NO_COURSE, Disposition.EMITTED]
    by_course = np.append(courses.dispositions(), of_no_course).astype(np.int8)
    found = by_course.take(records["course"].to_numpy())
    at_zero = (found == Disposition.UNMAPPED_COURSE) & (records["hundredths"].to_numpy() == 0)
    found[at_zero] = Disposition.UNMAPPED_COURSE_AT_ZERO
    disposition = records["disposition"].to_numpy()
    np.copyto(found, disposition, where=disposition != Disposition.EMITTED)
    return records.assign(disposition=found)


def check_learners(records: pd.DataFrame, learners: pd.DataFrame) -> pd.DataFrame:
    """Give every record of a learner with a fault that fault; it goes before those of the course."""
    fault = learners["disposition"].to_numpy().take(records["learner"].to_numpy())
    np.copyto(fault, records["disposition"].to_numpy(), where=fault == Disposition.EMITTED)
    return records.assign(disposition=fault)


def keep_true_dates(records: pd.DataFrame, read_at: datetime, zone: tzinfo, warnings: Counter[str]) -> pd.DataFrame:
    """Remove completion dates below 100 % or after the reading; count both, and dates that are none.

    :param zone: a day after that of the reading there is after the reading.
    """
    alive = records["disposition"].to_numpy() == Disposition.EMITTED
    dates = Dates.of(records, "completed")
    warnings["invalid_completed_date"] += int((records["date_odd"].to_numpy() & alive).sum())
    dated = np.flatnonzero(~np.isnat(dates.at))
    of_emitted = alive[dated]
    below = of_emitted & (records["hundredths"].to_numpy()[dated] < DONE)
    late = of_emitted & ~below & (dates.beginnings(zone)[dated] > utc64(read_at))
    warnings["completed_date_below_100"] += int(below.sum())
    warnings["completed_date_after_reading"] += int(late.sum())
    gone = np.zeros(len(records), dtype=np.bool_)
    gone[dated[~of_emitted | below | late]] = True
    return records.assign(**dates.without(gone).columns("completed"))

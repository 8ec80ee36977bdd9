"""The rows of the LMS file, column by column, as texts.

A column of a batch is a short list of texts and each row's index in it; no cell passes through Python.
"""

from datetime import UTC, date, datetime, tzinfo
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.codebashing_lms.config.profiles.columns import Column
from include.codebashing_lms.config.profiles.contract import Contract
from include.codebashing_lms.dates import format_day, format_instant, iso
from include.codebashing_lms.transform.lms_file.courses import Courses
from include.codebashing_lms.transform.records.columns import (
    DONE,
    STATUSES,
    Instants,
    Ints,
    statuses,
    text_array,
    utc64,
)
from include.codebashing_lms.transform.records.dates import Dates

COUNT_SOURCES = ("lessons_completed", "lessons_total")
COURSE_SOURCES = ("course_id", "course_title")

Cells = tuple[pa.Array, Any]  # texts, and for each row the number of its text


class CellBuilder:
    """Gives the columns of a contract for batches of records.

    :param zone: time zone of every `date_format`, and of days where only an instant can be written.
    """

    def __init__(self, contract: Contract, zone: tzinfo, as_of: datetime, courses: Courses) -> None:
        self.contract, self.zone, self.as_of, self.courses = contract, zone, as_of, courses
        self._mark, self._months = contract.file.decimal_mark, contract.file.months

    def cells(self, records: pd.DataFrame, learners: pd.DataFrame) -> list[Cells]:
        """Return the cells of every column."""
        return [self._column(column, records, learners) for column in self.contract.columns]

    def labels(self) -> list[Cells]:
        """Return the cells of the header."""
        return [_constant(column.label, 1) for column in self.contract.columns]

    def _column(self, column: Column, records: pd.DataFrame, learners: pd.DataFrame) -> Cells:
        if column.value is not None:
            return _constant(column.value, len(records))
        if column.source is not None:
            return self._source(column.source, column, records, learners)
        pieces: list[Cells] = []
        for literal, name in column.pieces():
            pieces += [_constant(literal, len(records))] if literal else []
            pieces += [self._piece(name, column, records, learners)] if name else []
        return _join(pieces, len(records))

    def _piece(self, name: str, column: Column, records: pd.DataFrame, learners: pd.DataFrame) -> Cells:
        if name in self.contract.options:
            return _constant(self._setting(self.contract.options[name], column), len(records))
        return self._source(name, column, records, learners)

    def _source(self, source: str, column: Column, records: pd.DataFrame, learners: pd.DataFrame) -> Cells:
        if source == "as_of":
            return _constant(self._instant(self.as_of, column.date_format), len(records))
        if source == "completed_at":
            return self._dates(Dates.of(records, "completed"), column.date_format)
        if source == "told_at":
            return self._first_sent_at(records, column.date_format)
        if source == "percent_complete":
            texts = _percent_texts(column.decimals, column.rounding == "down", column.scale, self._mark)
            return texts, records["hundredths"].to_numpy()
        if source == "status":
            words = column.statuses
            texts = [name if words is None else words.get(name) or "" for name in STATUSES]
            return pa.array(texts), statuses(records)
        if source in COUNT_SOURCES:
            return _counts(records[source].to_numpy())
        if source in COURSE_SOURCES or source.startswith("course."):
            return self._of_course(source, column, records["course"].to_numpy())
        return self._of_learner(source, column, records["learner"].to_numpy(), learners)

    def _of_learner(self, source: str, column: Column, learner: Ints, learners: pd.DataFrame) -> Cells:
        if source == "last_active_at":
            texts, numbers = self._dates(Dates.of(learners, "active"), column.date_format)
            return texts, numbers[learner]
        return text_array(learners[source]).fill_null(""), learner

    def _of_course(self, source: str, column: Column, numbers: Ints) -> Cells:
        name = source.partition(".")[2] or source.removeprefix("course_")
        entries = [self.courses.entry(slug) for slug in self.courses.slugs]
        texts = [self._setting(getattr(entry, name, None), column) if entry else "" for entry in entries]
        return pa.array([*texts, ""], pa.string()), np.where(numbers < 0, len(texts), numbers)

    def _setting(self, value: Any, column: Column) -> str:
        """Return a setting as text; a day is that day, whatever the time zone."""
        if isinstance(value, date) and column.date_format:
            return format_day(value, column.date_format, self.zone, self._months)
        return "" if value is None else str(value)

    def _first_sent_at(self, records: pd.DataFrame, pattern: str | None) -> Cells:
        """Return when a value is sent first: now, unless the ledger has an earlier instant."""
        now = utc64(self.as_of)
        known = records.get("first_sent_at", pd.Series(np.full(len(records), now)))
        return self._instants(np.asarray(known.fillna(now)), pattern)

    def _dates(self, dates: Dates, pattern: str | None) -> Cells:
        """Return dates as texts: a day as that day; as its beginning where only an instant can be written."""
        if pattern is None:
            return self._instants(dates.beginnings(self.zone), pattern)
        if not dates.is_day.any():
            return self._instants(dates.at, pattern)
        texts, numbers = self._instants(dates.without(dates.is_day).at, pattern)
        of_days, days = dates.days()
        known = [format_day(day, pattern, self.zone, self._months) for day in days]
        numbers = np.asarray(numbers, dtype=np.int64).copy()
        numbers[dates.is_day] = len(texts) + of_days
        return pa.concat_arrays([texts, pa.array(known, pa.string())]), numbers

    def _instants(self, instants: Instants, pattern: str | None) -> Cells:
        encoded = pa.array(instants).dictionary_encode()
        numbers = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy()
        if pattern is None:
            return pa.concat_arrays([_iso(encoded.dictionary), pa.array([""])]), numbers
        known = [self._instant(one.replace(tzinfo=UTC), pattern) for one in encoded.dictionary.to_pylist()]
        return pa.array([*known, ""], pa.string()), numbers

    def _instant(self, instant: datetime, pattern: str | None) -> str:
        return format_instant(instant, pattern, self.zone, self._months) if pattern else iso(instant)


def _iso(instants: pa.Array) -> pa.Array:
    texts = pc.floor_temporal(instants, unit="second").cast(pa.timestamp("s")).cast(pa.string())
    return pc.binary_join_element_wise(pc.replace_substring(texts, " ", "T"), "Z", "")


def _constant(text: str, rows: int) -> Cells:
    return pa.array([text], pa.string()), np.zeros(rows, dtype=np.int64)


def _join(pieces: list[Cells], rows: int) -> Cells:
    texts = [piece.take(pa.array(at)) for piece, at in pieces]
    return pc.binary_join_element_wise(*texts, ""), np.arange(rows)


@cache
def _percent_texts(decimals: int | None, down: bool, scale: int, mark: str) -> pa.Array:
    """Return the text of every percentage from 0 to 100 in hundredths; shortest without `decimals`.

    Rounded to decimals, half up or down; only a finished course has all points.
    """
    shown = 2 if decimals is None else decimals
    whole = DONE // 100 * 10**shown  # 100 % of 100 points, in last digits
    units = np.arange(DONE + 1, dtype=object) * whole * scale  # Python's integers, for any scale
    units = (units if down else units + DONE * 50) // (DONE * 100)
    units[:DONE] = np.minimum(units[:DONE], whole * scale // 100 - 1)
    parts = (units // 10**shown, units % 10**shown)
    points, rest = (pa.array(part, pa.int64()).cast(pa.string()) for part in parts)
    if not shown:
        return points
    texts = pc.binary_join_element_wise(points, pc.ascii_lpad(rest, shown, "0"), mark)
    return pc.ascii_rtrim(pc.ascii_rtrim(texts, "0"), mark) if decimals is None else texts


def _counts(numbers: Ints) -> Cells:
    """Return counts as texts; NO_COUNT is blank."""
    encoded = pa.array(numbers).dictionary_encode()
    return pa.array([str(one) if one >= 0 else "" for one in encoded.dictionary.to_pylist()]), encoded.indices

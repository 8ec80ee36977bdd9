"""Decoded records as columns of a batch, taken from the records while they are in the processor's cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET

from include.codebashing_lms.transform.decode.dates import ParsedDates, parse_dates
from include.codebashing_lms.transform.decode.source_keys import SourceKeys
from include.codebashing_lms.transform.decode.values import percentages
from include.codebashing_lms.transform.records.columns import Bools, Ints
from include.codebashing_lms.transform.records.dates import Dates


class Records:
    """Decoded records by key: all of them structs, or any JSON values."""

    def __init__(self, records: Sequence[Any], fields: dict[str, str]) -> None:
        self.records, self.fields = records, fields
        self.structs = bool(records) and isinstance(records[0], msgspec.Struct)  # all are of one kind

    def column(self, key: str) -> list[Any]:
        """Return the values of one key, UNSET where a record lacks it."""
        if self.structs:
            return list(map(attrgetter(self.fields[key]), self.records))
        return [self._value(record, key) for record in self.records]

    def rows(self, keys: list[str]) -> list[Any]:
        """Return the values of some keys, record after record; None or UNSET where a record lacks one."""
        if len(keys) < 2:
            return [value for key in keys for value in self.column(key)]
        if self.structs:
            values_of = attrgetter(*(self.fields[key] for key in keys))
            return list(chain.from_iterable(map(values_of, self.records)))
        return [self._value(record, key) for record in self.records for key in keys]

    def each(self, keys: Sequence[str | None]) -> list[Any]:
        """Return for each record the value of a key of its own, UNSET for none."""
        if self.structs:
            fields = {key: self.fields.get(key or "", "") for key in set(keys)}
            return [getattr(record, fields[key], UNSET) for record, key in zip(self.records, keys, strict=True)]
        return [self._value(record, key) for record, key in zip(self.records, keys, strict=True)]

    def are_objects(self) -> Bools:
        """Return which records are JSON objects."""
        if self.structs:
            return np.ones(len(self.records), dtype=np.bool_)
        return np.array([isinstance(record, dict) for record in self.records], dtype=np.bool_)

    def _value(self, record: Any, key: str | None) -> Any:
        return record.get(key, UNSET) if isinstance(record, dict) else UNSET


@dataclass(frozen=True)
class Batch:
    """Some records as columns.

    :param slugs: the courses with percentages and dates in columns; none for primary courses.
    :param objects: which records are JSON objects.
    :param columns: the values of each key that is read of every record, UNSET where a record lacks it.
    :param hundredths: of percent, or ABSENT, INVALID, OVER_100; a row a record and a column a course, no
        columns for primary courses.
    :param started: where anything is done at all; shape as `hundredths`.
    :param dates: when the courses, or the one primary course, were completed.
    """

    slugs: list[str]
    objects: Bools
    columns: dict[str, list[Any]]
    hundredths: Ints
    started: Bools
    dates: ParsedDates

    def __len__(self) -> int:
        return len(self.objects)


def primary_batch(records: Records, record_keys: list[str], date_keys: list[str | None], keys: SourceKeys) -> Batch:
    """Return records as columns, with the date that each has for a course of its own."""
    columns = {key: records.column(key) for key in record_keys}
    nothing = np.empty((len(date_keys), 0), dtype=np.int64)
    dates = parse_dates(records.each(date_keys), keys.zone)
    return Batch([], records.are_objects(), columns, nothing, nothing.astype(np.bool_), dates)


def courses_batch(
    records: Records, record_keys: list[str], slugs: list[str], keys: SourceKeys, only_floats: bool
) -> Batch:
    """Return records as columns, with percentage and date of each course.

    :param only_floats: percentages are known to be floats, null or absent.
    """
    columns = {key: records.column(key) for key in record_keys}
    shape = len(records.records), len(slugs)
    hundredths, started = percentages(records.rows([keys.percentage_of(slug) for slug in slugs]), only_floats)
    dates = parse_dates(records.rows([keys.date_of(slug) for slug in slugs]), keys.zone).reshape(shape)
    objects = records.are_objects()
    return Batch(slugs, objects, columns, hundredths.reshape(shape), started.reshape(shape), dates)


def concat_batches(parts: list[Batch]) -> Batch:
    """Return several batches of the same columns as one."""
    return Batch(
        parts[0].slugs,
        np.concatenate([part.objects for part in parts]),
        {key: list(chain.from_iterable(part.columns[key] for part in parts)) for key in parts[0].columns},
        np.concatenate([part.hundredths for part in parts]),
        np.concatenate([part.started for part in parts]),
        ParsedDates(
            Dates(
                np.concatenate([part.dates.found.at for part in parts]),
                np.concatenate([part.dates.found.is_day for part in parts]),
            ),
            np.concatenate([part.dates.odd for part in parts]),
        ),
    )

"""One column of JSON values becomes dates. No value raises an error."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET

from include.codebashing_lms.dates import YEARS, parse_date
from include.codebashing_lms.transform.decode.values import arrow_text
from include.codebashing_lms.transform.records.columns import NO_INSTANT, Bools, utc64
from include.codebashing_lms.transform.records.dates import Dates, midnight

FIRST, END = date(YEARS.start, 1, 1), date(YEARS.stop, 1, 1)
DAY_LENGTH = len("2026-11-23")


@dataclass(frozen=True)
class ParsedDates:
    """The dates of one key over a batch.

    :param found: NaT for none.
    :param odd: where a value is no date, or no date that can be.
    """

    found: Dates
    odd: Bools

    def reshape(self, shape: tuple[int, ...]) -> "ParsedDates":
        """Return them in rows and columns."""
        dates = Dates(self.found.at.reshape(shape), self.found.is_day.reshape(shape))
        return ParsedDates(dates, self.odd.reshape(shape))


def parse_dates(values: Sequence[Any], zone: tzinfo) -> ParsedDates:
    """Return the dates that the values of one key write, UNSET where a record lacks the key.

    :param zone: time zone in which a format may write them; the year must be one of YEARS there, too.
    """
    odd = np.zeros(len(values), dtype=np.bool_)
    try:
        texts, broken = arrow_text(values)
    except TypeError:  # not all are texts
        odd = np.array([not (v is None or v is UNSET or type(v) is str) for v in values], dtype=np.bool_)
        texts, broken = arrow_text([value if type(value) is str else None for value in values])
    odd[broken] = True
    for mark in ("", "Z"):
        try:
            plain = pc.utf8_rtrim(texts, mark) if mark else texts
            at = plain.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:  # Arrow reads the usual form only, and no zone
            continue
        return _without_impossible(ParsedDates(Dates(at, _days(at, plain)), odd), zone)
    return _one_by_one(texts.to_pylist(), odd, zone)


def _days(at: Any, texts: pa.Array) -> Bools:
    days = np.zeros(len(at), dtype=np.bool_)
    midnights = np.flatnonzero(at == at.astype("datetime64[D]"))
    if len(midnights):
        lengths = pc.utf8_length(texts.take(pa.array(midnights)))
        days[midnights] = pc.equal(lengths, DAY_LENGTH).to_numpy(zero_copy_only=False)
    return days


def _without_impossible(dates: ParsedDates, zone: tzinfo) -> ParsedDates:
    at, is_day = dates.found.at, dates.found.is_day
    first, end = utc64(FIRST), utc64(END)
    impossible = (at < max(first, midnight(FIRST, zone))) | (at >= min(end, midnight(END, zone)))
    if not impossible.any():
        return dates
    impossible &= ~is_day | (at < first) | (at >= end)
    return ParsedDates(dates.found.without(impossible), dates.odd | impossible)


def _one_by_one(texts: list[str | None], odd: Bools, zone: tzinfo) -> ParsedDates:
    written = [text if text and text.strip() else None for text in texts]
    parsed = [parse_date(text, zone) if text else None for text in written]
    at = np.array([utc64(one) for one in parsed], dtype=NO_INSTANT.dtype)
    is_day = np.array([one is not None and not isinstance(one, datetime) for one in parsed], dtype=np.bool_)
    unread = np.array([bool(text) for text in written], dtype=np.bool_) & np.isnat(at)
    return ParsedDates(Dates(at, is_day), odd | unread)

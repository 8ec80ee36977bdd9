"""One column of JSON values becomes instants. No value raises an error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET

from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.transform.decode.values import arrow_text
from include.codebashing_lms.transform.records.columns import Bools, Instants, utc64


@dataclass(frozen=True)
class ParsedInstants:
    """The instants of one key over a batch.

    :param found: in UTC, NaT for none.
    :param odd: where a value is no instant.
    :param whole_day: where a value is a day without a time.
    """

    found: Instants
    odd: Bools
    whole_day: Bools

    def reshape(self, shape: tuple[int, ...]) -> "ParsedInstants":
        """Return them in rows and columns."""
        return ParsedInstants(
            self.found.reshape(shape), self.odd.reshape(shape), self.whole_day.reshape(shape)
        )


def instants(values: Sequence[Any]) -> ParsedInstants:
    """Return the instants that the values of one key write, UNSET where a record lacks the key."""
    odd = np.zeros(len(values), dtype=np.bool_)
    try:
        texts, broken = arrow_text(values)
    except TypeError:  # not all are texts
        odd = np.array([not (v is None or v is UNSET or type(v) is str) for v in values], dtype=np.bool_)
        texts, broken = arrow_text([value if type(value) is str else None for value in values])
    odd[broken] = True
    for zone in ("", "Z"):
        try:
            plain = pc.utf8_rtrim(texts, zone) if zone else texts
            at = plain.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:  # Arrow reads the usual form only, and no zone
            continue
        return ParsedInstants(at, odd, _whole_days(at, texts))
    at, unread = _instants_one_by_one(texts.to_pylist())
    return ParsedInstants(at, odd | unread, _whole_days(at, texts))


def _whole_days(at: Instants, texts: pa.Array) -> Bools:
    """Return which instants are days without a time."""
    days = np.zeros(len(at), dtype=np.bool_)
    midnights = np.flatnonzero(at == at.astype("datetime64[D]"))
    written = pc.utf8_trim_whitespace(texts.take(pa.array(midnights)))
    days[midnights] = pc.less_equal(pc.utf8_length(written), len("2026-11-23")).to_numpy(zero_copy_only=False)
    return days


def _instants_one_by_one(texts: list[str | None]) -> tuple[Instants, Bools]:
    parsed = [parse_instant(text) if text and text.strip() else None for text in texts]
    unread = [
        instant is None and bool(text and text.strip()) for instant, text in zip(parsed, texts, strict=True)
    ]
    instants = np.array([utc64(instant) for instant in parsed], dtype="datetime64[us]")
    return instants, np.array(unread, dtype=np.bool_)

"""One column of JSON values becomes numbers or texts. No value raises an error.

Every function takes the values of one key over a batch, `UNSET` where a record lacks the key.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from types import NoneType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from msgspec import UNSET

from include.codebashing_lms.transform.records.columns import DONE, NOT_TEXT, Bools, Ints

ABSENT: Final = -1
INVALID: Final = -2
OVER_100: Final = 10_001
INFINITY: Final = float("inf")
NAN: Final = float("nan")
EXACT_INTEGERS: Final = 1 << 53
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def arrow_text(texts: Sequence[str | None]) -> tuple[pa.Array, list[int]]:
    """Return texts as an Arrow column, and which of them no UTF-8 can hold (lone surrogates)."""
    try:
        return pa.array(texts, pa.string()), []
    except UnicodeEncodeError:
        if not all(text is None or type(text) is str for text in texts):
            raise TypeError("not all are texts") from None
        clean = [None if text is None else text.encode("utf-8", "replace").decode() for text in texts]
        return pa.array(clean, pa.string()), [at for at, text in enumerate(texts) if text != clean[at]]


def employee_id_text(value: Any) -> str | None:
    """Return an ID as text, None where it is missing, NOT_TEXT where the value can be no ID."""
    if type(value) is str:
        return value.strip() or None
    if value is UNSET or value is None or value != value:  # noqa: PLR0124 (NaN alone differs from itself)
        return None
    if type(value) in (int, float) and abs(value) < EXACT_INTEGERS and value == int(value):
        return str(int(value))
    return NOT_TEXT


def employee_id_texts(values: Sequence[Any]) -> list[str | None]:
    """Return IDs as texts, None where one is missing, NOT_TEXT where a value can be no ID."""
    return [value.strip() or None if type(value) is str else employee_id_text(value) for value in values]


def email_texts(values: Sequence[Any]) -> list[str | None]:
    """Return e-mail addresses without blanks around them, None for none, NOT_TEXT for an invalid one."""
    return [
        value.strip() or None if type(value) is str and value.isprintable() else email_text(value) for value in values
    ]


def email_text(value: Any) -> str | None:
    """Return an e-mail address without blanks around it, None for none, NOT_TEXT for an invalid one."""
    if type(value) is str:
        return value.strip() or None if value.isprintable() or not CONTROL.search(value) else NOT_TEXT
    return None if value is None or value is UNSET else NOT_TEXT


def counts(values: Sequence[Any]) -> Ints:
    """Return whole numbers from 0 up; ABSENT for absent and null, INVALID for everything else."""
    return np.array(
        [v if type(v) is int and 0 <= v < EXACT_INTEGERS else _odd_count(v) for v in values], dtype=np.int64
    )


def _odd_count(value: Any) -> int:
    if value is None or value is UNSET:
        return ABSENT
    if type(value) is str and NUMBER.fullmatch(value):
        value = float(value)
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < EXACT_INTEGERS else INVALID


def share(completed: Ints, total: Ints) -> Ints:
    """Return completed / total in hundredths of a percent, half up; DONE only when all is completed."""
    safe = np.maximum(total, 1)
    small = np.minimum(completed, safe)
    whole, rest = np.divmod(small * 100, safe)
    hundredths = whole * 100 + (rest * 200 + safe) // (2 * safe)
    return np.where(completed >= total, DONE, np.minimum(hundredths, DONE - 1))


def percentages(values: Sequence[Any], only_floats: bool = False) -> tuple[Ints, Bools]:
    """Return percentages in hundredths, half up, below 100 at most 99.99, and where anything at all is done.

    ABSENT for absent and null, INVALID for negative and for no number, OVER_100 for more than 100.

    :param only_floats: values are known to be floats, null or absent.
    """
    numbers = _floats(values, only_floats)
    if numbers is None:
        odd = [v if type(v) is float and v >= 0 else _odd_percentage(v) for v in values]
        numbers = np.array(odd, dtype=np.float64)
    codes, distinct = pd.factorize(numbers)  # percentages repeat: each is rounded once; NaN has the code -1
    return np.append(_hundredths(distinct), ABSENT)[codes], numbers > 0


def _floats(values: Sequence[Any], only_floats: bool) -> npt.NDArray[np.float64] | None:
    """Return numbers as they are and NaN for null; None where anything else is among them."""
    if not only_floats and not set(map(type, values)) <= {float, int, NoneType}:
        return None
    try:
        found = pa.array(values, pa.float64())
    except pa.ArrowInvalid:  # too large a number, or an absent one
        return None
    numbers = found.to_numpy(zero_copy_only=False)
    return numbers if np.isnan(numbers).sum() == found.null_count else None


def _odd_percentage(value: Any) -> float:
    if value is None or value is UNSET:
        return NAN
    if type(value) is str and NUMBER.fullmatch(value):
        value = float(value)
    if type(value) is int:
        value = float(min(max(value, INVALID), EXACT_INTEGERS))
    return value if type(value) is float and 0 <= value < INFINITY else INVALID


def _hundredths(numbers: npt.NDArray[np.float64]) -> Ints:
    scaled = np.clip(numbers, 0, 101) * 100
    hundredths = np.floor(scaled + 0.5).astype(np.int64)
    ties = np.flatnonzero(np.abs(scaled - np.floor(scaled) - 0.5) < 1e-6)
    hundredths[ties] = [_half_up(number) for number in numbers[ties].tolist()]
    hundredths = np.where(numbers < 100, np.minimum(hundredths, DONE - 1), DONE)
    hundredths = np.where(numbers > 100, OVER_100, hundredths)
    return np.where((numbers >= 0) & (numbers < INFINITY), hundredths, INVALID)


def _half_up(number: float) -> int:
    """Round exactly, by the digits of the source."""
    return int((Decimal(repr(number)) * 100).quantize(Decimal(1), ROUND_HALF_UP))

"""What the columns of learners and records hold, in every step that handles them, load included."""

from datetime import UTC, date, datetime
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Instants = npt.NDArray[np.datetime64]  # in UTC, in microseconds, without a time zone

DONE: Final = 10_000  # hundredths of a percent
NOT_TEXT: Final = "\ufffd"  # a value that should be a text and is none
NO_COUNT: Final = -1  # lessons that the source does not count
NO_INSTANT = np.datetime64("NaT", "us")

Status = Literal["not_started", "in_progress", "completed"]
STATUSES: tuple[Status, ...] = ("not_started", "in_progress", "completed")


def statuses(records: pd.DataFrame) -> npt.NDArray[np.int8]:
    """Return each record's index in STATUSES: completed exactly at 100 %, not started where nothing is done.

    :param records: with columns `hundredths` and `started`.
    """
    done: Bools = records["hundredths"].to_numpy() == DONE
    started: Bools = records["started"].to_numpy()
    return np.maximum(started.view(np.int8), 2 * done.view(np.int8))


def text_array(texts: pd.Series) -> pa.Array:
    """Return a column of texts as one Arrow array."""
    found = pa.array(texts, pa.string())
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def utc64(at: date | None) -> np.datetime64:
    """Return an instant, or the midnight of a day, as a column of dates holds it; NaT for None."""
    if at is None:
        return NO_INSTANT
    return np.datetime64(at.astimezone(UTC).replace(tzinfo=None) if isinstance(at, datetime) else at, "us")

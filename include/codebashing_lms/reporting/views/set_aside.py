"""The lines of set_aside.csv and refused.csv of a run, and since when each line is there."""

import time
from collections.abc import Sequence
from datetime import datetime
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from cachetools import LRUCache, cached

from include.codebashing_lms.reporting.views.runs import Run
from include.codebashing_lms.staging.files import StagedPath, local_copy
from include.codebashing_lms.staging.layout import REFUSED_LIST, SET_ASIDE
from include.codebashing_lms.transform.lists import SET_ASIDE_COLUMNS
from include.codebashing_lms.transform.records.dispositions import Disposition

IDENTITY = ["reason", "email", "employee_id", "course"]  # the columns that identify a line
TIME_BUDGET = 1.0  # seconds to look back at the lists of earlier runs


def with_since(runs: Sequence[Run], seconds: float = TIME_BUDGET) -> tuple[pd.DataFrame, datetime]:
    """Return the lines of the newest run with a column `since`, and the as-of of the oldest list read.

    :param runs: runs with a list, the newest first. `since` is the as-of of the first run that has the line
        in its list, without a gap since.
    """
    lines = lines_of(runs[0]).to_pandas()
    age, looked = _ages(runs, seconds)
    instants = np.array([run.as_of for run in runs[: looked + 1]], dtype=object)
    return lines.assign(since=instants[age]), runs[looked].as_of


def lines_of(run: Run) -> pa.Table:
    """Return the lines of a run's lists, with texts in all columns; refused rows have the reason refused."""
    set_aside = _read(run.folder / SET_ASIDE)
    if REFUSED_LIST not in run.entry.files:
        return set_aside
    refused = _read(run.folder / REFUSED_LIST)
    detail = pc.binary_join_element_wise(refused["reason"], refused["detail"], "; ")
    reason = pa.array([Disposition.REFUSED.reason] * len(refused), pa.string())
    columns: dict[str, Any] = {"reason": reason, "detail": detail}
    replaced = {name: columns.get(name, refused[name]) for name in refused.column_names}
    return pa.concat_tables([set_aside, pa.table(replaced, refused.schema)])


def _newest_lists(runs: Sequence[Run], seconds: float) -> tuple[Any, ...]:
    files = runs[0].entry.files
    return str(runs[0].folder), files[SET_ASIDE], files.get(REFUSED_LIST), len(runs), seconds


@cached(LRUCache(16), key=_newest_lists, lock=Lock())
def _ages(runs: Sequence[Run], seconds: float) -> tuple[npt.NDArray[np.int64], int]:
    """Return for each line how many runs ago it came, and how many runs were looked back at.

    The search ends when no line of the newest run is left, or when time is up.
    """
    deadline = time.monotonic() + seconds
    names = _names(lines_of(runs[0]))
    age = np.zeros(len(names), dtype=np.int64)
    still = np.arange(len(names))
    for number, run in enumerate(runs[1:], start=1):
        if not len(still) or time.monotonic() > deadline:
            return age, number - 1
        there = pc.is_in(names.take(pa.array(still)), value_set=_names(lines_of(run)))
        still = still[there.to_numpy(zero_copy_only=False)]
        age[still] = number
    return age, len(runs) - 1


def _names(lines: pa.Table) -> pa.Array:
    columns = [lines[name].combine_chunks() for name in IDENTITY]
    return pc.binary_join_element_wise(*columns, "\x1f")


def _read(path: StagedPath) -> pa.Table:
    texts = dict.fromkeys(SET_ASIDE_COLUMNS, pa.string())
    convert = pyarrow.csv.ConvertOptions(column_types=texts, include_columns=list(texts), strings_can_be_null=False)
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    read = pyarrow.csv.ReadOptions(use_threads=False)
    with local_copy(path) as copy:
        return pyarrow.csv.read_csv(copy, read_options=read, parse_options=parse, convert_options=convert)

"""The rows of a delivery as the journal keeps them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.ledger.schema import SENT, align_to_schema
from include.codebashing_lms.load.repeat_refusals import fingerprints, normalize_reason
from include.codebashing_lms.staging.files import StagedPath, local_copy

ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class JournalRows:
    """The rows of a delivery that go into the journal, table after table: memory never holds all of them.

    :param file: sent_rows.parquet
    :param refused: number and reason of the rows that the LMS refused.
    :param only: numbers of sent rows; None: all of them.
    :param whole: with the rows that count as known to the LMS already.
    """

    file: StagedPath
    refused: dict[int, str]
    only: Any
    whole: bool

    def __iter__(self) -> Iterator[pa.Table]:
        done = 0
        with local_copy(self.file) as copy, pq.ParquetFile(copy, pre_buffer=False) as file:
            for batch in file.iter_batches(ROWS_AT_ONCE, use_threads=False):
                table = pa.Table.from_batches([batch])
                yield self._of(table, done)
                done += int(_flag(table, "sent").sum())

    def _of(self, table: pa.Table, done: int) -> pa.Table:
        """Return what the journal keeps of a table.

        :param done: the number of sent rows before the table.
        """
        sent = _flag(table, "sent")
        row = np.where(sent, done + np.cumsum(sent) - 1, -1)
        refused = np.isin(row, list(self.refused))
        kept = np.where(sent, ~_flag(table, "known") | refused, self.whole)
        if self.only is not None:
            kept &= ~sent | np.isin(row, self.only)
        reasons = [self.refused.get(one) for one in row[kept].tolist()] if refused.any() else []
        return _with_refusals(table.filter(pa.array(kept)), reasons)


def _with_refusals(table: pa.Table, reasons: list[str | None]) -> pa.Table:
    """Return rows in the columns of the journal.

    :param reasons: of each row, None where it was accepted; empty: no row was refused.
    """
    if not reasons:
        return align_to_schema(table, SENT)
    refused = np.flatnonzero([reason is not None for reason in reasons])
    refused_as: list[int | None] = [None] * len(reasons)
    rows: pd.DataFrame = table.take(pa.array(refused)).to_pandas()
    for row, fingerprint in zip(refused.tolist(), fingerprints(rows), strict=True):
        refused_as[row] = fingerprint
    normalized = [None if reason is None else normalize_reason(reason) for reason in reasons]
    columns = {"refusal": pa.array(normalized, pa.string()), "refused_as": pa.array(refused_as, pa.int64())}
    return pa.table({name: columns[name] if name in columns else table[name] for name in SENT.names}, SENT)


def _flag(table: pa.Table, name: str) -> Any:
    return pc.fill_null(table[name], False).to_numpy()

"""The judged batches, kept on local disk between the two passes over a snapshot.

The rules over the whole snapshot (conflicts, duplicates) need every learner; a million of them, on 29 courses
each, would not fit in memory. Arrow files of narrow columns are written and read back at disk speed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa


class Spool:
    """Pairs of frames (learners, records), appended batch by batch and read back in order."""

    def __init__(self, folder: Path) -> None:
        self._paths = (folder / "learners.arrow", folder / "records.arrow")
        self._writers: list[Any] = []

    def append(self, learners: pd.DataFrame, records: pd.DataFrame) -> None:
        """Keep one batch."""
        tables = [pa.Table.from_pandas(frame, preserve_index=False) for frame in (learners, records)]
        if not self._writers:
            pairs = zip(self._paths, tables, strict=True)
            self._writers = [pa.ipc.new_file(str(path), table.schema) for path, table in pairs]
        for writer, table in zip(self._writers, tables, strict=True):
            writer.write_batch(table.combine_chunks().to_batches()[0] if len(table) else _empty(table))

    def close(self) -> None:
        """End the writing."""
        for writer in self._writers:
            writer.close()

    def batches(self) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
        """Give the batches in the order in which they came."""
        if not self._writers:
            return
        with pa.OSFile(str(self._paths[0])) as left, pa.OSFile(str(self._paths[1])) as right:
            learners, records = pa.ipc.open_file(left), pa.ipc.open_file(right)
            for number in range(learners.num_record_batches):
                yield _frame(learners.get_batch(number)), _frame(records.get_batch(number))


def _empty(table: pa.Table) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=table.schema)


def _frame(batch: pa.RecordBatch) -> pd.DataFrame:
    frame: pd.DataFrame = batch.to_pandas(types_mapper={pa.string(): pd.ArrowDtype(pa.string())}.get)
    return frame

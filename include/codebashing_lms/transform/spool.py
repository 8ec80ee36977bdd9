"""The judged batches, kept on local disk between the two passes over a snapshot.

The rules over the whole snapshot (conflicts, duplicates) need every learner; a million of them, on 29 courses
each, would not fit in memory. Learners go to an Arrow file. Records are columns of numbers: their bytes are
written as they are, for there are too many to convert them twice.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa

Layout = tuple[int, dict[str, np.dtype[Any]]]  # rows, and the type of each column


class Spool:
    """Pairs of frames (learners, records), appended batch by batch and read back in order."""

    def __init__(self, folder: Path) -> None:
        self._learners_path, self._records_path = folder / "learners.arrow", folder / "records"
        self._learners: Any = None
        self._records = self._records_path.open("wb")
        self._layouts: list[Layout] = []

    def append(self, learners: pd.DataFrame, records: pd.DataFrame) -> None:
        """Keep one batch."""
        people = pa.RecordBatch.from_pandas(learners, preserve_index=False, nthreads=1)
        if not self._learners:
            self._learners = pa.ipc.new_file(str(self._learners_path), people.schema)
        self._learners.write_batch(people)
        columns = {str(name): records[name].to_numpy() for name in records}
        self._layouts.append((len(records), {name: column.dtype for name, column in columns.items()}))
        for column in columns.values():
            column.tofile(self._records)

    def close(self) -> None:
        """End the writing."""
        self._records.close()
        if self._learners:
            self._learners.close()

    def batches(self) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
        """Give the batches in the order in which they came."""
        if not self._layouts:
            return
        with pa.OSFile(str(self._learners_path)) as people, self._records_path.open("rb") as records:
            learners = pa.ipc.open_file(people)
            for number, layout in enumerate(self._layouts):
                yield _frame(learners.get_batch(number)), _records_of(records, layout)


def _frame(batch: pa.RecordBatch) -> pd.DataFrame:
    texts_stay = {pa.string(): pd.ArrowDtype(pa.string())}.get
    frame: pd.DataFrame = batch.to_pandas(types_mapper=texts_stay, use_threads=False)
    return frame


def _records_of(file: BinaryIO, layout: Layout) -> pd.DataFrame:
    rows, types = layout
    columns = {name: np.fromfile(file, dtype, rows) for name, dtype in types.items()}
    return pd.DataFrame(columns, copy=False)

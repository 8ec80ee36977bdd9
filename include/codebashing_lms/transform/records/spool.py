"""The judged batches, kept on local disk between the two passes over a snapshot.

The rules over the whole snapshot (conflicts, duplicates) need every learner; a million of them, on 29 courses
each, would not fit in memory. Learners go to an Arrow file. Records are columns of numbers: their bytes are
written as they are and mapped when they are read, for there are too many to convert or copy them twice.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

Layout = dict[str, tuple[int, np.dtype[Any]]]  # where each column begins, and its type
ALIGNED = 8  # bytes: processors read numbers faster from such addresses


class Spool:
    """Pairs of frames (learners, records), appended batch by batch and read back in order."""

    def __init__(self, folder: Path) -> None:
        self._learners_path, self._records_path = folder / "learners.arrow", folder / "records"
        self._learners: Any = None
        self._records = self._records_path.open("wb")
        self._layouts: list[tuple[int, Layout]] = []

    def append(self, learners: pd.DataFrame, records: pd.DataFrame) -> None:
        """Keep one batch."""
        people = pa.RecordBatch.from_pandas(learners, preserve_index=False, nthreads=1)
        if not self._learners:
            self._learners = pa.ipc.new_file(str(self._learners_path), people.schema)
        self._learners.write_batch(people)
        layout: Layout = {}
        for name in records:
            column = records[name].to_numpy()
            layout[str(name)] = self._records.tell(), column.dtype
            column.tofile(self._records)
            self._records.write(bytes(-column.nbytes % ALIGNED))
        self._layouts.append((len(records), layout))

    def close(self) -> None:
        """End the writing."""
        self._records.close()
        if self._learners:
            self._learners.close()

    def batches(self) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
        """Give the batches in the order in which they came."""
        if not self._layouts:
            return
        with pa.OSFile(str(self._learners_path)) as people:
            learners = pa.ipc.open_file(people)
            for number, (rows, layout) in enumerate(self._layouts):
                yield _frame(learners.get_batch(number)), _records_of(self._records_path, rows, layout)


def _frame(batch: pa.RecordBatch) -> pd.DataFrame:
    texts_stay = {pa.string(): pd.ArrowDtype(pa.string())}.get
    frame: pd.DataFrame = batch.to_pandas(types_mapper=texts_stay, use_threads=False)
    return frame


def _records_of(path: Path, rows: int, layout: Layout) -> pd.DataFrame:
    """Return the records of a batch, mapped by themselves: memory lets go of those before."""
    (start, _), (last, dtype) = next(iter(layout.values())), list(layout.values())[-1]
    size = last + rows * dtype.itemsize - start
    mapped = np.asarray(np.memmap(path, np.uint8, "r", start, size)) if rows else np.empty(0, np.uint8)
    columns = {
        name: mapped[at - start :][: rows * dtype.itemsize].view(dtype)
        for name, (at, dtype) in layout.items()
    }
    return pd.DataFrame(columns, copy=False)

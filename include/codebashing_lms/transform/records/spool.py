"""The checked batches, kept on local disk between the two passes over a snapshot.

The rules over the whole snapshot (conflicts, duplicates) need every learner. A million learners on 29 courses
each would not fit in memory. So learners and records go to an Arrow file each, batch by batch. Records are
numbers, flags and instants: their bytes stand in the file as integers, which Arrow neither copies nor checks.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa


class Spool:
    """Pairs of frames (learners, records), appended batch by batch and read back in order."""

    def __init__(self, folder: Path) -> None:
        self._paths = folder / "learners.arrow", folder / "records.arrow"
        self._files: list[Any] = []
        self._types: dict[str, np.dtype[Any]] = {}

    def append(self, learners: pd.DataFrame, records: pd.DataFrame) -> None:
        """Keep one batch; all batches have columns of the same types."""
        people = pa.RecordBatch.from_pandas(learners, preserve_index=False, nthreads=1)
        columns = {str(name): records[name].to_numpy() for name in records}
        integers = {name: pa.array(column.view(f"i{column.itemsize}")) for name, column in columns.items()}
        batches = people, pa.record_batch(integers)
        if not self._files:
            self._types = {name: column.dtype for name, column in columns.items()}
            files = zip(self._paths, batches, strict=True)
            self._files = [pa.ipc.new_file(str(path), batch.schema) for path, batch in files]
        for file, batch in zip(self._files, batches, strict=True):
            file.write_batch(batch)

    def close(self) -> None:
        """End the writing."""
        for file in self._files:
            file.close()

    def batches(self) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
        """Give the batches in the order in which they came."""
        if not self._files:
            return
        with pa.OSFile(str(self._paths[0])) as people, pa.OSFile(str(self._paths[1])) as rows:
            learners, records = pa.ipc.open_file(people), pa.ipc.open_file(rows)
            for number in range(learners.num_record_batches):
                yield _learners(learners.get_batch(number)), self._records(records.get_batch(number))

    def _records(self, batch: pa.RecordBatch) -> pd.DataFrame:
        columns = {name: batch[name].to_numpy().view(dtype) for name, dtype in self._types.items()}
        return pd.DataFrame(columns, copy=False)


def _learners(batch: pa.RecordBatch) -> pd.DataFrame:
    texts_stay = {pa.string(): pd.ArrowDtype(pa.string())}.get
    frame: pd.DataFrame = batch.to_pandas(types_mapper=texts_stay, use_threads=False)
    return frame

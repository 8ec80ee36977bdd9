"""Rows that arrive in one order and are read in another: partitioned by group in a local file."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

GroupedTable = tuple[pa.Table, npt.NDArray[np.int64]]  # rows, and the number of each row's group

CHUNK = 100_000  # rows that are sorted by group together

# values of learners and courses repeat: this saves nine tenths of the disk space in hardly any time
COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


@contextmanager
def partitioned(path: Path, schema: pa.Schema, tables: Iterable[GroupedTable]) -> Iterator[Callable[[int], pa.Table]]:
    """Give a function that returns all rows of a group, in the order of their arrival.

    :param path: the local file to write; the caller removes it.
    :param schema: the schema of the tables.
    """
    batches: defaultdict[int, list[int]] = defaultdict(list)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema, options=COMPRESSED) as writer:
        written = 0
        for chunk in _chunks(tables):
            for group, batch in _by_group(chunk):
                writer.write_batch(batch)
                batches[group].append(written)
                written += 1
    with pa.OSFile(str(path)) as file:
        reader = pa.ipc.open_file(file)
        yield lambda group: pa.Table.from_batches(map(reader.get_batch, batches[group]), schema)


def _chunks(tables: Iterable[GroupedTable]) -> Iterator[list[GroupedTable]]:
    """Collect small tables, so that a batch of one group has enough rows."""
    chunk: list[GroupedTable] = []
    rows = 0
    for grouped in tables:
        chunk.append(grouped)
        rows += len(grouped[0])
        if rows >= CHUNK:
            yield chunk
            chunk, rows = [], 0
    if rows:
        yield chunk


def _by_group(chunk: list[GroupedTable]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Give the rows of a chunk by group; empty the chunk, so that memory holds the rows only once."""
    groups = np.concatenate([numbers for _, numbers in chunk])
    ordered = pa.concat_tables([table for table, _ in chunk]).take(pa.array(np.argsort(groups, kind="stable")))
    chunk.clear()
    sizes = np.bincount(groups)
    for group, (end, size) in enumerate(zip(np.cumsum(sizes).tolist(), sizes.tolist(), strict=True)):
        for batch in ordered.slice(end - size, size).combine_chunks().to_batches():
            yield group, batch

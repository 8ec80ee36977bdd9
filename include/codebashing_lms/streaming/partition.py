"""Rows that come in one order and are needed in another, by way of a local file: memory holds a few."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

GroupedTable = npt.NDArray[np.int64]
Piece = tuple[pa.Table, GroupedTable]

CHUNK = 100_000  # rows that are sorted into their groups at once

# what is said of people and courses repeats: a tenth of the disk for next to no time
COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


@contextmanager
def partitioned(
    path: Path, schema: pa.Schema, pieces: Iterable[Piece]
) -> Iterator[Callable[[int], pa.Table]]:
    """Give a function that returns all rows of a group, in the order in which they came.

    :param path: where the file may lie meanwhile.
    :param pieces: tables of the schema, and for each of their rows the number of its group.
    """
    batches: defaultdict[int, list[int]] = defaultdict(list)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema, options=COMPRESSED) as writer:
        written = 0
        for line in _lines(pieces):
            for group, batch in _by_group(line):
                writer.write_batch(batch)
                batches[group].append(written)
                written += 1
    with pa.OSFile(str(path)) as file:
        reader = pa.ipc.open_file(file)
        yield lambda group: pa.Table.from_batches(map(reader.get_batch, batches[group]), schema)


def _lines(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Give the pieces, small ones together: a group of each is a batch, and shall have rows."""
    line: list[Piece] = []
    rows = 0
    for piece in pieces:
        line.append(piece)
        rows += len(piece[0])
        if rows >= CHUNK:
            yield line
            line, rows = [], 0
    if rows:
        yield line


def _by_group(line: list[Piece]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Give the rows of a line by their groups; the line is empty then, so that it is not in memory twice."""
    groups = np.concatenate([of_rows for _, of_rows in line])
    ordered = pa.concat_tables([table for table, _ in line]).take(pa.array(np.argsort(groups, kind="stable")))
    line.clear()
    sizes = np.bincount(groups)
    for group, (end, size) in enumerate(zip(np.cumsum(sizes).tolist(), sizes.tolist(), strict=True)):
        for batch in ordered.slice(end - size, size).combine_chunks().to_batches():
            yield group, batch

"""Rows come back by group, in the order of their arrival."""

import numpy as np
import pyarrow as pa

from include.codebashing_lms.streaming import partition


def test_the_rows_of_a_group_keep_their_order(tmp_path, monkeypatch):
    schema = pa.schema([("number", pa.int64())])
    tables = [
        (pa.table({"number": part}, schema), part * 7 % 5) for part in np.split(np.arange(1000), [1, 2, 400, 400, 999])
    ]
    monkeypatch.setattr(partition, "CHUNK", 100)
    with partition.partitioned(tmp_path / "file", schema, tables) as rows_of:
        for group in range(5):
            assert rows_of(group)["number"].to_pylist() == [n for n in range(1000) if n * 7 % 5 == group]
        assert rows_of(6).num_rows == 0

"""A large ledger in a process of its own: FOLDER LEARNERS first|changed|compare. Prints rows, megabytes."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.ledger.journal import append, open_ledger
from include.codebashing_lms.load.compare import LedgerComparison
from include.codebashing_lms.load.delta import DeltaRules
from include.codebashing_lms.transform.rows_file import SCHEMA
from tests.ledger.journal_entries import DESTINATION, day

CHANGED = 8_000
PIECE = 20_000


class Learners:
    """Gives the rows of so many learners, some at a time."""

    def __init__(self, learners, hundredths):
        self.learners, self.hundredths = learners, hundredths

    def __iter__(self):
        for first in range(0, self.learners, PIECE):
            yield self._from(first, min(PIECE, self.learners - first))

    def _from(self, first, rows):
        numbers = pc.cast(pa.array(np.arange(first, first + rows)), pa.string())
        constant = {"course": "java", "course_id": "J-1", "hundredths": self.hundredths, "status": 1}
        columns = {name: pa.repeat(value, rows) for name, value in constant.items()}
        email = pc.binary_join_element_wise(numbers, "first.last@example.com", ".")
        return pa.table({"employee_id": numbers, "user_key": numbers, "email": email, **columns})


def add_entry(folder, learners, number):
    """Add an entry with so many rows, all others unchanged; return how many the ledger has."""
    ledger = open_ledger(folder)
    unchanged = np.arange(len(ledger)) >= learners
    about = {"kind": "delivery", "as_of": day(number), "delivery": str(number), "destination": DESTINATION}
    return len(append(folder, ledger, Learners(learners, 5000 + number), unchanged, about))


def compare(folder, learners):
    """Compare so many rows with the ledger, as if all were sent; return how many are."""
    blank = {"course_title": "", "course_settings": "", "started": True}
    path = folder / "rows.parquet"
    with pq.ParquetWriter(path, SCHEMA) as writer:
        for table in Learners(learners, 6000):
            rows = {name: pa.repeat(value, len(table)) for name, value in blank.items()}
            rows |= {name: table[name] for name in table.column_names}
            columns = [
                pa.nulls(len(table), one.type) if one.name not in rows else _as(rows[one.name], one.type)
                for one in SCHEMA
            ]
            writer.write_table(pa.table(columns, schema=SCHEMA))
    rules = DeltaRules(as_of=np.datetime64("2026-11-30", "us"), full=True)
    deltas = LedgerComparison(path, open_ledger(folder), rules).deltas()
    return sum(int(one.send.sum()) for one in deltas)


def _as(column, kind):
    return column.dictionary_encode() if pa.types.is_dictionary(kind) else column.cast(kind)


def peak():
    """Return the most memory this process ever had, in MB; the value of `getrusage` includes its parent's."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024


def main(folder, learners, action):
    """Do one action, and print its result."""
    actions = {
        "first": lambda: add_entry(folder, learners, 1),
        "changed": lambda: add_entry(folder, CHANGED, 2),
        "compare": lambda: compare(folder, learners),
    }
    sys.stdout.write(json.dumps({"rows": actions[action](), "megabytes": peak()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])

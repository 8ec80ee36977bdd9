"""Compares the rows of all programs: learner, course and percentage, in any order."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

COLUMNS = ("employee_id", "course_id", "percent_complete")


def unique_ids(snapshot_ids: Iterator[str | None]) -> set[str]:
    """Return the employee IDs that only one learner has; the peers have no rules for duplicates."""
    return {one for one, count in Counter(snapshot_ids).items() if one and count == 1}


def fingerprint(path: Path, ids: set[str]) -> tuple[int, str]:
    """Return the number of rows of these employees in a CSV file, and a checksum without regard to order."""
    rows, total = 0, 0
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        at_id, at_course, at_percent = (header.index(name) for name in COLUMNS)
        for row in reader:
            if row[at_id] in ids and row != header:
                text = f"{row[at_id]}|{row[at_course]}|{float(row[at_percent]):.2f}"
                total += int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
                rows += 1
    return rows, f"{total % (1 << 64):016x}"

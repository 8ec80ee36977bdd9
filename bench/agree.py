"""Whether all programs wrote the same rows: learner, course and percentage, in whatever order."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PEOPLE = ("employee_id", "course_id", "percent_complete")


def ids_that_stand_once(snapshot_ids: Iterator[str | None]) -> set[str]:
    """Return the employee IDs that no two learners have: what is right for the others is ours to know."""
    return {one for one, times in Counter(snapshot_ids).items() if one and times == 1}


def fingerprint(path: Path, ids: set[str]) -> tuple[int, str]:
    """Return how many rows of these employees a CSV file has, and a checksum that no order changes."""
    rows, total = 0, 0
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        at_id, at_course, at_percent = (header.index(name) for name in PEOPLE)
        for row in reader:
            if row[at_id] in ids and row != header:
                text = f"{row[at_id]}|{row[at_course]}|{float(row[at_percent]):.2f}"
                total += int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
                rows += 1
    return rows, f"{total % (1 << 64):016x}"

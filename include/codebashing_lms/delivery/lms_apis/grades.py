"""Grades for a gradebook: rows of a staged CSV, by the grade item that takes them."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from include.codebashing_lms.errors import StagingError

GRADE_ITEM = ("course_id", "activity_id", "component", "item_number")
NEEDED = ("user_key", "course_id", "activity_id", "grade")
T = TypeVar("T")


@dataclass(frozen=True)
class GradeItem:
    """What takes grades: an activity or assignment of a course, and what else the gradebook asks for."""

    course_id: str
    activity_id: str
    component: str = ""
    item_number: str = ""


@dataclass(frozen=True)
class Grade:
    """A learner's grade, and its row in the file, from 0."""

    row: int
    user_key: str
    grade: str


def read_grades(path: Path) -> dict[GradeItem, list[Grade]]:
    """Return the grades of a staged file by grade item, in the order of the file."""
    by_item: dict[GradeItem, list[Grade]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.DictReader(file)
        missing = [name for name in NEEDED if name not in (lines.fieldnames or ())]
        if missing:
            raise StagingError(f"{path.name} has no column {', '.join(missing)}: correct the profile.")
        for row, line in enumerate(lines):
            item = GradeItem(*(line.get(name) or "" for name in GRADE_ITEM))
            by_item.setdefault(item, []).append(Grade(row, line["user_key"], line["grade"]))
    return by_item


def sliced(items: list[T], size: int) -> Iterator[list[T]]:
    """Give a list in slices of `size` items at most."""
    for start in range(0, len(items), size):
        yield items[start : start + size]

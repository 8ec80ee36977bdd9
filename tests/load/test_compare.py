"""Rows beside the ledger through local files: the same changes however few rows are in memory at once."""

import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.codebashing_lms.load.compare import LedgerComparison
from include.codebashing_lms.load.delta import Change, DeltaRules
from include.codebashing_lms.transform.rows_file import SCHEMA
from tests.ledger import journal_entries

IDS = st.sampled_from(["1", "2", "3", "4", "5"])
COURSES = st.sampled_from(["java", "go", ""])
EMAILS = st.sampled_from(["1@example.com", "2@example.com", "3@example.com", None])
RULES = DeltaRules(as_of=np.datetime64("2026-11-20T05:00:00", "us"), full=False)


def staged(employee_id, course, percent, email):
    """Return a row of rows.parquet."""
    done = percent == 100
    return {
        "employee_id": employee_id,
        "user_key": employee_id,
        "email": email and email.upper(),
        "course": course,
        "course_id": course.upper(),
        "course_title": "",
        "course_settings": "",
        "hundredths": percent * 100,
        "started": percent > 0,
        "lessons_completed": -1,
        "lessons_total": 20,
        "completed_at": datetime(2026, 11, 1, 12) if done else None,  # noqa: DTZ001 (columns hold UTC)
        "active_at": None,
    }


def unique(rows):
    return st.lists(rows, max_size=10, unique_by=lambda one: one[:2])


ROWS = unique(st.tuples(IDS, COURSES, st.sampled_from([0, 50, 100]), EMAILS))


def write(path, rows, groups):
    """Write rows.parquet in row groups of so many rows."""
    table = pa.Table.from_pylist([staged(*one) for one in rows], SCHEMA)
    pq.write_table(table, path, row_group_size=groups)


def compared(folder, path, at_once):
    """Return every row that is sent or listed, its change and its former ID, and the summary."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("include.codebashing_lms.ledger.buckets.AT_ONCE", at_once)
        patch.setattr("include.codebashing_lms.streaming.partition.CHUNK", at_once)
        patch.setattr("include.codebashing_lms.load.compare.WINDOW", at_once)
        comparison = LedgerComparison(path, journal_entries.open_ledger(folder), RULES)
        frames = [one.rows for one in comparison.deltas()]
    columns = ["row", "employee_id", "course", "change", "send", "hundredths", "former_id", "ledger_email"]
    rows = [line for frame in frames for line in frame[columns].astype(object).to_numpy().tolist()]
    summary = vars(comparison.summary) | {"unchanged": comparison.summary.unchanged.tolist()}
    return [[None if one != one else one for one in line] for line in rows], summary  # noqa: PLR0124 (NaN)


@settings(max_examples=25, deadline=None)
@given(ROWS, ROWS, st.sampled_from([3, 6]))
def test_the_same_changes_however_few_rows_are_in_memory(before, now, at_once):
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name) / "ledger", Path(name) / "rows.parquet"
        known = [journal_entries.row(one, course, percent, email=email) for one, course, percent, email in before]
        journal_entries.add_entry(folder, 1, *known)
        write(path, now, at_once)
        rows, summary = compared(folder, path, at_once)
        assert (rows, summary) == compared(folder, path, 100_000)
        assert [row for row, *_ in rows] == sorted(row for row, *_ in rows)
        unchanged = len(now) - len(rows)
        assert summary["changes"].total() == len(now)
        assert unchanged == summary["changes"][Change.UNCHANGED] == sum(summary["unchanged"])


def test_one_address_for_two_ids_is_found_across_portions(tmp_path):
    journal_entries.add_entry(tmp_path, 1, *(journal_entries.row(str(one)) for one in range(40)))
    rows = [(str(one), "java", 50, f"{one}@example.com") for one in range(39)]
    write(tmp_path / "rows.parquet", [*rows, ("x", "java", 50, "39@example.com")], 7)
    found, _ = compared(tmp_path, tmp_path / "rows.parquet", 2)
    assert [(line[1], line[3], line[6]) for line in found] == [("x", Change.CHANGED_IDENTITY, "39")]

"""Entries that tests add to a journal, and rows that they find in the ledger."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from include.codebashing_lms.ledger.journal import append, open_ledger
from include.codebashing_lms.ledger.numbered_files import numbers
from include.codebashing_lms.ledger.schema import SENT

DESTINATION = {"profile": "generic_csv", "method": "folder", "conn_id": "", "where": "/drop"}


def day(number):
    """Return noon of a day in November."""
    return datetime(2026, 11, 1, 12, tzinfo=UTC) + timedelta(days=number - 1)


def noon(number):
    """Return noon of a day as columns hold it."""
    return day(number).replace(tzinfo=None)


def row(employee_id, course="java", percent=50, **columns):
    """Return a row of an entry."""
    done = percent == 100
    usual = {
        "user_key": employee_id,
        "course_id": course.upper(),
        "email": f"{employee_id}@example.com",
        "status": 2 if done else 1,
        "completed_at": noon(1) if done else None,
        "lessons_total": 20,
    }
    return {"employee_id": employee_id, "course": course, "hundredths": percent * 100, **usual, **columns}


def rows(*each):
    """Return rows of an entry as a table."""
    return pa.Table.from_pylist(list(each), schema=SENT)


def mask(ledger, *unchanged):
    """Return which rows of a ledger were found unchanged, given their employee IDs."""
    return np.isin(ledger.table["employee_id"].to_pylist(), unchanged)


def meta(as_of, kind="delivery", **more):
    """Return the metadata of an entry."""
    about = {"kind": kind, "as_of": as_of, "delivery": f"{kind} {as_of} {more}", "destination": DESTINATION}
    return {**about, **more}


def add_entry(folder, as_of, *each, unchanged=(), kind="delivery", **more):
    """Append an entry with rows to the journal; return the ledger after it."""
    ledger = open_ledger(folder)
    return append(folder, ledger, [rows(*each)], mask(ledger, *unchanged), meta(day(as_of), kind, **more))


def row_of(ledger, employee_id, course="java"):
    """Return the ledger's row of a learner and a course, None when there is none."""
    found = [one for one in ledger.table.to_pylist() if (one["employee_id"], one["course"]) == (employee_id, course)]
    assert len(found) <= 1
    return found[0] if found else None


def versions(folder):
    """Return the numbers of the versions there are."""
    return numbers(folder / "versions")

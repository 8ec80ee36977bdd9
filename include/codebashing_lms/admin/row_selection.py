"""Rows that a person names: completions in an export of the LMS, and rows to send again."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, tzinfo
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.admin.form import AdminForm, end_of, first_moment, form_error
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.csv_files import PathResolver, csv_rows, open_csv
from include.codebashing_lms.config.identifiers import is_clean_id
from include.codebashing_lms.config.lists import INVISIBLE, read_course_map
from include.codebashing_lms.dates import parse_date
from include.codebashing_lms.extract.snapshots import courses_seen
from include.codebashing_lms.ledger.schema import INSTANT, KEY, SENT
from include.codebashing_lms.staging.files import StagedPath, local_copy
from include.codebashing_lms.staging.layout import ROWS, RUNS
from include.codebashing_lms.transform.records.columns import DONE, STATUSES, utc64
from include.codebashing_lms.transform.records.dates import beginning

COLUMNS = ("employee_id", "course", "completed_at")
EXPORT = "The export of the LMS"


def completions(
    connector: Connector, home: StagedPath, location: str, resolve: PathResolver
) -> tuple[pa.Table, int, str]:
    """Return the completions in an export of the LMS, the number of those of other courses, and a warning.

    The export names a course as Codebashing does, or by its ID in the course map, which slugs may share.
    """
    slugs = _slugs(connector, home, resolve)
    found: dict[tuple[str, str], tuple[str, date]] = {}
    zone = connector.lms.zone
    begins = partial(beginning, zone=zone)
    others = 0
    for line, row in csv_rows(location, resolve, COLUMNS, EXPORT):
        at = _completed_at(row, line, zone)
        named = slugs.get(row["course"], {}) if slugs is not None else {row["course"]: row["course"]}
        others += not named
        for slug, course_id in named.items():
            _, first = found.get((row["employee_id"], slug), (course_id, at))
            found[row["employee_id"], slug] = (course_id, min(first, at, key=begins))
    if not found:
        raise form_error(
            f"{EXPORT} names {others} completions, none of a course that is known here; "
            "course must be Codebashing's name, or the ID in lms.course_map"
        )
    warning = lost_zeros({employee_id for employee_id, _ in found}, _newest_rows(home))
    return _as_rows(found), others, warning


def _slugs(connector: Connector, home: StagedPath, resolve: PathResolver) -> dict[str, dict[str, str]] | None:
    """Return the slugs and IDs behind each name of a course; None when no course is known."""
    mapped = read_course_map(connector.lms, resolve)
    if not mapped:
        seen = courses_seen(home)
        return None if seen is None else {slug: {slug: slug} for slug in seen}
    names: dict[str, dict[str, str]] = {}
    for slug, course in mapped.items():
        if course != "ignore":
            for name in {slug, course.id}:
                names.setdefault(name, {})[slug] = course.id
    return names


def _completed_at(row: dict[str, str], line: int, zone: tzinfo) -> date:
    at = parse_date(row["completed_at"], zone)
    if not is_clean_id(row["employee_id"] + row["course"]):
        raise form_error(f"{EXPORT}, line {line}: {INVISIBLE}")
    if not row["employee_id"] or not row["course"] or at is None:
        raise form_error(
            f"{EXPORT}, line {line}: employee_id, course and completed_at are needed, "
            "the last as a date such as 2026-11-23 or an instant such as 2026-11-23T05:15:00Z, from 2000 on"
        )
    return at


def _as_rows(found: dict[tuple[str, str], tuple[str, date]]) -> pa.Table:
    columns: dict[str, Any] = {
        "employee_id": [employee_id for employee_id, _ in found],
        "course": [slug for _, slug in found],
        "user_key": [employee_id for employee_id, _ in found],
        "course_id": [course_id for course_id, _ in found.values()],
        "email": [None] * len(found),
        "hundredths": [DONE] * len(found),
        "status": [STATUSES.index("completed")] * len(found),
        "lessons_total": [-1] * len(found),
        "completed_at": [utc64(at) for _, at in found.values()],
        "completed_is_day": [not isinstance(at, datetime) for _, at in found.values()],
        "refusal": [None] * len(found),
        "refused_as": [None] * len(found),
        "baseline": [True] * len(found),
    }
    return pa.table(columns, schema=SENT)


def employee_ids(location: str, resolve: PathResolver) -> set[str]:
    """Return the employee IDs in a file: one a line, or the column employee_id of a CSV."""
    file = open_csv(location, resolve, "The file of employee IDs")
    delimiter, head = file.head(["employee_id"])
    if not head:
        raise form_error("the file of employee IDs is empty")
    if "employee_id" in map(str.casefold, head):
        lines = [(line, row["employee_id"]) for line, row in file.table(["employee_id"], delimiter)]
    else:
        rows = [(line, [cell for cell in cells if cell]) for line, cells in file.rows(delimiter)]
        if any(len(cells) > 1 for _, cells in rows):
            raise form_error("the file of employee IDs needs one ID a line, or a column employee_id")
        lines = [(line, cells[0]) for line, cells in rows]
    for line, employee_id in lines:
        if not is_clean_id(employee_id):
            raise form_error(f"the file of employee IDs is wrong in line {line}: {INVISIBLE}")
    return {employee_id for _, employee_id in lines} - {""}


def lost_zeros(ids: set[str], tables: Iterable[pa.Table]) -> str:
    """Say how many numbers among the IDs are employee IDs of these tables without the zeros before them."""
    numbers = {one for one in ids if one.isdigit()}
    there = {one for table in tables if numbers for one in table["employee_id"].to_pylist() if one.isdigit()}
    lost = len((numbers - there) & {one.lstrip("0") for one in there})
    return f" {lost} IDs of the list lack the zeros before them, 42 for 0042: it is damaged." if lost else ""


def _newest_rows(home: StagedPath) -> Iterator[pa.Table]:
    runs = (run for date in _newest_first(home / RUNS) for run in _newest_first(date))
    for run in runs:
        if (run / ROWS).exists():
            with local_copy(run / ROWS) as copy:
                yield pq.read_table(copy, columns=["employee_id"])
            return


def _newest_first(folder: StagedPath) -> list[StagedPath]:
    return sorted(folder.iterdir(), key=lambda one: one.name, reverse=True) if folder.exists() else []


def rows_to_resend(ledger: pa.Table, form: AdminForm, ids: set[str] | None) -> pa.Table:
    """Return learner and course of the ledger's rows that fulfil all conditions of the form."""
    fits = pa.array(np.ones(len(ledger), dtype=np.bool_))
    for condition in _conditions(ledger, form, ids):
        fits = pc.and_(fits, pc.fill_null(condition, False))
    rows: pa.Table = ledger.select(KEY).filter(fits)
    return rows


def _conditions(ledger: pa.Table, form: AdminForm, ids: set[str] | None) -> Iterable[Any]:
    since, until = first_moment(form.since, "since"), end_of(form.until, "until")
    if ids is not None:
        yield pc.is_in(ledger["employee_id"], value_set=pa.array(sorted(ids), pa.string()))
    if form.course is not None:
        yield pc.or_(pc.equal(ledger["course"], form.course), pc.equal(ledger["course_id"], form.course))
    if since:
        yield pc.greater_equal(ledger["completed_at"], pa.scalar(utc64(since), INSTANT))
    if until:
        yield pc.less(ledger["completed_at"], pa.scalar(utc64(until), INSTANT))

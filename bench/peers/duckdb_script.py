"""The cron script in SQL: DuckDB reads the JSON and writes the CSV, on both cores."""

import sys

import duckdb

from bench.data import COURSES

WHOLE = {
    "employee_id": "VARCHAR",
    "primary_course_name": "VARCHAR",
    "primary_course_completed_lessons_count": "BIGINT",
    "primary_course_lessons_count": "BIGINT",
}


def source(snapshot):
    columns = WHOLE | {f"{course}.completed_percentage": "DOUBLE" for course in COURSES}
    columns |= {f"{course}.completed_date": "VARCHAR" for course in COURSES}
    named = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    read = f"read_json('{snapshot}', format='array', columns={{{named}}}, maximum_object_size=67108864)"
    return f"""(SELECT * FROM {read} WHERE employee_id IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY employee_id) = 1)"""


def primary():
    share = "round(primary_course_completed_lessons_count * 100 / primary_course_lessons_count, 2)"
    dates = " ".join(f"WHEN '{course}' THEN \"{course}.completed_date\"" for course in COURSES)
    return f"employee_id, primary_course_name AS course_id, coalesce({share}, 0) AS percent_complete", dates


def rows(scope, snapshot):
    if scope == "primary":
        columns, dates = primary()
        return f"SELECT {columns}, CASE primary_course_name {dates} END AS date FROM {source(snapshot)}"
    pairs = ", ".join(
        f"{{'course': '{course}', 'percent': \"{course}.completed_percentage\", 'date': \"{course}.completed_date\"}}"
        for course in COURSES
    )
    unnested = f"SELECT employee_id, unnest([{pairs}]) AS one FROM {source(snapshot)}"
    return (
        "SELECT employee_id, one.course AS course_id, one.percent AS percent_complete, one.date AS date "
        f"FROM ({unnested}) WHERE one.percent IS NOT NULL"
    )


def main(scope, snapshot, out):
    status = "CASE WHEN percent_complete = 100 THEN 'completed' WHEN percent_complete > 0 THEN 'in_progress' "
    status += "ELSE 'not_started' END AS status"
    columns = f"employee_id, course_id, percent_complete, {status}, date AS completed_at"
    duckdb.execute(f"COPY (SELECT {columns} FROM ({rows(scope, snapshot)})) TO '{out}' (HEADER)")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The cron script with orjson."""

import csv
import sys
from pathlib import Path

import orjson


def status_of(percent):
    if percent == 100:
        return "completed"
    return "in_progress" if percent else "not_started"


def primary(user):
    course, total = user["primary_course_name"], user["primary_course_lessons_count"]
    percent = round(user["primary_course_completed_lessons_count"] * 100 / total, 2) if total else 0
    yield course, percent, user[f"{course}.completed_date"]


def every_course(user):
    for key, percent in user.items():
        if key.endswith(".completed_percentage") and percent is not None:
            course = key[:-21]
            yield course, percent, user[f"{course}.completed_date"]


def main(scope, snapshot, out):
    rows_of = primary if scope == "primary" else every_course
    seen = set()
    with open(out, "w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["employee_id", "course_id", "percent_complete", "status", "completed_at"])
        for user in orjson.loads(Path(snapshot).read_bytes()):
            employee_id = user["employee_id"]
            if not employee_id or employee_id in seen:
                continue
            seen.add(employee_id)
            writer.writerows(
                [employee_id, course, percent, status_of(percent), date] for course, percent, date in rows_of(user)
            )


if __name__ == "__main__":
    main(*sys.argv[1:])

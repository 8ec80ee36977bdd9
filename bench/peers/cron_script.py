"""What many customers run from cron: `requests.get(…).json()`, then `csv.writer`; the whole answer in memory.

Here requests reads the answer from a saved file instead of HTTP; all else is the same.
"""

import csv
import sys

import requests


def saved_answer(path):
    response = requests.Response()
    response.status_code = 200
    response.raw = open(path, "rb")  # noqa: SIM115 (requests closes it)
    return response


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
            course = key.removesuffix(".completed_percentage")
            yield course, percent, user[f"{course}.completed_date"]


def main(scope, snapshot, out):
    rows_of = primary if scope == "primary" else every_course
    seen = set()
    with open(out, "w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["employee_id", "course_id", "percent_complete", "status", "completed_at"])
        for user in saved_answer(snapshot).json():
            employee_id = user["employee_id"]
            if not employee_id or employee_id in seen:
                continue
            seen.add(employee_id)
            for course, percent, date in rows_of(user):
                writer.writerow([employee_id, course, percent, status_of(percent), date])


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What many customers run from cron: the whole answer in memory, no check of anything."""

import csv
import json
import sys


def primary(users, writer):
    for user in users:
        total = user["primary_course_lessons_count"]
        percent = round(user["primary_course_completed_lessons_count"] * 100 / total, 2) if total else 0
        writer.writerow([user["employee_id"], user["primary_course_name"], percent])


def every_course(users, writer):
    for user in users:
        for key, percent in user.items():
            if key.endswith(".completed_percentage"):
                course = key.removesuffix(".completed_percentage")
                writer.writerow([user["employee_id"], course, percent, user[f"{course}.completed_date"]])


if __name__ == "__main__":
    scope, snapshot, out = sys.argv[1:]
    with open(snapshot) as source, open(out, "w", newline="") as target:
        (primary if scope == "primary" else every_course)(json.load(source), csv.writer(target))

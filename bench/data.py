"""Random learners in the form of a tenant's answer: 71 keys, some 2,800 bytes each. With a fixed seed."""

import json
import random
import sys
from pathlib import Path

COURSES = """
java dotnet php nodejs ruby python scala cplus ios android go frontend http source_codes
backend_java backend_dotnet java_advanced_lessons dotnet_advanced_lessons angular
python_advanced_lessons angular_js dotnet_api_security java_api_security
application_security_for_qa application_security_for_decision_makers
java_advanced_lessons2 dotnet_advanced_lessons2 python_advanced_lessons2 react
""".split()  # noqa: SIM905


FIRST_NAMES = ("Ann", "Zoë", "Łukasz", "José", "Wei", "Aoife", "吉田")
LAST_NAMES = ("Lee", "Müller", "O'Neill", "García", "𠮷田", "Nguyễn", "Smith")


def learner(number: int, rng: random.Random) -> dict[str, object]:
    """Return one learner; a few have no ID, share one, or occur twice."""
    total = rng.choice((10, 20, 24, 30))
    record: dict[str, object] = {
        "uuid": f"{rng.getrandbits(128):032x}",
        "email": f"Person.{number}@example.com",
        "first_name": rng.choice(FIRST_NAMES),
        "last_name": rng.choice(LAST_NAMES),
        "team": "Blue team",
        "employee_id": f"{number:07d}",
        "primary_course_name": rng.choice(COURSES),
        "primary_course_completed_lessons_count": rng.randint(0, total),
        "primary_course_lessons_count": total,
        "last_active_at": f"2026-11-{rng.randint(1, 22):02d}T10:00:00.000",
        "created_at": "2024-01-01T00:00:00.000",
        "last_sign_in_at": None,
    }
    if number % 97 == 0:
        record["employee_id"] = None
    if number % 1013 == 7:
        record |= {"email": "other@example.com", "employee_id": f"{number - 1:07d}"}
    if number % 1009 == 8:
        record |= {"email": f"person.{number - 1}@example.com", "employee_id": f"{number - 1:07d}"}
    for course in COURSES:
        percent = rng.choice((0.0, 0.0, 33.33, 50.5, 100.0, 87.5))
        record[f"{course}.completed_percentage"] = percent
        record[f"{course}.completed_date"] = instant(rng) if percent == 100 else None
    return record


def instant(rng: random.Random) -> str:
    """Return an instant in September 2026."""
    day, second = rng.randint(1, 30), rng.randint(0, 59)
    return f"2026-09-{day:02d}T{second % 24:02d}:{59 - second:02d}:{second:02d}.000"


def write(path: Path, learners: int) -> None:
    """Write a snapshot with this number of learners."""
    rng = random.Random(20261123)
    with path.open("w", encoding="utf-8") as file:
        for number in range(learners):
            file.write("," if number else "[")
            file.write(json.dumps(learner(number, rng), ensure_ascii=False))
        file.write("]")


if __name__ == "__main__":
    write(Path(sys.argv[2]), int(sys.argv[1]))

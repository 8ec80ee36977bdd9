"""What Airflow carries does not grow with the learners."""

import json

from tests.airflow.test_runs import GREEN

COURSES = [f"course_number_{number}_of_the_catalogue" for number in range(60)]


def learner(number):
    course = COURSES[number % len(COURSES)]
    return {
        "employee_id": f"E{number:07d}" if number % 50 else None,
        "email": f"learner.{number}@example.com",
        "primary_course_name": course,
        "primary_course_completed_lessons_count": number % 13 if number % 97 else "many",
        "primary_course_lessons_count": 12,
        "last_active_at": "2026-11-20T08:00:00.000",
        f"{course}.completed_date": "2026-11-20T08:00:00.000" if number % 13 >= 12 else None,
    }


def test_xcom_of_50_000_learners_is_small(site):
    site.drop.mkdir()
    with site.source([learner(number) for number in range(50_000)]):
        ran = site.run()
    assert ran.tasks == GREEN
    assert site.manifest(ran)["records"]["read"] == 50_000
    results = {"extract.return_value", "transform.return_value", "load.return_value"}
    assert set(ran.xcom) == {*results, "load._link_RunPage"}
    assert len(json.dumps(ran.xcom).encode()) < 4096

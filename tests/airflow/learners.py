"""Learners for runs in Airflow."""


def learner(number, lessons=1, **more):
    return {
        "employee_id": f"{number:04}",
        "email": f"learner{number}@example.com",
        "primary_course_name": "java",
        "primary_course_completed_lessons_count": lessons,
        "primary_course_lessons_count": 12,
        "last_active_at": "2026-11-20T08:00:00.000",
        "java.completed_date": None,
        **more,
    }

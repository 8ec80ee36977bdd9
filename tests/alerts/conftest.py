"""Runs in Airflow whose alerts go to receivers on loopback."""

import pytest

from tests.airflow.conftest import airflow_db, site  # noqa: F401 (fixtures)
from tests.alerts.receivers import MailServer, WebServer


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


@pytest.fixture
def source(site):  # noqa: F811
    site.drop.mkdir()
    with site.source([learner(number) for number in range(1, 5)]) as api:
        yield api


@pytest.fixture
def mail():
    with MailServer() as server:
        yield server


@pytest.fixture
def web():
    with WebServer() as server:
        yield server


@pytest.fixture
def mail_connection(site, mail):  # noqa: F811
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com", "retry_limit": 1}
    site.connection("smtp_default", conn_type="smtp", host="127.0.0.1", port=mail.port, extra=extra)
    return {"smtp": {"to": ["oncall@example.com"]}}

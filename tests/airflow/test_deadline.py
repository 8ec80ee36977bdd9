"""A run that is not over in time."""

import asyncio

from msgspec import convert, to_builtins

from codebashing_lms_airflow.deadline import overdue
from include.codebashing_lms.config.notifications import Notify


def test_the_dag_has_a_deadline_only_if_asked_for(site, source, mail_connection):
    site.connector(notify=mail_connection)
    assert not site.dag().deadline
    site.connector(notify={**mail_connection, "deadline": 90})
    [deadline] = site.dag().deadline
    assert deadline.interval.total_seconds() == 90 * 60
    assert deadline.callback.path == "codebashing_lms_airflow.deadline.overdue"


def test_what_the_triggerer_calls_tells_people(site, mail, mail_connection, monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com")
    notify = to_builtins(convert({**mail_connection, "deadline": 90}, Notify))
    run = {"dag_id": "codebashing_lms_acme", "dag_run_id": "manual__2026-11-23T05:15:00+00:00"}
    asyncio.run(overdue("acme", notify, context={"dag_run": run}))
    [one] = mail.mails
    assert one["subject"] == "Codebashing to LMS, acme: not over after 90 minutes"
    body = one.get_body(("html",)).get_content()
    assert "The run manual__2026-11-23T05:15:00+00:00 is not over 90 minutes after it was queued" in body
    assert "/dags/codebashing_lms_acme/runs/manual__2026-11-23T05%3A15%3A00%2B00%3A00/" in body

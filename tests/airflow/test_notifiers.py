"""Channels that cannot be used say so, today and not on the day they are needed."""

import json

import pytest

from tests.airflow.learners import learner
from tests.fakes.receivers import MailServer, WebServer

HOOK = {"slack": {"conn_id": "hook"}}


@pytest.fixture
def in_need(site, source):
    """A run that needs an alert."""
    source.learners.append(learner(5, employee_id=None))
    return source


def test_a_connection_that_is_missing_is_found_by_a_good_run(site, source):
    site.connector(notify=HOOK)
    ran = site.run()
    assert (ran.state, ran.tasks["load"], ran.tasks["notify"]) == ("success", "success", "failed")
    assert "notify.slack: the Airflow connection 'hook' does not exist" in ran.log
    assert "No alert was due this time" in ran.log


@pytest.mark.slow
def test_a_connection_of_another_type(site, source):
    site.connection("hook", conn_type="http", host="https://example.com")
    site.connector(notify=HOOK)
    assert "has the type http; it must be slackwebhook" in site.run().log


def test_a_provider_that_is_not_installed(site, source, monkeypatch):
    monkeypatch.setattr("codebashing_lms_airflow.notifiers.find_spec", lambda name: None)
    site.connector(notify=HOOK)
    ran = site.run()
    assert (ran.tasks["load"], ran.tasks["notify"]) == ("success", "failed")
    assert "notify.slack needs apache-airflow-providers-slack, which is not here" in ran.log


@pytest.mark.slow
def test_where_nobody_was_reached_it_is_tried_again(site, in_need):
    with WebServer(status=500) as web:
        site.connection("hook", conn_type="slackwebhook", password=f"{web.url}/services/T0/B0/s3cret")
        site.connector(notify=HOOK)
        ran = site.run(retries=2)
        assert len(web.posted) == 3
    assert ran.tasks["notify"] == "failed"
    assert "Nobody got the alert: notify.slack: 'hook' did not take the message" in ran.log
    assert "s3cret" not in ran.log


def test_where_somebody_was_reached_nobody_is_told_twice(site, in_need, mail, mail_connection):
    with WebServer(status=500) as web:
        site.connection("hook", conn_type="slackwebhook", password=f"{web.url}/services/T0/B0/s3cret")
        site.connector(notify={**mail_connection, **HOOK})
        ran = site.run(retries=2)
        assert len(web.posted) == 1
    assert len(mail.mails) == 1
    assert ran.tasks["notify"] == "failed"
    assert "The alert was sent by smtp." in ran.log


@pytest.mark.slow
def test_a_mail_server_that_says_no(site, in_need, mail_connection):
    with MailServer(refuses=True) as server:
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "a@example.com", "retry_limit": 1}
        site.connection("smtp_default", conn_type="smtp", host="127.0.0.1", port=server.port, extra=extra)
        site.connector(notify=mail_connection)
        ran = site.run(retries=0)
    assert ran.tasks["notify"] == "failed"
    assert "SMTPDataError" in ran.log


def test_apprise_is_not_believed_when_its_service_says_no(site, in_need):
    with WebServer(status=403) as web:
        config = {"path": f"json://127.0.0.1:{web.port}/apprise", "tag": None}
        site.connection("apprise_default", conn_type="apprise", extra={"config": config})
        site.connector(notify={"apprise": {}})
        ran = site.run(retries=0)
        assert len(web.posted) == 1
    assert ran.tasks["notify"] == "failed"
    assert "a service of its config refused the message" in ran.log


@pytest.mark.slow
def test_a_slack_app_that_may_not_post_there(site, in_need):
    with WebServer(answer=json.dumps({"ok": False, "error": "not_in_channel"}).encode()) as slack:
        extra = {"base_url": f"{slack.url}/api/"}
        site.connection("slack", conn_type="slack", password="xoxb-s3cret", extra=extra)
        site.connector(notify={"slack": {"conn_id": "slack", "channel": "#lms"}})
        ran = site.run(retries=0)
    assert ran.tasks["notify"] == "failed"
    assert "not_in_channel" in ran.log
    assert "xoxb-s3cret" not in ran.log


def tried_out(site):
    form = dict.fromkeys(["reason", "answer", "file", "since", "until", "course", "number", "delivery", "found"])
    return site.run_dag(site.admin_dag(), run_conf={**form, "connector": site.name, "action": "notify"})


def test_the_test_button(site, mail, mail_connection):
    site.connector(notify=mail_connection)
    ran = tried_out(site)
    assert ran.state == "success"
    assert ran.xcom["carry_out.return_value"]["channels"] == ["smtp"]
    [one] = mail.mails
    assert one["subject"] == f"Codebashing to LMS, {site.name}: a test"


@pytest.mark.slow
def test_the_test_button_says_what_is_wrong(site, mail_connection):
    site.connector(notify={**mail_connection, **HOOK})
    ran = tried_out(site)
    assert ran.state == "failed"
    assert "'hook' does not exist" in ran.log
    assert "Sent by smtp." in ran.log
    site.connector()
    assert "has no notify: nobody would get an alert" in tried_out(site).log

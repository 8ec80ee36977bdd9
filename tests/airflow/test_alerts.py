"""One message for a run that failed or needs a person, and none otherwise."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from demo.lms import Answer, Lms
from tests.airflow.learners import learner

GREEN = {"extract": "success", "transform": "success", "load": "success", "notify": "success"}
HOUR = timedelta(hours=1)


def now():
    return datetime.now(UTC)


def text(mail):
    return mail.get_body(("html",)).get_content()


def test_a_good_run_tells_nobody(site, source, mail, mail_connection):
    site.connector(notify=mail_connection)
    ran = site.run()
    assert (ran.state, ran.tasks) == ("success", GREEN)
    assert mail.mails == []


def test_a_failed_run_is_told_once_and_stays_failed(site, source, mail, mail_connection, monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/")
    site.connector(notify=mail_connection)
    site.drop.rmdir()
    ran = site.run()
    assert (ran.state, ran.tasks) == ("failed", {**GREEN, "load": "failed"})
    [one] = mail.mails
    assert one["subject"] == f"Codebashing to LMS, {site.name}: load failed, a person must act"
    assert one["to"] == "oncall@example.com"
    body = text(one)
    assert "DeliveryError (destination): The delivery folder" in body
    assert "Do not leave it" in body
    assert "the next good run sends everything missed" in body
    assert f"https://airflow.example.com/dags/codebashing_lms_{site.name}/runs/manual__" in body
    assert "learner1" not in body


def test_a_failure_that_heals_says_so_and_only_after_the_last_try(site, source, mail, mail_connection):
    site.connector(notify=mail_connection)
    site.codebashing("http://127.0.0.1:1")  # nobody listens there
    ran = site.run(retries=1)
    assert ran.tasks == {
        "extract": "failed", "transform": "upstream_failed", "load": "upstream_failed", "notify": "success",
    }  # fmt: skip
    [one] = mail.mails
    assert "extract failed, may wait" in one["subject"]
    assert "May wait: the next run tries again" in text(one)


@pytest.mark.slow
def test_what_nobody_foresaw_points_to_the_log(site, source, mail, mail_connection, monkeypatch):
    site.connector(notify=mail_connection)
    monkeypatch.setattr("codebashing_lms_airflow.tasks.load.remove_partial_files", lambda folder: {}["no such key"])
    ran = site.run(retries=0)
    assert ran.tasks["load"] == "failed"
    [one] = mail.mails
    assert "load failed, a person must look" in one["subject"]
    assert "Not foreseen, see the task" in text(one)


@pytest.mark.slow
def test_runs_that_go_on_failing_say_since_when(site, source, mail, mail_connection):
    site.connector(notify=mail_connection)
    site.run()
    site.drop.rename(site.drop.with_name("elsewhere"))
    for _ in range(3):
        site.run()
    assert len(mail.mails) == 3
    assert "Failing since" not in text(mail.mails[0])
    assert "The last good run ended 20" in text(mail.mails[0])
    assert ": 3 runs in a row by now" in text(mail.mails[2])
    site.drop.with_name("elsewhere").rename(site.drop)
    site.run()
    site.drop.rename(site.drop.with_name("elsewhere"))
    site.run()
    assert "Failing since" not in text(mail.mails[3])


def test_a_staging_area_that_cannot_be_read_does_not_keep_the_failure_back(site, source, mail, mail_connection):
    site.connector(notify=mail_connection)
    site.run()
    site.files()["alerts.json"].write_text("{")
    site.codebashing("http://127.0.0.1:1")
    ran = site.run(retries=1)
    assert (ran.state, ran.tasks["notify"]) == ("failed", "success")
    [one] = mail.mails
    assert "extract failed, may wait" in one["subject"]


def test_learners_set_aside_for_a_new_reason_are_told_once(site, source, mail, mail_connection):
    site.connector(notify=mail_connection)
    source.learners.append(learner(5, employee_id=None))
    site.run()
    site.run()
    [one] = mail.mails
    assert one["subject"].endswith(": needs a person")
    assert "Set aside (new): 1 learner, missing_employee_id. Ask your identity team to send the" in text(one)
    assert "learner5" not in text(one)


@pytest.mark.slow
def test_more_set_aside_than_allowed_are_told_each_time(site, source, mail, mail_connection):
    source.learners.append(learner(5, employee_id=None))
    site.connector(notify={**mail_connection, "set_aside_percent": 20})
    site.run()
    mail.mails.clear()
    site.run()
    assert mail.mails == []
    site.connector(notify={**mail_connection, "set_aside_percent": 19})
    site.run()
    site.run()
    assert ["1 of 5 learners (20.0 %) are set aside, more than 19 %" in text(one) for one in mail.mails] == [
        True, True,
    ]  # fmt: skip


def test_a_course_seen_for_the_first_time(site, source, mail, mail_connection):
    site.connector(notify=mail_connection)
    site.run()
    source.learners.append(learner(6, primary_course_name="{{ 7 * 6 }}<b>"))
    site.run()
    site.run()
    [one] = mail.mails
    assert "Seen for the first time in Codebashing: {{ 7 * 6 }}&lt;b&gt;. Give each" in text(one)


@pytest.mark.slow
def test_an_older_run_has_no_news(site, source, mail, mail_connection):
    site.connector(notify=mail_connection)
    site.run()
    source.learners.append(learner(5, employee_id=None))
    ran = site.run(logical_date=now() - HOUR)
    assert ran.tasks == GREEN
    assert mail.mails == []


@pytest.mark.parametrize("kind", ["dry_run", pytest.param("check_only", marks=pytest.mark.slow)])
def test_whoever_tries_something_out_is_watching(site, source, mail, mail_connection, kind):
    site.connector(notify=mail_connection)
    site.drop.rmdir()
    ran = site.run(**{kind: True})
    assert ran.tasks["load"] == "failed"
    assert mail.mails == []


@pytest.mark.slow
def test_a_first_delivery_asks(site, source, mail, mail_connection):
    site.connector(notify=mail_connection, lms={"options": {"emits": "completion"}})
    done = {"java.completed_date": "2026-11-20T08:00:00.000"}
    source.learners.append(learner(7, lessons=12, **done))
    site.run()
    [one] = mail.mails
    assert "load failed, a person must act" in one["subject"]
    assert "This first delivery would send 1 completions" in text(one)


def test_rows_that_the_lms_refused(site, source, mail, mail_connection, tmp_path):
    results = {"path": "refused", "row": "line", "reason": "problem", "max_refused_percent": 60}
    site.connector(
        delivery={"method": "http", "endpoint": "/import", "results": results},
        notify=mail_connection,
        report={"uri": f"file://{tmp_path / 'reports'}"},
    )
    refused = json.dumps({"refused": [{"line": 2, "problem": "no such user"}]}).encode()
    with Lms() as lms:
        lms.next_answers.append(Answer(200, refused, {"Content-Type": "application/json"}))
        site.connection("lms", conn_type="http", host=lms.url, password=lms.token)
        ran = site.run()
    assert ran.tasks == {**GREEN, "report": "success"}
    [one] = mail.mails
    assert "The LMS refused 1 row: see refused.csv." in text(one)
    assert "learner1" not in text(one)
    report = (tmp_path / "reports" / "report.html").read_text()
    assert "Were refused by the LMS just now" in report
    assert "<td>no such user</td>" in report
    assert "no such user" in (tmp_path / "reports" / "refused.csv").read_text()


def test_slack_by_webhook_and_apprise(site, source, web):
    site.connection("hook", conn_type="slackwebhook", password=f"{web.url}/services/T0/B0/secret")
    site.connection(
        "apprise_default",
        conn_type="apprise",
        extra={"config": {"path": f"json://127.0.0.1:{web.port}/apprise", "tag": "x"}},
    )
    site.connector(notify={"slack": {"conn_id": "hook"}, "apprise": {}})
    source.learners.append(learner(6, employee_id=None, primary_course_name="<!channel>"))
    site.run()
    source.learners.append(learner(8, primary_course_name="<!here>"))
    ran = site.run()
    assert ran.xcom["notify.return_value"]["channels"] == ["slack", "apprise"]
    (slack, slack_message), (apprise, apprise_message) = web.posted[-2:]
    assert (slack, apprise) == ("/services/T0/B0/secret", "/apprise")
    assert slack_message["text"].startswith(f"*{site.name}: needs a person*")
    assert "&lt;!here&gt;" in slack_message["text"]
    assert "<!here>" not in slack_message["text"]
    assert apprise_message["title"] == f"Codebashing to LMS, {site.name}: needs a person"
    assert "Seen for the first time" in apprise_message["message"]


def test_slack_by_app(site, source):
    with WebServerThatIsSlack() as slack:
        extra = {"base_url": f"{slack.url}/api/"}
        site.connection("slack", conn_type="slack", password="xoxb-1", extra=extra)
        site.connector(notify={"slack": {"conn_id": "slack", "channel": "#lms"}})
        source.learners.append(learner(5, employee_id=None))
        site.run()
        [(path, message)] = slack.posted
        assert (path, message["channel"]) == ("/api/chat.postMessage", "#lms")
        assert "missing_employee_id" in message["text"]


def WebServerThatIsSlack():
    from tests.fakes.receivers import WebServer

    return WebServer(answer=json.dumps({"ok": True}).encode())

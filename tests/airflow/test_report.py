"""The report after whole runs: where it goes, and that it never hides how the run ended."""

from datetime import UTC, datetime, timedelta

import pytest

from demo.sftp import USERNAME, SftpServer
from tests.airflow.learners import learner

DONE = {"java.completed_date": "2026-11-20T08:00:00.000"}


@pytest.fixture
def reports(site, source, tmp_path):
    folder = tmp_path / "reports"
    folder.mkdir()
    site.connector(report={"directory": str(folder)})
    return folder


def text(folder):
    return (folder / "report.html").read_text().replace("<wbr>", "")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_after_a_good_run(site, source, reports):
    source.learners += [learner(8, lessons=12, **DONE), learner(9, employee_id=None)]
    ran = site.run()
    assert (ran.state, ran.tasks["report"]) == ("success", "success")
    assert names(reports) == ["report.html", "set_aside.csv"]
    assert "Progress of 5 learners is ready for the LMS to fetch" in text(reports)
    assert "delivered" not in text(reports)
    newly, _, rest = text(reports).partition("Needs a person</h2>")
    assert "learner8@example.com" in newly
    assert "learner9@example.com" in rest
    assert 'Have no employee ID <span class="soft">(1 learner)</span>' in rest
    assert (reports / "set_aside.csv").read_text() == site.files()["set_aside.csv"].read_text()


def test_a_failed_load_is_reported_and_the_run_stays_failed(site, source, reports):
    source.learners.append(learner(9, employee_id=None))
    site.drop.rmdir()
    ran = site.run()
    assert (ran.state, ran.tasks["load"], ran.tasks["report"]) == ("failed", "failed", "success")
    assert "This run did not finish" in text(reports)
    assert "The delivery folder" in text(reports)
    assert "the next good run sends everything missed" in text(reports)
    assert "learner9@example.com" in text(reports)


def test_a_guard_that_stopped_the_run_is_reported_with_those_it_is_about(site, source, reports):
    site.connector(report={"directory": str(reports)}, guards={"max_missing_id_percent": 10})
    source.learners.append(learner(9, employee_id=None))
    ran = site.run()
    assert (ran.state, ran.tasks["transform"], ran.tasks["report"]) == ("failed", "failed", "success")
    assert "max_missing_id_percent" in text(reports)
    assert "learner9@example.com" in text(reports)


def test_a_run_that_read_nothing_is_reported_without_people(site, source, reports):
    site.codebashing("http://127.0.0.1:1")
    ran = site.run(retries=0)
    assert (ran.state, ran.tasks["report"]) == ("failed", "success")
    assert names(reports) == ["report.html"]
    assert "This run did not finish" in text(reports)
    assert "Needs a person" not in text(reports)


@pytest.mark.slow
def test_on_hold(site, source, reports):
    site.connector(
        report={"directory": str(reports)}, delivery={"method": "folder", "directory": str(site.drop), "hold": True}
    )
    source.learners.append(learner(8, lessons=12, **DONE))
    ran = site.run()
    assert (ran.state, ran.tasks["load"], ran.tasks["report"]) == ("success", "skipped", "success")
    assert "Nothing was sent: delivery.hold is on" in text(reports)
    assert "learner8@example.com" in text(reports)


@pytest.mark.slow
def test_a_second_run_has_nothing_to_send(site, source, reports):
    delivery = {"method": "folder", "directory": str(site.drop), "send": "changes"}
    site.connector(report={"directory": str(reports)}, delivery=delivery)
    source.learners.append(learner(8, lessons=12, **DONE))
    site.run()
    site.run()
    assert "Nothing to send: the LMS knows everything already" in text(reports)
    assert "learner8@example.com" not in text(reports)
    assert "1 finished" in text(reports)


@pytest.mark.slow
def test_an_older_date_does_not_hide_todays_report(site, source, reports):
    site.run()
    before = text(reports)
    ran = site.run(logical_date=datetime.now(UTC) - timedelta(hours=2))
    assert ran.tasks["report"] == "success"
    assert text(reports) == before
    assert len([path for path in site.staging.rglob("report.html")]) == 2


@pytest.mark.parametrize("kind", ["dry_run", pytest.param("check_only", marks=pytest.mark.slow)])
def test_a_trial_run_leaves_none(site, source, reports, kind):
    site.run(**{kind: True})
    assert names(reports) == []


def test_onto_an_sftp_server(site, source, tmp_path):
    (tmp_path / "inbox").mkdir()
    with SftpServer(tmp_path / "inbox") as server:
        extra = {"host_key": server.host_key}
        fields = {"host": "127.0.0.1", "port": server.port, "login": USERNAME, "password": server.password}
        site.connection("office", conn_type="sftp", extra=extra, **fields)
        site.connector(report={"conn_id": "office", "directory": "."})
        site.run()
        ran = site.run()
    assert ran.tasks["report"] == "success"
    assert names(tmp_path / "inbox") == ["report.html", "set_aside.csv"]


def test_to_an_address(site, source, tmp_path):
    site.connector(report={"uri": f"file://{tmp_path / 'bucket'}"})
    ran = site.run()
    assert ran.tasks["report"] == "success"
    assert names(tmp_path / "bucket") == ["report.html", "set_aside.csv"]


def test_a_place_that_is_not_there_fails_the_report_and_not_the_run(site, source, tmp_path):
    site.connector(report={"directory": str(tmp_path / "nowhere")})
    ran = site.run()
    assert (ran.state, ran.tasks["load"], ran.tasks["report"]) == ("success", "success", "failed")
    assert "The report could not be published; the run itself is unchanged." in ran.notice
    assert "Create or mount it, or correct report.directory" in ran.notice

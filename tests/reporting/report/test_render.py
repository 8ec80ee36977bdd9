"""The report: all that matters to people, nothing that runs or is loaded."""

import re

import pytest

from include.codebashing_lms.reporting.report.completions import SHOWN as FINISHED_SHOWN
from include.codebashing_lms.reporting.report.set_aside import SHOWN as SET_ASIDE_SHOWN
from include.codebashing_lms.reporting.run_end import RunEnd
from tests.reporting.report.folder import NOW, report, run_folder

HOSTILE = '<script>alert("x")</script>{{ 7 * 6 }}@<b>'


def plain(html):
    return re.sub('<wbr>|<span class="under">[^<]*</span>| class="id"', "", html)


def test_names_are_texts_and_never_markup(tmp_path):
    manifest = run_folder(
        tmp_path, [(HOSTILE, HOSTILE, HOSTILE)], {"missing_employee_id": [(HOSTILE, HOSTILE, HOSTILE)]}
    )
    failure = {"message": HOSTILE, "advice": HOSTILE}
    end = RunEnd("acme", HOSTILE, NOW, failed="load", failure=failure, manifest=manifest)
    for html in (report(tmp_path, manifest), report(tmp_path, manifest, end)):
        assert "<script" not in html
        assert "{{ 7 * 6 }}" in html
        assert "&lt;script&gt;" in html


def test_it_needs_nothing_but_itself(tmp_path):
    html = report(tmp_path, run_folder(tmp_path, [("1", "a@example.com", "java")], {}))
    assert re.findall(r"(?:src|href|url\(|@import|https?:)", html) == []


def test_finished_learners_come_first_the_latest_on_top(tmp_path):
    manifest = run_folder(
        tmp_path,
        [("0001", "first@example.com", "java"), ("0002", "last@example.com", "python")],
        {"missing_employee_id": [("nobody@example.com", "", "java")]},
    )
    html = plain(report(tmp_path, manifest))
    positions = [html.index(f"{name}@example.com") for name in ("last", "first", "nobody")]
    assert positions == sorted(positions)
    assert html.index("nobody@example.com") < html.index("How far everybody is")


def test_two_hundred_thousand_learners_stay_readable(tmp_path):
    finished = [(f"{n:06}", f"learner{n}@example.com", "java") for n in range(150_000)]
    missing = [(f"nobody{n}@example.com", "", "java") for n in range(50_000)]
    html = plain(report(tmp_path, run_folder(tmp_path, finished, {"missing_employee_id": missing})))
    assert len(html) < 250_000
    assert html.count("<tr>") == 2 + FINISHED_SHOWN + SET_ASIDE_SHOWN
    assert "The latest 500; 149,500 more stand in the file for the LMS." in html
    assert "learner149999@example.com" in html
    assert "And 49,800 more in set_aside.csv." in html
    assert "Progress of 150,000 learners" in html


def test_nobody_and_nothing(tmp_path):
    html = report(tmp_path, run_folder(tmp_path, [], {}))
    assert "Nobody since the last delivery." in html
    assert "Nobody: every learner could be matched." in html
    assert "There is nobody who may be sent." in html


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ({"method": "sftp", "directory": "in"}, "is ready for the LMS to fetch"),
        ({"method": "http", "endpoint": "/import"}, "went to the LMS"),
    ],
)
def test_a_file_that_was_dropped_was_not_yet_taken(tmp_path, method, words):
    manifest = run_folder(tmp_path, [("1", "a@example.com", "java")], {})
    assert f"Progress of 1 learner {words}" in report(tmp_path, manifest, delivery=method)


def test_reasons_warnings_and_dates_are_words(tmp_path):
    manifest = run_folder(tmp_path, [], {}, withheld={"no_course": 1204, "brand_new": 1}, warnings={"email_changed": 3})
    html = report(tmp_path, manifest, lms={"timezone": "Europe/Amsterdam"})
    assert "1,204</td><td>Nothing to send: no course is assigned." in html
    assert "Nothing to send: brand new." in html
    assert "Known learners have a new e-mail address." in html
    assert "Progress as of 23 November 2026, 06:15 Europe/Amsterdam – read live" in html


def test_what_the_lms_refused_stands_with_its_reason(tmp_path):
    manifest = run_folder(tmp_path, [], {"missing_employee_id": [("nobody@example.com", "", "java")]})
    (tmp_path / "refused.csv").write_text(
        "reason,detail,email,employee_id,course,records\r\nno such user,goes again,r@example.com,0007,java,1\r\n"
    )
    html = plain(report(tmp_path, manifest))
    assert html.index("Were refused by the LMS just now") < html.index("Have no employee ID")
    assert "<td>r@example.com</td><td>0007</td><td>java</td><td>no such user</td>" in html
    assert "set_aside.csv, refused.csv" in html

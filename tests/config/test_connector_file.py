"""An error in a connector file names the file, the key and what is allowed."""

import json

import pytest

from include.codebashing_lms.__main__ import main
from include.codebashing_lms.config.files import read_connector
from include.codebashing_lms.errors import ConnectorError

GOOD = "name: acme\nsource: {conn_id: codebashing}\ndelivery: {method: folder, directory: /drop}\n"

HTTP = GOOD.replace("folder, directory: /drop", "http, endpoint: /imports")


def write(folder, text, name="acme.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_three_lines_are_a_connector(tmp_path):
    connector = read_connector(write(tmp_path, GOOD))
    assert connector.dag_id == "codebashing_lms_acme"
    assert (connector.schedule, connector.courses, connector.source.fields) == ("@daily", "primary", "needed")
    assert connector.guards.max_set_aside_percent == 25
    assert connector.delivery.send is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + "shedule: x\n", "shedule: unknown key; did you mean schedule"),
        (GOOD + "guards: {min_learner: 3}\n", "guards.min_learner: unknown key; did you mean min_learners"),
        (GOOD + "guards: {min_learners: '3'}\n", "guards.min_learners: should be a valid integer, got '3'"),
        (GOOD + "guards: {max_set_aside_percent: 101}\n", "guards.max_set_aside_percent: should be less than"),
        (GOOD + "timezone: CET2\n", "timezone: is no time zone"),
        (GOOD + "schedule: '* * *'\n", "schedule: is neither null, a preset"),
        (GOOD + "courses: some\n", "courses: should be 'primary' or 'all'"),
        (GOOD + "courses: [java, java]\n", "courses: names a course twice"),
        (GOOD + "identity: {pattern: '['}\n", "identity.pattern: is no regular expression"),
        (GOOD + "identity: {on_missing: drop}\n", "identity.on_missing: should be 'set_aside', 'use_email' or 'fail'"),
        (GOOD + "lms: {profile: generic}\n", "lms.profile: is no profile; did you mean generic_csv"),
        (GOOD + "lms: {course_map: {java: {id: 7}}}\n", "lms.course_map.java.id: should be a valid string, got 7"),
        (GOOD + "lms: {course_map: {java: skip}}\n", "lms.course_map.java: .*should be 'ignore'"),
        (GOOD + "lms: {options: {columns: [{labl: x}]}}\n", r"columns\.0\.labl: unknown key; did you mean label"),
        (GOOD + "identity: {crosswalk: keys.csv}\n", "identity.crosswalk is for profiles"),
        (GOOD.replace("folder", "ftp"), "delivery: .*'http', 'sftp', 'folder'"),
        (GOOD.replace("directory", "dir"), "delivery.directory: is required"),
        (GOOD.replace("method: folder, ", ""), "delivery: .*method"),
        (GOOD.replace("{conn_id: codebashing}", "{}"), "source.conn_id: is required"),
        (GOOD.replace("name: acme", "name: Acme"), "name: may hold only a-z, 0-9 and _, .*got 'Acme'"),
        (GOOD.replace("name: acme", "name: other"), "name: must be 'acme', like the file, not 'other'"),
        (GOOD + "timezone: UTC\ntimezone: UTC\n", "the key timezone stands twice"),
        (GOOD + "source: [\n", "cannot be read as YAML"),
        (
            GOOD.replace("/drop", "/drop, results: {name: '{stem}.log', row: line, encoding: utf-99}"),
            "delivery.results.encoding: is no encoding Python knows",
        ),
        (
            HTTP.replace("/imports", "/imports, results: {report: /r, row: line, format: csv, delimiter: ';;'}"),
            "delivery.results.delimiter: should have at most 1 character",
        ),
        ("- a\n", "must be a mapping with the keys courses, delivery"),
        ("", "must be a mapping"),
    ],
)
def test_a_mistake_is_named(tmp_path, capsys, text, words):
    path = write(tmp_path, text)
    with pytest.raises(ConnectorError, match=words) as error:
        read_connector(path)
    assert str(path) in str(error.value)
    assert main(["check", str(path)]) == 1
    assert str(error.value) in capsys.readouterr().err


def test_all_issues_are_named_at_once(tmp_path):
    with pytest.raises(ConnectorError, match="timezone: .*; guards.min_learners: "):
        read_connector(write(tmp_path, GOOD + "timezone: X\nguards: {min_learners: x}\n"))
    lms = "lms: {timezone: Y, options: {header: 1}, course_map: {java: {id: 7}}}\n"
    with pytest.raises(ConnectorError) as caught:
        read_connector(write(tmp_path, GOOD.replace("conn_id: ", "auth: ") + lms))
    paths = [issue.split(": ")[0] for issue in str(caught.value).split(".yaml: ")[1].split("; ")]
    of_lms = ["lms.timezone", "lms.options.header", "lms.course_map.java.id"]
    assert [path for path in paths if "." in path] == ["source.conn_id", "source.auth", *of_lms]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("start_date: '2026-01-31'", "start_date: should be a valid date"),
        ("start_date: 2026-01-31 10:00:00", "start_date: should be a valid date"),
        ("guards: {min_learners: 3.0}", "guards.min_learners: should be a valid integer, got 3.0"),
        ("guards: {min_learners: true}", "guards.min_learners: should be a valid integer, got True"),
        ("guards: {max_drop_percent: .nan}", "guards.max_drop_percent: should be greater than"),
        ("guards: {max_drop_percent: .inf}", "guards.max_drop_percent: should be less than"),
        ("identity: {people: 7}", "identity.people: should be a valid string, got 7"),
        ("identity: {people: ''}", "identity.people: .*should have at least 1 character"),
        ("courses: !!set {java, python}", "a set has no order; write a list"),
        ("1: 2", "1: unknown key"),
    ],
)
def test_a_value_of_another_type_is_not_converted(tmp_path, text, words):
    with pytest.raises(ConnectorError, match=words):
        read_connector(write(tmp_path, GOOD + text))


def test_a_whole_number_is_a_number(tmp_path):
    assert read_connector(write(tmp_path, GOOD + "guards: {max_drop_percent: 3}")).guards.max_drop_percent == 3


@pytest.mark.parametrize(
    "text",
    [
        "start_date: 2025-02-30",
        "? [a, b]\n: c",
        "lms: {course_map: {? {a: b} : c}}",
        "guards: &itself {min_learners: *itself}",
        "courses: &itself [*itself]",
        "guards: {min_learners: " + "9" * 5000 + "}",
        "guards: {max_drop_percent: 0x" + "f" * 5000 + "}",
        "guards: " + "[" * 3000 + "]" * 3000,
        "guards: !!timestamp soon",
        "identity: {pattern: 'a{99999999999}'}",
        "identity: {pattern: '" + "(" * 5000 + "'}",
        "lms: {profile: " + "a" * 5000 + "}",
    ],
    ids=lambda text: text[:40],
)
def test_any_content_ends_in_our_own_error(tmp_path, text):
    with pytest.raises(ConnectorError):
        read_connector(write(tmp_path, GOOD + text))


def test_check_looks_at_nothing_else(tmp_path, capsys):
    assert main(["check", str(write(tmp_path, GOOD))]) == 0
    assert "codebashing_lms_acme" in capsys.readouterr().out


def test_render_writes_the_three_files_without_airflow(tmp_path, capsys):
    learner = {"employee_id": "1", "primary_course_lessons_count": 2, "primary_course_completed_lessons_count": 1}
    snapshot = write(tmp_path, json.dumps([learner]), "s.json")
    command = ["render", "--connector", str(write(tmp_path, GOOD)), "--snapshot", str(snapshot)]
    assert main([*command, "--as-of", "2026-11-23T05:00:00Z", "--out", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"manifest.json", "set_aside.csv"}
    assert main([*command, "--as-of", "yesterday", "--out", str(tmp_path / "out")]) == 1
    assert "--as-of: 'yesterday'" in capsys.readouterr().err

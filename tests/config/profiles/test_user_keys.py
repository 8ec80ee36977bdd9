"""A learner's user key: from the crosswalk, or the employee ID by the customer's statement, or none."""

import pytest

from include.codebashing_lms.errors import ConnectorError
from tests.config.profiles.readers import READERS
from tests.config.profiles.rendering import course, learner, render, required_options
from tests.config.profiles.test_shared_checks import check

PROFILE = "totara_course_completion"
LMS = {"profile": PROFILE, "course_map": {"seccode": course(PROFILE, "CB", None)}}
STAFF = [learner(f"E{number}", 4, 4, "2025-03-14") for number in range(1, 8)]


def with_crosswalk(folder, crosswalk, staff=STAFF, **lms):
    (folder / "keys.csv").write_text("employee_id,user_key\n" + crosswalk, encoding="utf-8")
    return render(folder, staff, lms=LMS | lms, identity={"crosswalk": "keys.csv"})


def keys(rendered):
    return [one.user_key for one in READERS[PROFILE](rendered)]


def test_the_crosswalk_translates(tmp_path):
    got = with_crosswalk(tmp_path, "E1, Ann.Smith \nE2,bob\nE9,nobody\n", STAFF[:2])
    assert keys(got) == ["ann.smith", "bob"]
    assert got.manifest["records"]["set_aside"] == {}
    assert list(got.manifest["lists_sha256"]) == ["identity.crosswalk"]


def test_a_generic_csv_may_have_user_keys(tmp_path):
    (tmp_path / "keys.csv").write_text("employee_id,user_key\nE1,Ann\n")
    options = {"user_key": "username", "columns": [{"label": "Login", "source": "user_key"}, "employee_id"]}
    got = render(tmp_path, STAFF[:2], lms={"options": options}, identity={"crosswalk": "keys.csv"})
    assert got.content == b"Login,employee_id\r\nAnn,E1\r\n"
    assert got.manifest["records"]["set_aside"] == {"unmapped_user": 1}


def test_an_employee_with_a_doubtful_key_is_set_aside(tmp_path):
    lines = "E1,ann\nE1,ann\nE2,\n,bob\nE3,carl\nE3,karl\nE4,dora\nE5,Dora\nE6,eve\n"
    got = with_crosswalk(tmp_path, lines)
    assert keys(got) == ["ann", "eve"]
    assert got.manifest["records"]["set_aside"] == {"unmapped_user": 5}
    assert {line["employee_id"] for line in got.set_aside} == {"E2", "E3", "E4", "E5", "E7"}
    warnings = got.manifest["warnings"]
    names = ("crosswalk_blank", "crosswalk_contradictory", "crosswalk_shared")
    assert [warnings[name] for name in names] == [2, 1, 2]


def test_a_key_shared_with_an_employee_outside_the_snapshot_is_doubtful(tmp_path):
    assert keys(with_crosswalk(tmp_path, "E1,ann\nE99,ann\n", STAFF[:1])) == []


def test_a_learner_who_has_not_finished_needs_no_key(tmp_path):
    got = with_crosswalk(tmp_path, "E1,ann\n", [STAFF[0], learner("E2", 1, 4)])
    assert got.manifest["records"]["set_aside"] == {}


def test_the_customer_may_state_that_both_are_equal(tmp_path):
    got = render(tmp_path, STAFF[:2], lms=LMS | {"options": {"user_key": "employee_id"}})
    assert keys(got) == ["e1", "e2"]


def test_two_employees_with_the_same_key_are_set_aside(tmp_path):
    two = [learner("Ab", 4, 4, "2025-03-14"), learner("aB", 4, 4, "2025-03-14", email="b@x.com"), STAFF[0]]
    got = render(tmp_path, two, lms=LMS | {"options": {"user_key": "employee_id"}})
    assert keys(got) == ["e1"]
    assert got.manifest["records"]["set_aside"] == {"unmapped_user": 2}


def test_without_either_the_file_is_refused(tmp_path):
    words = "identity.crosswalk is required: .* by username.* lms.options.user_key: employee_id"
    with pytest.raises(ConnectorError, match=words):
        check(tmp_path, PROFILE, {})


def test_both_at_once_are_refused(tmp_path, capsys):
    with pytest.raises(AssertionError):
        with_crosswalk(tmp_path, "E1,ann\n", options={"user_key": "employee_id"})
    assert "crosswalk is for profiles with another user key than the employee ID" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,user_key\n1,2\n", "must have the columns employee_id,user_key"),
        ("employee_id,user_key\n1,2,3\n", "another number of cells"),
    ],
)
def test_a_crosswalk_of_another_shape_is_refused(text, words, tmp_path, capsys):
    (tmp_path / "keys.csv").write_text(text)
    with pytest.raises(AssertionError):
        render(tmp_path, STAFF, lms=LMS, identity={"crosswalk": "keys.csv"})
    assert words in capsys.readouterr().err


def test_the_course_map_may_be_a_file_with_the_settings_of_the_profile(tmp_path):
    name = "sap_sf_learning_history"
    header = "course,id,title,item_type,completion_status,revision_date"
    lines = f"{header}\nseccode,CB,,,,2025-01-02\nother,ignore,,,,\n"
    (tmp_path / "map.csv").write_text(lines)
    got = render(tmp_path, STAFF[:1], lms={"profile": name, "options": required_options(name), "course_map": "map.csv"})
    assert b"E1|COURSE|CB|JAN-02-2025 00:00:00|COURSE-COMPL|" in got.content


@pytest.mark.parametrize(
    ("line", "words"),
    [("seccode,CB,,,,soon", "revision_date: must be a day"), ("seccode,CB,,,,", "revision_date: is required")],
)
def test_a_line_of_the_course_map_is_validated_like_the_connector_file(line, words, tmp_path, capsys):
    name = "sap_sf_learning_history"
    (tmp_path / "map.csv").write_text(f"course,id,title,item_type,completion_status,revision_date\n{line}\n")
    with pytest.raises(AssertionError):
        render(tmp_path, STAFF[:1], lms={"profile": name, "options": required_options(name), "course_map": "map.csv"})
    assert f"lms.course_map, line 2: {words}" in capsys.readouterr().err

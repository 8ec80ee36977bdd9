"""Checks of every profile: no record is lost, second runs, first completion dates, percentages, settings."""

import json

import pytest
import yaml

from include.codebashing_lms.config.files import read_connector
from include.codebashing_lms.config.profiles.profile import find_profile
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.ledger.destinations import destination_folder
from tests.config.profiles.readers import READERS
from tests.config.profiles.rendering import PROFILES, course, delivery, learner, render, required_options
from tests.config.profiles.test_read_back import COMPLETIONS, all_dispositions
from tests.load import staged_run as runs

IN_FILES = [name for name in PROFILES if "folder" in find_profile(name).contract["methods"]]
GUARDS_OFF = {"min_learners": None, "max_drop_percent": None, "max_fall_percent": None}
DONE = learner("E1", 4, 4, "2025-03-14T09:26:53Z")
HALF = learner("E2", 2, 4)


def lms(profile, **options):
    known = course(profile, "CB-SECCODE", "Secure Coding")
    return {"profile": profile, "options": required_options(profile) | options, "course_map": {"seccode": known}}


def render_profile(profile, folder, learners):
    return render(folder, learners, lms=lms(profile), delivery=delivery(profile))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_record_ends_somewhere_with_a_reason(profile, tmp_path):
    learners = [
        DONE,
        HALF,
        learner("E3", 0, 4),
        learner("", 4, 4, "2025-03-14"),
        learner("E4", 4, 4, "2025-03-14", course="unheard_of"),
        learner("E5", 4, 4),
        learner("x" * 300, 4, 4, "2025-03-14"),
    ]
    got = render_profile(profile, tmp_path, learners)
    assert all_dispositions(got.manifest["records"]) == len(learners)
    aside = got.manifest["records"]["set_aside"]
    assert {"missing_employee_id", "unmapped_course"} <= set(aside)
    assert sum(int(line["records"]) for line in got.set_aside) == sum(aside.values())
    assert all(line["detail"] for line in got.set_aside)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("done", "total", "finished"),
    [(0, 4, False), (9_999, 10_000, False), (99_999, 100_000, False), (4, 4, True), (5, 4, True)],
)
def test_edges_of_a_percentage(profile, done, total, finished, tmp_path):
    on = "2025-03-14T09:26:53Z"
    rows = list(READERS[profile](render_profile(profile, tmp_path, [learner("E1", done, total, on)])))
    assert any(one.percent == 100 for one in rows) == finished
    assert all(one.percent < 100 and one.finished is None for one in rows if not finished)
    if profile in COMPLETIONS:
        assert len(rows) == finished


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("percentage", [-1, "NaN", "much", True])
def test_what_is_no_percentage_is_set_aside(profile, percentage, tmp_path):
    one = {"employee_id": "E1", "email": "a@example.com", "last_active_at": None}
    odd = {**one, "seccode.completed_percentage": percentage, "seccode.completed_date": "2025-03-14"}
    got = render(tmp_path, [odd], lms=lms(profile), delivery=delivery(profile), courses=["seccode"])
    assert got.manifest["records"]["set_aside"] == {"invalid_percentage": 1}
    assert list(READERS[profile](got)) == []


def in_november(employee_id, done, total, on=None):
    return runs.learner(employee_id, "seccode", done, total, on)


@pytest.fixture
def customer(tmp_path):
    """Return a function that delivers learners on a day; it returns outcome and files."""
    drop = tmp_path / "drop"
    drop.mkdir()

    def _deliver(profile, learners, day, **run):
        sections = {"lms": lms(profile), "guards": GUARDS_OFF}
        staged = runs.stage(tmp_path / "staging", learners, day=day, run_id=f"run{day}", **sections)
        for path in drop.iterdir():
            path.unlink()
        transport = {"method": "folder", "directory": str(drop)}
        outcome = staged.load(transport, None, **sections, **run)
        return outcome, {path.name: path.read_bytes() for path in sorted(drop.iterdir())}

    return _deliver


def begin(customer, profile):
    """Deliver a first day without completions; a first delivery with completions would need an answer."""
    return customer(profile, [in_november("E1", 0, 4), in_november("E2", 0, 4)], 16)


FINISHED = [in_november("E1", 4, 4, "2026-11-18T08:00:00"), in_november("E2", 2, 4)]


@pytest.mark.parametrize("profile", IN_FILES)
def test_a_second_run_on_unchanged_data_sends_nothing_new(profile, customer):
    begin(customer, profile)
    first, files = customer(profile, FINISHED, 20)
    assert first["outcome"] == "delivered"
    assert ("somebody starts the import" in first["sentence"]) == (not read_contract(profile).unattended)
    second, again = customer(profile, FINISHED, 21)
    contract = read_contract(profile)
    if contract.sends_full:
        assert list(again.values()) == list(files.values())
    else:
        assert second["outcome"] == "nothing_to_send"
        assert again == {}


def test_a_statement_that_is_sent_again_is_the_same(customer):
    begin(customer, "xapi")
    _, first = customer("xapi", FINISHED, 20)
    _, again = customer("xapi", FINISHED, 22, send="full")
    assert [json.loads(data) for data in again.values()] == [json.loads(data) for data in first.values()]
    assert len(json.loads(*first.values())) == 2


@pytest.mark.parametrize("profile", IN_FILES)
def test_a_completion_stands_with_its_first_date(profile, customer):
    begin(customer, profile)
    _, files = customer(profile, FINISHED[:1], 20)
    [sent] = files.values()
    for day, changed in ((21, in_november("E1", 3, 4)), (22, in_november("E1", 4, 4, "2026-11-21T10:00:00"))):
        _, again = customer(profile, [changed], day)
        assert set(again.values()) <= {sent}


def read_contract(profile):
    return runs.connector({"method": "folder", "directory": "/drop"}, lms=lms(profile)).lms.contract


@pytest.mark.parametrize("profile", IN_FILES)
def test_full_is_refused_where_the_lms_adds_or_refuses(profile, customer):
    begin(customer, profile)
    customer(profile, FINISHED, 20)
    if not read_contract(profile).refuses_full:
        assert customer(profile, FINISHED, 21, send="full")[0]["outcome"] == "delivered"
        return
    with pytest.raises(ConnectorError, match="sends changes only"):
        customer(profile, FINISHED, 21, send="full")
    with pytest.raises(ValueError, match="send: full is impossible"):
        runs.connector({"method": "folder", "directory": "/drop", "send": "full"}, lms=lms(profile))


REQUIRED = [(name, key) for name in PROFILES for key, one in find_profile(name).settings.items() if one.required]


@pytest.mark.parametrize(("profile", "key"), REQUIRED)
def test_a_required_setting_is_required(profile, key, tmp_path):
    options = {name: value for name, value in required_options(profile).items() if name != key}
    with pytest.raises(ConnectorError) as caught:
        check(tmp_path, profile, options)
    assert f"lms.options.{key}: is required: {find_profile(profile).settings[key].where}" in str(caught.value)


def check(folder, profile, options, **changes):
    known = lms(profile) | {"options": options} | changes
    if not options:
        del known["options"]
    source = {"conn_id": "codebashing"}
    content = {"name": "acme", "source": source, "lms": known, "delivery": delivery(profile)}
    (folder / "acme.yaml").write_text(yaml.safe_dump(content))
    return read_connector(folder / "acme.yaml")


@pytest.mark.parametrize("profile", PROFILES)
def test_an_unknown_setting_is_refused(profile, tmp_path):
    with pytest.raises(ConnectorError, match=r"lms\.options\.speed: unknown key; allowed are .*file_name"):
        check(tmp_path, profile, required_options(profile) | {"speed": 9})


def test_a_setting_may_make_others_required(tmp_path):
    options = required_options("oracle_hdl") | {"specialist": True}
    with pytest.raises(ConnectorError, match=r"lms\.options: .*assigned_by: the person number.*reason_code"):
        check(tmp_path, "oracle_hdl", options)
    whole = check(tmp_path, "oracle_hdl", options | {"assigned_by": "300", "reason_code": "CB"}).lms.contract
    labels = [column.label for column in whole.columns]
    assert len(labels) == len(set(labels))
    assert "LearningRecordReasonCode" in labels


@pytest.mark.parametrize(
    ("profile", "entry", "words"),
    [
        ("sap_sf_learning_history", {"id": "X"}, "seccode.revision_date: is required: the item's key"),
        ("sap_sf_learning_history", {"id": "X", "revision_date": "soon"}, "must be a day such as"),
        ("moodle_grades_ws", {"id": "X"}, r"seccode.activity_id: is required: the number after id="),
        ("canvas_grades", {"id": "X", "asignment_id": "1"}, "did you mean assignment_id"),
        ("cornerstone_external_training", {"id": "X"}, r"seccode.title: is required"),
        ("oracle_hdl", {"id": "X", "start_date": "2025-01-01"}, "effective_start_date must lie before start_date"),
        ("oracle_hdl", {"title": "X"}, r"course_map.seccode.id: is required\.$"),
    ],
)
def test_a_course_needs_the_settings_of_the_profile(profile, entry, words, tmp_path):
    with pytest.raises(ConnectorError, match=words):
        check(tmp_path, profile, required_options(profile), course_map={"seccode": entry})


@pytest.mark.parametrize("profile", ["sap_sf_learning_history", "moodle_grades_ws", "cornerstone_external_training"])
def test_a_course_map_is_required_for_settings_of_a_course(profile, tmp_path):
    with pytest.raises(ConnectorError, match="lms.course_map: is required: .* needs id, "):
        check(tmp_path, profile, required_options(profile), course_map={})


def test_courses_that_the_lms_could_not_tell_apart_are_refused(tmp_path):
    two = {"a": {"id": "A", "title": "Same"}, "b": {"id": "B", "title": "Same"}}
    with pytest.raises(ConnectorError, match="tells courses apart by id and title"):
        check(
            tmp_path, "cornerstone_external_training", required_options("cornerstone_external_training"), course_map=two
        )
    two["b"] = {"id": "A", "title": "Other"}
    with pytest.raises(ConnectorError, match="tells courses apart by id and title"):
        check(tmp_path, "totara_course_completion", required_options("totara_course_completion"), course_map=two)


def test_options_that_the_file_could_not_hold_are_refused(tmp_path):
    options = required_options("sap_sf_learning_history") | {"comments": "a|b"}
    with pytest.raises(ConnectorError, match=r"lms.options: do not go together: .*'a\|b' holds '\|'"):
        check(tmp_path, "sap_sf_learning_history", options)


def test_columns_may_have_the_names_of_the_tenants_mapping(tmp_path):
    options = required_options("cornerstone_external_training") | {"labels": {"User ID": "Employee Number"}}
    content = render(tmp_path, [DONE], lms=lms("cornerstone_external_training", **options)).content
    assert content.startswith(b"Employee Number,Training Title,")
    with pytest.raises(ConnectorError, match="labels names Usr ID, which is no column; there are User ID"):
        check(tmp_path, "cornerstone_external_training", options | {"labels": {"Usr ID": "x"}})


def test_methods_of_delivery_that_the_profile_lacks_are_refused(tmp_path):
    with pytest.raises(ValueError, match="moodle_grades_ws needs delivery.method http, not sftp"):
        runs.connector({"method": "sftp"}, lms=lms("moodle_grades_ws"))


def test_a_completion_of_today_is_sent_to_oracle_tomorrow(tmp_path):
    today = learner("E9", 4, 4, "2025-03-17T05:00:00Z")
    got = render_profile("oracle_hdl", tmp_path, [today])
    assert got.manifest["records"]["withheld"] == {"too_recent": 1}
    got = render(tmp_path, [today], as_of="2025-03-18T00:00:01Z", lms=lms("oracle_hdl"))
    assert [one.finished for one in READERS["oracle_hdl"](got)] == ["2025-03-17"]


def test_a_completion_before_the_first_day_is_set_aside(tmp_path):
    early = learner("E9", 4, 4, "2025-03-01T23:59:59Z")
    got = render_profile("oracle_hdl", tmp_path, [early, DONE])
    assert got.manifest["records"]["set_aside"] == {"invalid_value": 1}


def test_the_line_says_which_value_the_lms_cannot_read(tmp_path):
    got = render_profile("totara_course_completion", tmp_path, [learner("E" * 101, 4, 4, "2025-03-14")])
    [line] = got.set_aside
    assert line["reason"] == "invalid_value"
    assert line["detail"].startswith("username: ")


def test_the_ledger_is_the_destinations_own(tmp_path):
    one = runs.connector({"method": "folder", "directory": "/drop"}, lms=lms("xapi"))
    assert destination_folder(tmp_path, one)[1]["profile"] == "xapi"

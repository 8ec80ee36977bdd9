"""Each rule of the design with its edges, as rows and numbers that a person reads."""

import json
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from include.codebashing_lms.errors import ConnectorError, GuardError, ShapeError, SnapshotError
from include.codebashing_lms.staging.checksums import sha256_of
from tests.transform.transform_run import GUARDS_OFF, connector, context, run

COLUMNS = ["employee_id", "email", "course_id", "percent_complete", "status", "completed_at"]
ALL_COLUMNS = {"options": {"columns": COLUMNS}}


def person(**changes):
    record = {
        "employee_id": "E1",
        "email": "ann@example.com",
        "primary_course_name": "java",
        "primary_course_completed_lessons_count": 1,
        "primary_course_lessons_count": 4,
    }
    return {key: value for key, value in (record | changes).items() if value is not ...}


def lessons(completed, total, **changes):
    counts = {"primary_course_completed_lessons_count": completed, "primary_course_lessons_count": total}
    return person(**counts, **changes)


@pytest.mark.parametrize(
    ("completed", "total", "percent", "status"),
    [
        (1, 3, "33.33", "in_progress"),
        (2, 3, "66.67", "in_progress"),
        (1, 8, "12.5", "in_progress"),
        (1, 800, "0.13", "in_progress"),
        (199, 200, "99.5", "in_progress"),
        (99_999, 100_000, "99.99", "in_progress"),
        (1, 100_000, "0", "in_progress"),
        (0, 7, "0", "not_started"),
        (None, 7, "0", "not_started"),
        (..., 7, "0", "not_started"),
        (7, 7, "100", "completed"),
        (9, 7, "100", "completed"),
        ("3", 4.0, "75", "in_progress"),
        (12.0, "24", "50", "in_progress"),
        ("5.0", "10.00", "50", "in_progress"),
        ("5e0", "+10.", "50", "in_progress"),
    ],
)
def test_percentage_of_lessons(render, completed, total, percent, status):
    [row] = render([lessons(completed, total), person(employee_id="E2", email="b@x.com")]).rows[:1]
    assert (row["percent_complete"], row["status"]) == (percent, status)


BAD_COUNTS = [-1, 1.5, True, False, "", " ", "x", "1.5", "-1", "1e400", "NaN", "1_0", [1], {}]


@pytest.mark.parametrize("bad", BAD_COUNTS)
@pytest.mark.parametrize("key", ["primary_course_completed_lessons_count", "primary_course_lessons_count"])
def test_what_is_no_count_is_set_aside(render, key, bad):
    got = render([person(**{key: bad})])
    assert got.records["set_aside"] == {"invalid_count": 1}


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 5000])
def test_numbers_that_are_none_are_values(render, literal):
    good = json.dumps(person(employee_id="E2", email="b@x.com"))
    bad = json.dumps(person(primary_course_lessons_count="@")).replace('"@"', literal)
    got = render(f"[{good}, {bad}]")
    assert (got.records["emitted"], got.records["set_aside"]) == (1, {"invalid_count": 1})


@pytest.mark.parametrize(
    ("key", "value"),
    [("primary_course_lessons_count", 0), ("primary_course_lessons_count", None), ("primary_course_name", None)],
)
def test_nothing_assigned_is_no_course(render, key, value):
    assert render([person(**{key: value}), person()]).records["withheld"] == {"no_course": 1}


def test_a_course_name_that_was_not_sent_only_leaves_the_course_empty(render):
    [row] = render([person(primary_course_name=...)]).rows
    assert (row["course_id"], row["percent_complete"]) == ("", "25")


def test_more_than_all_is_done_and_counted(render):
    got = render([lessons(5, 4)])
    assert got.manifest["warnings"] == {"completed_exceeds_total": 1}


def shares(*values, key="java.completed_percentage"):
    return [person(employee_id=f"E{n}", email=f"{n}@x.com", **{key: value}) for n, value in enumerate(values)]


@pytest.mark.parametrize(
    ("value", "percent"),
    [(33.335, "33.34"), (1.005, "1.01"), (99.995, "99.99"), (99.999999, "99.99"), (100, "100"),
     (100.0, "100"), (87, "87"), ("87.5", "87.5"), (0.001, "0"), (0.125, "0.13"), (120, "100"),
     (1e300, "100")],
)  # fmt: skip
def test_percentage_of_a_course(render, value, percent):
    [row] = render(shares(value), courses="all").rows
    assert row["percent_complete"] == percent


@pytest.mark.parametrize("bad", [-0.01, -1.0, -2.0, True, "x", "", "87,5", [1], {}])
def test_what_is_no_percentage_is_set_aside(render, bad):
    got = render(shares(bad, 5.0), courses="all")
    assert (got.records["emitted"], got.records["set_aside"]) == (1, {"invalid_percentage": 1})


def test_the_least_progress_is_in_progress_and_none_is_not_started(render):
    got = render(shares(0.001, 0, 0.0), courses="all")
    assert [row["status"] for row in got.rows] == ["in_progress", "not_started", "not_started"]


def test_over_100_is_100_with_a_warning(render):
    assert render(shares(100.5), courses="all").manifest["warnings"] == {"percentage_over_100": 1}


def test_records_of_all_courses_keep_the_snapshots_order(render):
    first = {"employee_id": "1", "email": "a@x", "java.completed_percentage": 1, "go.completed_percentage": 2}
    second = {"employee_id": "2", "email": "b@x", "java.completed_percentage": 3,
              "rust.completed_percentage": 4, "go.completed_percentage": None}  # fmt: skip
    got = render([first, second, {"employee_id": "3", "email": "c@x", "go.completed_percentage": None}], courses="all")
    assert [(r["employee_id"], r["course_id"]) for r in got.rows] == [
        ("1", "java"), ("1", "go"), ("2", "java"), ("2", "rust")
    ]  # fmt: skip
    assert got.records["withheld"] == {"no_course": 1}
    assert got.records["read"] == 5


def test_a_listed_course_that_is_nowhere_is_a_warning(render):
    got = render(shares(50), courses=["java", "cobol"])
    assert got.manifest["warnings"] == {"course_not_in_snapshot": 1}
    assert len(got.rows) == 1


def test_a_fault_of_the_learner_sets_aside_all_their_records(render):
    record = {"employee_id": None, "java.completed_percentage": 1, "go.completed_percentage": "x"}
    got = render([record], courses="all")
    assert got.records["set_aside"] == {"missing_employee_id": 2}
    assert [(line["reason"], line["records"]) for line in got.set_aside] == [("missing_employee_id", "2")]


def test_faults_of_a_learner_and_of_a_record_are_counted_apart(render):
    java, go, php = ("java.completed_percentage", "go.completed_percentage", "php.completed_percentage")
    people = [{"employee_id": "1", "email": f"{name}@x", java: 1, go: "x", php: 2} for name in "ab"]
    got = render(people, courses="all")
    assert [(line["reason"], line["email"], line["course"], line["records"]) for line in got.set_aside] == [
        ("conflicting_employee_id", "a@x", "", "2"),
        ("invalid_percentage", "a@x", "go", "1"),
        ("conflicting_employee_id", "b@x", "", "2"),
        ("invalid_percentage", "b@x", "go", "1"),
    ]


@pytest.mark.parametrize(
    ("value", "employee_id"),
    [("0042", "0042"), ("  0042\t", "0042"), ("1042.0", "1042.0"), (1042, "1042"), (1042.0, "1042"), (0, "0"),
     (2**53 - 1, "9007199254740991"), ("ann@other.example", "ann@other.example")],
)  # fmt: skip
def test_employee_ids_that_stand(render, value, employee_id):
    [row] = render([person(employee_id=value)]).rows
    assert row["employee_id"] == employee_id


@pytest.mark.parametrize("value", [None, "", "  ", ...])
def test_missing_employee_ids(render, value):
    got = render([person(employee_id=value), person(employee_id="E2", email="b@x.com")])
    assert got.records["set_aside"] == {"missing_employee_id": 1}


@pytest.mark.parametrize(
    "value", [True, False, 2**53, 1.5, [], {}, "-1", "a b", "a\nb", "=1+1", "ANN@example.com", -7, "é"]
)
def test_invalid_employee_ids(render, value):
    assert render([person(employee_id=value)]).records["set_aside"] == {"invalid_employee_id": 1}


def test_under_use_email_the_address_becomes_the_id(render):
    rule = {"on_missing": "use_email"}
    got = render([person(employee_id=None, email=" Ann@Example.com ")], identity=rule)
    assert [row["employee_id"] for row in got.rows] == ["ann@example.com"]
    got = render([person(employee_id=None, email=None), person()], identity=rule)
    assert got.records["set_aside"] == {"missing_employee_id": 1}


def test_a_missing_id_can_fail_the_run(render):
    with pytest.raises(GuardError, match="1 of 1 learners have no employee ID"):
        render([person(employee_id=None)], identity={"on_missing": "fail"})


@pytest.mark.parametrize(("value", "cell"), [(None, ""), ("", ""), (" ", ""), (..., ""), ("no address", "no address")])
def test_an_email_is_never_judged_by_its_looks(render, value, cell):
    records = [person(email=value), person(employee_id="E2", email="b@x.com")]
    assert render(records, lms=ALL_COLUMNS).rows[0]["email"] == cell


@pytest.mark.parametrize("value", [5, True, [], {}, "a\nb@x.com", "a\x00@x.com", "a\x85@x.com", "ann@x.com\n"])
def test_invalid_emails(render, value):
    assert render([person(email=value)]).records["set_aside"] == {"invalid_email": 1}


def test_one_id_with_two_addresses_is_sent_for_neither(render):
    got = render([person(), person(email="bob@example.com"), person(employee_id="E2", email="c@x.com")])
    assert [row["employee_id"] for row in got.rows] == ["E2"]
    assert got.records["set_aside"] == {"conflicting_employee_id": 2}


def test_two_records_without_address_are_two_people(render):
    got = render([person(email=None), person(email=None)])
    assert got.records["set_aside"] == {"conflicting_employee_id": 2}


def test_a_record_with_another_fault_makes_no_conflict(render):
    got = render([person(), person(email="bob@example.com", primary_course_lessons_count=-1)])
    assert (got.records["emitted"], got.records["set_aside"]) == (1, {"invalid_count": 1})


def test_under_best_the_better_learner_stands(render):
    got = render([lessons(1, 4), lessons(3, 4, email="bob@x.com")], identity={"on_conflict": "best"}, lms=ALL_COLUMNS)
    assert [row["email"] for row in got.rows] == ["bob@x.com"]
    assert got.records["set_aside"] == {"conflicting_employee_id": 1}


def test_the_same_learner_twice_is_merged_in_the_better_ones_place(render):
    between = person(employee_id="E2", email="c@x.com")
    got = render([lessons(1, 4, email="Ann@Example.com "), between, lessons(3, 4)])
    assert [(row["employee_id"], row["percent_complete"]) for row in got.rows] == [("E2", "25"), ("E1", "75")]
    assert got.records["merged"] == 1


def test_between_equals_the_later_activity_stands_then_the_first(render):
    late, early = "2026-11-02T00:00:00", "2026-11-01T00:00:00"
    twice = [person(last_active_at=early), person(last_active_at=late, primary_course_name="java")]
    options = {"columns": ["employee_id", "last_active_at"]}
    assert render(twice, lms={"options": options}).rows[0]["last_active_at"] == "2026-11-02T00:00:00Z"
    twice[0]["last_active_at"] = None
    assert render(twice, lms={"options": options}).rows[0]["last_active_at"] == "2026-11-02T00:00:00Z"


def test_two_slugs_of_one_lms_course_merge_to_the_earlier_completion(render):
    record = {"employee_id": "E1", "email": "a@x"}
    for slug, day in (("java", "2026-03-02"), ("java2", "2026-02-01"), ("go", None)):
        record |= {f"{slug}.completed_percentage": 100, f"{slug}.completed_date": day}
    course_map = {"java": {"id": "J"}, "java2": {"id": "J"}, "go": {"id": "G"}}
    got = render([record], courses="all", lms={"course_map": course_map, **ALL_COLUMNS})
    assert [(row["course_id"], row["completed_at"]) for row in got.rows] == [("J", "2026-02-01T00:00:00Z"), ("G", "")]
    assert got.records["merged"] == 1


@pytest.mark.parametrize(
    ("zone", "day", "instant", "earlier"),
    [
        ("America/New_York", "2026-03-01", "2026-03-01T02:00:00Z", "2026-02-28"),  # 21:00 of the day before
        ("Asia/Tokyo", "2026-03-01", "2026-02-28T18:00:00Z", "2026-03-01"),  # the same day
        ("UTC", "2026-03-01", "2026-02-28T23:59:59Z", "2026-02-28"),
    ],
)
def test_the_earlier_of_a_day_and_an_instant_is_found_in_the_zone(render, zone, day, instant, earlier):
    record = {"employee_id": "E1", "email": "a@x"}
    record |= {f"{slug}.completed_percentage": 100 for slug in ("java", "go")}
    course_map = {"java": {"id": "J"}, "go": {"id": "J"}}
    columns = [{"label": "on", "source": "completed_at", "date_format": "%Y-%m-%d"}]
    lms = {"course_map": course_map, "options": {"columns": columns}, "timezone": zone}
    for java, go in ((day, instant), (instant, day)):
        dated = record | {"java.completed_date": java, "go.completed_date": go}
        for people in ([dated], [dated, dated]):
            assert [row["on"] for row in render(people, courses="all", lms=lms).rows] == [earlier]


def test_courses_that_are_ignored_or_not_mapped(render):
    people = [
        person(employee_id=f"E{n}", email=f"{n}@x", primary_course_name=slug, **more)
        for n, (slug, more) in enumerate(
            [
                ("java", {}),
                ("go", {}),
                ("rust", {}),
                ("rust", {}),
                ("rust", {"primary_course_completed_lessons_count": 0}),
            ]
        )
    ]
    got = render(people, lms={"course_map": {"java": {"id": "J"}, "go": "ignore"}})
    assert got.records["withheld"] == {"ignored_course": 1, "unmapped_course": 1}
    assert got.records["set_aside"] == {"unmapped_course": 2}
    assert [(line["reason"], line["course"], line["records"]) for line in got.set_aside] == [
        ("unmapped_course", "rust", "2")
    ]


def done(date, **changes):
    return lessons(4, 4, **{"java.completed_date": date}, **changes)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2021-10-01T15:45:33.000", "2021-10-01T15:45:33Z"),
        ("2021-10-01T15:45:33.999999", "2021-10-01T15:45:33Z"),
        ("2021-10-01", "2021-10-01T00:00:00Z"),
        (" 20211001 ", "2021-10-01T00:00:00Z"),
        ("2021-W39-5", "2021-10-01T00:00:00Z"),
        ("2021-10-01Z", "2021-10-01T00:00:00Z"),
        ("2021-10-01+05:30", "2021-10-01T00:00:00Z"),
        ("2000-01-01T00:00:00", "2000-01-01T00:00:00Z"),
        ("2021-10-01T15:45:33+05:30", "2021-10-01T10:15:33Z"),
        ("2021-10-01T15:45:33Z", "2021-10-01T15:45:33Z"),
        (None, ""),
        ("", ""),
    ],
)
def test_completion_dates(render, date, expected):
    got = render([done(date)])
    assert got.rows[0]["completed_at"] == expected
    assert got.manifest["warnings"] == {}


def test_instants_are_cut_to_the_second_in_any_year(render):
    dates = ["2000-12-31T23:59:59.999", "2001-01-01", "2021-02-03T04:05:06.000001", "2021-02-03T04:05:06Z"]
    got = render([done(date, employee_id=f"{number}") for number, date in enumerate(dates)])
    assert [row["completed_at"] for row in got.rows] == [
        "2000-12-31T23:59:59Z", "2001-01-01T00:00:00Z", "2021-02-03T04:05:06Z", "2021-02-03T04:05:06Z",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("record", "warning"),
    [
        (done("2026-11-23T05:00:01"), "completed_date_after_reading"),
        (done("soon"), "invalid_completed_date"),
        (done(5), "invalid_completed_date"),
        (done("2021-02-30T00:00:00"), "invalid_completed_date"),
        (lessons(1, 4, **{"java.completed_date": "2021-10-01"}), "completed_date_below_100"),
    ],
)
def test_a_date_that_cannot_be_is_dropped_with_a_warning(render, record, warning):
    got = render([record])
    assert got.rows[0]["completed_at"] == ""
    assert got.manifest["warnings"] == {warning: 1}


def test_the_date_is_that_of_the_primary_course(render):
    got = render([done("2021-10-01", primary_course_name="go"), done("2021-10-02", employee_id="E2", email="b@x")])
    assert [row["completed_at"] for row in got.rows] == ["", "2021-10-02T00:00:00Z"]


def test_completion_files_hold_completions_with_a_date_only(render):
    people = [done("2021-10-01"), done(None, employee_id="E2", email="b@x"), person(employee_id="E3", email="c@x")]
    got = render(people, lms={"options": {"emits": "completion"}})
    assert [row["employee_id"] for row in got.rows] == ["E1"]
    assert got.records["withheld"] == {"below_threshold": 1}
    assert got.records["set_aside"] == {"missing_completed_date": 1}


def test_hrs_word_on_single_people(tmp_path):
    (tmp_path / "people.csv").write_text(
        "email,action,employee_id,reason\nANN@example.com,use_id,9001,rehired\nbob@x.com,exclude,,contractor\n"
    )
    people = [person(employee_id=None), person(employee_id="E2", email="Bob@x.com")]
    got = run(people, tmp_path, identity={"people": "people.csv"})
    assert [row["employee_id"] for row in got.rows] == ["9001"]
    assert got.records["withheld"] == {"excluded": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("email,action\n", "columns"),
        ("email,action,employee_id,reason\na@x,fire,,\n", "line 2: action"),
        ("email,action,employee_id,reason\na@x,use_id,,\n", "use_id needs"),
        ("email,action,employee_id,reason\na@x,accept,,\nA@x,accept,,\n", "line 3.*twice"),
        ("email,action,employee_id,reason\na@x,accept\n", "number of cells"),
    ],
)
def test_a_broken_people_file_is_named_with_its_line(tmp_path, text, words):
    (tmp_path / "people.csv").write_text(text)
    with pytest.raises(ConnectorError, match=words):
        run([person()], tmp_path, identity={"people": "people.csv"})


def test_a_course_map_may_be_a_file(tmp_path):
    (tmp_path / "courses.csv").write_text("course,id,title\njava,J-1,Java basics\ngo,ignore,\n")
    columns = {"columns": ["course_id", "course_title"]}
    got = run([person()], tmp_path, lms={"course_map": "courses.csv", "options": columns})
    assert got.raw.decode() == "course_id,course_title\r\nJ-1,Java basics\r\n"
    assert list(got.manifest["lists_sha256"]) == ["lms.course_map"]
    assert got.manifest["lists_sha256"]["lms.course_map"] == sha256_of(tmp_path / "courses.csv")


def test_a_renamed_key_fails_the_run_and_names_what_is_there(render):
    with pytest.raises(ShapeError, match=r"has employee_id\. Keys that are there: .*saml_number"):
        render([person(employee_id=..., saml_number="1")])
    with pytest.raises(ShapeError, match="primary_course_lessons_count"):
        render([person(primary_course_lessons_count=...)])
    with pytest.raises(ShapeError, match="<course>.completed_percentage"):
        render([person()], courses="all")


def test_keys_that_may_be_people_are_not_told(render):
    with pytest.raises(ShapeError) as failure:
        render([{"ada@example.com": {}, "name": 1, "1042": {}}, {"bob@example.com": {}, "name": 2}])
    assert "Keys that are there: name." in str(failure.value)


def test_a_key_that_a_single_record_has_is_there(render):
    assert render([person(employee_id=...), person()]).records["emitted"] == 1


@pytest.mark.parametrize(
    ("records", "guards", "words"),
    [
        ([], {}, "only 0 learners were read, at least 1"),
        ([person()], {"min_learners": 2}, "only 1 learners were read, at least 2"),
        ([person(employee_id="-")] + [person(employee_id=f"E{n}") for n in range(2)], {}, r"33\.3 %\) are set aside"),
        ([person(employee_id=None), person()], {"max_missing_id_percent": 40}, r"50\.0 %\) are without an employee ID"),
    ],
)
def test_guards_stop_the_run_with_the_numbers(tmp_path, records, guards, words):
    for number, record in enumerate(records):
        record["email"] = f"{number}@x.com"
    with pytest.raises(GuardError, match=words):
        run(records, tmp_path, guards=guards)
    assert (tmp_path / "out" / "set_aside.csv").exists()


def test_missing_ids_alone_never_trip_the_set_aside_guard(render):
    assert render([person(employee_id=None), person()], guards={}).records["emitted"] == 1


def test_a_guard_can_be_skipped_by_name(tmp_path):
    got = run([], tmp_path, guards={}, run_context=context(skip_guards=("min_learners",)))
    assert got.manifest["guards"]["skipped"] == ["min_learners"]
    assert "min_learners" in got.manifest["guards"]["crossed"]


@pytest.mark.parametrize("text", ["[", '[{"a": 1}', "{}", "<html>", '[{"a": 1}] x'])
def test_a_broken_structure_fails_the_run(render, text):
    with pytest.raises(SnapshotError):
        render(text)


def test_left_out_lists_every_other_record(render):
    people = [person(), lessons(0, 0, employee_id="E2", email="b@x"), lessons(2, 4)]
    got = render(people)
    left = pq.read_table(got.out / "left_out.parquet", columns=["place", "reason", "employee_id", "course"])
    assert [tuple(line.values()) for line in left.to_pylist()] == [
        ("merged", "duplicate", "E1", "java"),
        ("withheld", "no_course", "E2", "java"),
    ]


def test_a_run_that_may_be_delivered_stages_its_rows_with_their_values(tmp_path):
    people = [done("2021-10-01"), lessons(1, 3, employee_id="E2", email=None, primary_course_name=...)]
    folder = tmp_path / "acme" / "runs" / "date" / "run.0"
    got = run(people, tmp_path, run_context=context(provenance="live"), out=folder)
    rows = pq.read_table(folder / "rows.parquet").to_pylist()
    assert [(r["employee_id"], r["email"], r["course"], r["course_id"], r["hundredths"]) for r in rows] == [
        ("E1", "ann@example.com", "java", "java", 10_000),
        ("E2", None, "", "", 3333),
    ]
    assert got.summary["rows"] == str(folder / "rows.parquet")
    assert json.loads((tmp_path / "acme" / "courses_seen.json").read_text()) == {"courses": ["java"]}


def test_set_aside_is_safe_in_a_spreadsheet(render):
    got = render([person(employee_id="=1+1", email="@cmd", primary_course_name="+java")])
    assert [(line["employee_id"], line["email"], line["course"]) for line in got.set_aside] == [
        ("'=1+1", "'@cmd", "'+java")
    ]


def test_staged_files_are_their_owners_only(render):
    modes = {path.name: path.stat().st_mode & 0o777 for path in render([person()]).out.iterdir()}
    assert set(modes.values()) == {0o600}
    assert set(modes) == {"codebashing_20261123T050000.csv", "set_aside.csv", "left_out.parquet", "manifest.json"}


def test_a_source_that_stands_still_is_a_warning(render):
    assert "source_looks_stale" in render([person(last_active_at="2026-11-01")]).manifest["warnings"]
    assert "source_looks_stale" not in render([person(last_active_at="2026-11-20")]).manifest["warnings"]


def test_the_manifest_names_what_the_run_is_made_from(tmp_path):
    run_context = context(run_id="r", triggered_by="ops", params={"as_of": None}, source_warnings={"next_page_hint": 1})
    manifest = run([person()], tmp_path, run_context=run_context).manifest
    assert manifest["warnings"] == {"next_page_hint": 1}
    assert manifest["logical_date"] == manifest["as_of"] == manifest["extracted_at"] == "2026-11-23T05:00:00Z"
    assert manifest["records"] == {"read": 1, "emitted": 1, "withheld": {}, "set_aside": {}, "merged": 0}
    assert manifest["status"] == {"completed": 0, "in_progress": 1, "not_started": 0}
    assert (manifest["run_id"], manifest["triggered_by"], manifest["learners"]) == ("r", "ops", 1)


def test_other_names_for_the_keys(render):
    record = {"id": "E1", "mail": "a@x", "done": 1, "all": 2, "main": "go", "go/date": "2026-01-01"}
    keys = {"email": "mail", "lessons_completed": "done", "lessons_total": "all", "primary_course": "main",
            "course_completed_date": "{course}/date"}  # fmt: skip
    got = render([record], source={"conn_id": "c", "employee_id_field": "id", "keys": keys}, lms=ALL_COLUMNS)
    assert [(r["employee_id"], r["email"], r["course_id"], r["percent_complete"]) for r in got.rows] == [
        ("E1", "a@x", "go", "50")
    ]


def test_bytes_do_not_depend_on_how_records_fall_into_batches(tmp_path, monkeypatch):
    people = [done("2021-10-01", employee_id=f"E{n % 7}", email=f"{n % 8}@x.com") for n in range(50)]
    whole = run(people, tmp_path).raw
    monkeypatch.setattr("include.codebashing_lms.streaming.json_splitter.BATCH", 200)
    assert run(people, tmp_path).raw == whole


def test_the_models_refuse_what_cannot_be():
    with pytest.raises(ValueError, match="max_missing_id_percent"):
        connector(guards=GUARDS_OFF | {"max_missing_id_percent": 5}, identity={"on_missing": "fail"})
    assert datetime(2026, 1, 1, tzinfo=UTC).year == connector().start_date.year

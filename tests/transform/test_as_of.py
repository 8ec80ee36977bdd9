"""Past dates: certain records are emitted, all others withheld; for primary and per-course records."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from include.codebashing_lms.errors import RunDateError, ShapeError
from include.codebashing_lms.staging.checksums import sha256_of
from include.codebashing_lms.transform.rules.earlier_snapshot import EarlierSnapshotRef
from include.codebashing_lms.transform.run import transform
from tests.transform.transform_run import connector, context, read_back

AS_OF = datetime(2026, 11, 10, 5, tzinfo=UTC)
EARLIER = AS_OF - timedelta(days=2)
LATER = AS_OF + timedelta(days=3)
SECOND = timedelta(seconds=1)
BEFORE, AFTER = AS_OF - timedelta(hours=9), AS_OF + timedelta(hours=9)
CREATED = {"conn_id": "c", "keys": {"created_at": "created_at"}}
COLUMNS = ["employee_id", "course_id", "percent_complete", "completed_at", "last_active_at"]
LMS = {"options": {"columns": COLUMNS}}
TEN = 10  # lessons of every course here


def stamp(instant):
    return instant and instant.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


class Primary:
    """Records of the primary course."""

    courses = "primary"

    def record(self, done, active=None, completed=None, employee_id="E1", course="java", **more):
        return {
            "employee_id": employee_id,
            "email": f"{employee_id}@example.com",
            "last_active_at": stamp(active),
            "primary_course_name": course,
            "primary_course_completed_lessons_count": done,
            "primary_course_lessons_count": TEN,
            f"{course}.completed_date": stamp(completed),
            **more,
        }


class PerCourse:
    """The same as percentages of a course."""

    courses = "all"

    def record(self, done, active=None, completed=None, employee_id="E1", course="java", **more):
        return {
            "employee_id": employee_id,
            "email": f"{employee_id}@example.com",
            "last_active_at": stamp(active),
            f"{course}.completed_percentage": done * 100 / TEN,
            f"{course}.completed_date": stamp(completed),
            **more,
        }


@pytest.fixture(params=[Primary(), PerCourse()], ids=lambda kind: type(kind).__name__)
def kind(request):
    return request.param


@pytest.fixture
def reconstruct(tmp_path, kind):
    """Reconstruct AS_OF from later records, and earlier ones if there are any."""
    return lambda later, earlier=None, **sections: reconstruct_in(
        tmp_path, later, earlier, courses=kind.courses, **sections
    )


def reconstruct_in(folder, later, earlier=None, fields=None, earlier_fields=None, **sections):
    def saved(name, records):
        path = folder / f"{name}.json"
        path.write_text(json.dumps(records))
        return path

    before = None
    if earlier is not None:
        path = saved("earlier", earlier)
        before = EarlierSnapshotRef(path, sha256_of(path), EARLIER, earlier_fields)
    out = folder / "staging" / "acme" / "runs" / "date" / "run"
    run_context = context(
        provenance="reconstructed", logical_date=AS_OF, as_of=AS_OF, extracted_at=LATER, fields=fields
    )
    where = connector(**({"lms": LMS} | sections))
    summary = transform(where, saved("later", later), None, out, run_context, folder.joinpath, before)
    return read_back(out, summary)


def percents(got):
    return [row["percent_complete"] for row in got.rows]


UNKNOWN = {"unknown_at_as_of": 1}


def test_nothing_done_by_now_was_nothing_done_then(reconstruct, kind):
    assert percents(reconstruct([kind.record(0)])) == ["0"]


def test_the_least_progress_is_not_nothing(tmp_path):
    least = {"primary_course_completed_lessons_count": 1, "primary_course_lessons_count": 1_000_000}
    assert reconstruct_in(tmp_path, [Primary().record(0, **least)]).records["withheld"] == UNKNOWN
    assert reconstruct_in(tmp_path, [PerCourse().record(0.0001)], courses="all").records["withheld"] == UNKNOWN


def test_an_activity_before_the_date_is_the_last_word(reconstruct, kind):
    for active in (BEFORE, AS_OF):
        assert percents(reconstruct([kind.record(4, active)])) == ["40"]


def test_an_activity_after_the_date_leaves_progress_unknown(reconstruct, kind):
    got = reconstruct([kind.record(4, AS_OF + SECOND)])
    assert (got.rows, got.records["withheld"]) == ([], UNKNOWN)


@pytest.mark.parametrize("done", [1, 4, TEN])
def test_a_missing_activity_proves_nothing(reconstruct, kind, done):
    assert reconstruct([kind.record(done)]).records["withheld"] == UNKNOWN


def test_a_completion_is_certain_from_its_instant_on_not_from_its_day_on(reconstruct, kind):
    for completed in (BEFORE, AS_OF):
        [row] = reconstruct([kind.record(TEN, AFTER, completed)]).rows
        assert (row["percent_complete"], row["completed_at"]) == ("100", f"{completed:%Y-%m-%dT%H:%M:%SZ}")
    assert reconstruct([kind.record(TEN, AFTER, AS_OF + SECOND)]).records["withheld"] == UNKNOWN


def test_a_day_without_a_time_may_mean_its_end(reconstruct, kind):
    for day, expected in ((AS_OF, []), (AS_OF - timedelta(days=1), ["100"])):
        finished = kind.record(TEN, AFTER, **{"java.completed_date": f"{day:%Y-%m-%d}"})
        assert percents(reconstruct([finished])) == expected
        active = kind.record(TEN, **{"last_active_at": f"{day:%Y-%m-%d}"})
        assert percents(reconstruct([active])) == expected
        joined = kind.record(0, created_at=f"{day:%Y-%m-%d}")
        assert len(reconstruct([joined], source=CREATED).rows) == len(expected)
    midnight = AS_OF.replace(hour=0)
    assert percents(reconstruct([kind.record(TEN, AFTER, midnight)])) == ["100"]


@pytest.mark.parametrize(
    ("zone", "certain"),  # the 9th ends there at 04:59:59, 07:59:59, and in UTC: the as-of is 05:00 of the 10th
    [("America/New_York", True), ("America/Los_Angeles", False), ("Asia/Tokyo", True), ("UTC", True)],
)
def test_a_day_is_certain_when_it_is_over_in_utc_and_where_the_lms_is(reconstruct, kind, zone, certain):
    lms = {**LMS, "timezone": zone}
    for day, expected in (("2026-11-09", certain), ("2026-11-10", False), ("2026-11-08", True)):
        for one in (kind.record(TEN, AFTER, **{"java.completed_date": day}), kind.record(TEN, last_active_at=day)):
            assert percents(reconstruct([one], lms=lms)) == ["100"] * expected
        joined = kind.record(0, created_at=day)
        assert percents(reconstruct([joined], source=CREATED, lms=lms)) == ["0"] * expected


@pytest.mark.parametrize(
    ("zone", "later"),
    [("America/New_York", "2026-11-11"), ("America/Los_Angeles", "2026-11-10"), ("UTC", "2026-11-11")],
)
def test_a_day_is_after_the_as_of_when_it_begins_after_that_day_in_the_zone(reconstruct, kind, zone, later):
    quiet = [kind.record(TEN, BEFORE, **{"java.completed_date": later})]
    got = reconstruct(quiet, lms={**LMS, "timezone": zone})
    assert [row["completed_at"] for row in got.rows] == [""]
    assert got.manifest["warnings"] == {"completed_date_after_as_of": 1}
    today = f"{date.fromisoformat(later) - timedelta(days=1)}"
    quiet = [kind.record(TEN, BEFORE, **{"java.completed_date": today})]
    assert reconstruct(quiet, lms={**LMS, "timezone": zone}).manifest["warnings"] == {}


@pytest.mark.parametrize(
    ("then", "now", "same"),
    [
        ("2026-11-07", "2026-11-07", True),
        ("2026-11-07", "2026-11-06", False),
        ("2026-11-07", "2026-11-08", False),
        ("2026-11-07", "2026-11-07T20:30:00Z", True),
        ("2026-11-07T20:30:00Z", "2026-11-07", True),
        ("2026-11-07", "2026-11-06T20:30:00Z", False),
        ("2026-11-06T20:30:00Z", "2026-11-07", False),
        ("2026-11-07", "2026-11-07T00:00:00Z", True),
        ("2026-11-07T00:00:00Z", "2026-11-07T00:00:01Z", False),
        ("2026-11-07", None, False),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_day_that_is_still_the_same_day_has_not_moved(reconstruct, kind, then, now, same, zone):
    earlier, later = (kind.record(TEN, None, **{"java.completed_date": on}) for on in (then, now))
    later["last_active_at"] = stamp(BEFORE)
    got = reconstruct([later], [earlier], lms={**LMS, "timezone": zone})
    assert percents(got) == ["100"] * same


@pytest.mark.parametrize("created", ["1970-01-01T00:00:00Z", "0001-01-01", "1710120112345", 5])
def test_an_account_of_a_date_that_cannot_be_has_none(reconstruct, kind, created):
    got = reconstruct([kind.record(0, created_at=created)], source=CREATED)
    assert (percents(got), got.manifest["warnings"]) == (["0"], {"invalid_created_at": 1})


def test_a_completion_does_not_need_an_activity(reconstruct, kind):
    assert percents(reconstruct([kind.record(TEN, None, BEFORE)])) == ["100"]


def test_a_completion_date_without_a_completion_proves_nothing(reconstruct, kind):
    assert reconstruct([kind.record(9, AFTER, BEFORE)]).records["withheld"] == UNKNOWN


def test_what_happened_after_the_date_is_not_in_the_row(reconstruct, kind):
    [row] = reconstruct([kind.record(TEN, AFTER, BEFORE)]).rows
    assert row["last_active_at"] == ""
    got = reconstruct([kind.record(TEN, BEFORE, AFTER)])
    assert [(row["percent_complete"], row["completed_at"]) for row in got.rows] == [("100", "")]
    assert got.manifest["warnings"] == {"completed_date_after_as_of": 1}


def test_an_account_made_later_was_no_user_yet(reconstruct, kind):
    later = [
        kind.record(0, created_at=stamp(AS_OF + SECOND)),
        kind.record(4, BEFORE, employee_id="E2", created_at=stamp(AFTER)),
        kind.record(4, AFTER, employee_id="E3", created_at=stamp(AFTER)),
        kind.record(0, employee_id="E4", created_at=stamp(AS_OF)),
        kind.record(0, employee_id="E5", created_at=None),
    ]
    got = reconstruct(later, source=CREATED)
    assert [row["employee_id"] for row in got.rows] == ["E4", "E5"]
    assert got.records["withheld"] == {"not_yet_a_user": 3}
    assert percents(reconstruct(later)) == ["0", "40", "0", "0"]


def test_a_wrong_name_for_the_accounts_date_stops_a_past_date_only(reconstruct, kind, tmp_path):
    wrong = {"conn_id": "c", "keys": {"created_at": "made_on"}}
    with pytest.raises(ShapeError, match="has made_on"):
        reconstruct([kind.record(0)], source=wrong)
    live = connector(courses=kind.courses, source=wrong)
    assert transform(live, tmp_path / "later.json", None, tmp_path / "a" / "b" / "c" / "d", context())


def test_other_reasons_go_first_and_the_profiles_needs_last(reconstruct, kind):
    completions = {"options": {"columns": COLUMNS, "emits": "completion"}, "course_map": {"java": {"id": "J"}}}
    later = [
        kind.record(4, None, employee_id="-"),
        kind.record(4, None, employee_id="E2", course="go"),
        kind.record(4, None, employee_id="E3"),
        kind.record(4, BEFORE, employee_id="E4"),
        kind.record(TEN, BEFORE, BEFORE, employee_id="E5"),
    ]
    got = reconstruct(later, lms=completions)
    assert got.records["set_aside"] == {"invalid_employee_id": 1, "unmapped_course": 1}
    assert got.records["withheld"] == {"unknown_at_as_of": 1, "below_threshold": 1}
    assert percents(got) == ["100"]


def test_of_one_learner_twice_the_better_record_must_be_certain(reconstruct, kind):
    certain, unknown = kind.record(4, BEFORE), kind.record(6, AFTER)
    got = reconstruct([certain, unknown])
    assert (got.rows, got.records["withheld"], got.records["merged"]) == ([], UNKNOWN, 1)


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ((4, BEFORE - 9 * timedelta(days=1)), (4, BEFORE)),
        ((4, EARLIER - SECOND), (4, EARLIER - SECOND)),
        ((4, None), (6, BEFORE)),
        ((4, None), (TEN, AFTER, BEFORE)),
        ((TEN, None, EARLIER - SECOND), (TEN, AFTER, EARLIER - SECOND)),
        ((TEN, None, None), (TEN, AFTER, EARLIER - SECOND)),
        ((0, None), (0, None)),
        ((4, None), (TEN, AFTER, None, {"java.completed_date": f"{EARLIER:%Y-%m-%d}"})),
    ],
)
def test_an_earlier_snapshot_that_agrees_changes_nothing(reconstruct, kind, then, now):
    *now, more = now if isinstance(now[-1], dict) else (*now, {})
    assert len(reconstruct([kind.record(*now, **more)], [kind.record(*then)]).rows) == 1


@pytest.mark.parametrize(
    ("then", "now"),
    [
        pytest.param((6, None), (4, BEFORE), id="progress fell"),
        pytest.param((1, None), (0, None), id="progress fell to nothing"),
        pytest.param((TEN, None), (9, BEFORE), id="a completion was taken back"),
        pytest.param((4, None), (6, EARLIER - SECOND), id="progress without activity"),
        pytest.param((TEN, None, EARLIER - SECOND), (TEN, BEFORE, EARLIER - 9 * SECOND), id="completion date moved"),
        pytest.param((TEN, None, EARLIER - SECOND), (TEN, BEFORE, None), id="completion date lost"),
        pytest.param((TEN, None, None), (TEN, AFTER, BEFORE), id="completed before its date"),
        pytest.param((9, None, None), (TEN, AFTER, EARLIER - SECOND), id="not completed after its date"),
    ],
)
def test_where_the_earlier_snapshot_contradicts_nothing_is_emitted(reconstruct, kind, then, now):
    assert len(reconstruct([kind.record(*now)]).rows) == 1
    assert reconstruct([kind.record(*now)], [kind.record(*then)]).records["withheld"] == UNKNOWN


def test_it_contradicts_only_the_learner_and_course_it_is_about(reconstruct, kind):
    earlier = [kind.record(6), kind.record(2, employee_id="E2"), kind.record(8, employee_id="E3")]
    later = [kind.record(4, BEFORE, employee_id=one) for one in ("E1", "E2", "E4")]
    assert [row["employee_id"] for row in reconstruct(later, earlier).rows] == ["E2", "E4"]


def test_an_id_that_stood_there_twice_says_nothing_for_sure(reconstruct, kind):
    earlier = [kind.record(2), kind.record(2, email="another@example.com")]
    assert reconstruct([kind.record(4, BEFORE)], earlier).records["withheld"] == UNKNOWN


def test_a_beginner_who_came_after_the_earlier_snapshot_may_not_have_been_there(reconstruct, kind):
    earlier = [kind.record(0, employee_id="E2", created_at=None)]
    beginner = kind.record(0, created_at=stamp(BEFORE))
    assert reconstruct([beginner], earlier).records["withheld"] == UNKNOWN
    assert percents(reconstruct([beginner], earlier, source=CREATED)) == ["0"]
    assert percents(reconstruct([kind.record(4, BEFORE)], earlier)) == ["40"]


def test_without_anybody_in_the_earlier_snapshot_nobody_is_contradicted(reconstruct, kind):
    assert percents(reconstruct([kind.record(4, BEFORE)], [])) == ["40"]


def test_the_manifest_says_what_it_rests_on(reconstruct, kind):
    got = reconstruct([kind.record(4, BEFORE - timedelta(days=300))], [kind.record(4)])
    manifest = got.manifest
    assert (manifest["provenance"], manifest["as_of"]) == ("reconstructed", "2026-11-10T05:00:00Z")
    assert manifest["extracted_at"] == "2026-11-13T05:00:00Z"
    assert manifest["snapshot"]["file"] == "later.json"
    assert manifest["earlier_snapshot"]["file"] == "earlier.json"
    assert manifest["assumptions"][0] == "progress never falls"
    assert manifest["warnings"] == {}  # not stale: nobody expects activity of a date long gone
    assert reconstruct([kind.record(0)]).manifest["earlier_snapshot"] is None


def test_a_field_that_was_not_asked_for_is_named(reconstruct, kind):
    with pytest.raises(RunDateError, match=r"without asking for .*last_active_at.*, which the connector"):
        reconstruct([kind.record(0)], fields=["employee_id", "email"])


def test_an_earlier_snapshot_of_other_fields_is_not_compared(reconstruct, kind):
    got = reconstruct([kind.record(4, BEFORE)], [kind.record(6)], earlier_fields=["email"])
    assert percents(got) == ["40"]
    assert got.manifest["earlier_snapshot"] is None
    assert got.manifest["warnings"] == {"earlier_snapshot_not_comparable": 1}


def test_a_changed_primary_course_or_number_of_lessons(tmp_path):
    primary = Primary()
    now = primary.record(4, BEFORE)
    for then in (
        primary.record(2, course="go"),
        primary.record(2, primary_course_lessons_count=TEN + 1),
        primary.record(0, primary_course_name=None),
        primary.record(2, primary_course_lessons_count=None),
    ):
        assert reconstruct_in(tmp_path, [now], [then]).records["withheld"] == UNKNOWN


def test_lessons_that_went_missing_below_a_hundredth_of_a_percent(tmp_path):
    many = {"primary_course_lessons_count": 1_000_000}
    then, now = Primary().record(100_002, **many), Primary().record(100_001, BEFORE, **many)
    assert reconstruct_in(tmp_path, [now], [then]).records["withheld"] == UNKNOWN


def test_a_course_that_a_known_learner_came_to_later(tmp_path):
    """Who began it was there; a 0 may be of any day since."""
    course = PerCourse()
    earlier = [course.record(2, course="go"), course.record(2, course="go", employee_id="E2")]
    later = [course.record(0, created_at=stamp(EARLIER - SECOND)), course.record(4, BEFORE, employee_id="E2")]
    for source in ({"conn_id": "c"}, CREATED):
        assert percents(reconstruct_in(tmp_path, later, earlier, courses="all", source=source)) == ["40"]
    quiet = [course.record(4, EARLIER - SECOND)]
    assert reconstruct_in(tmp_path, quiet, earlier, courses="all").records["withheld"] == UNKNOWN


def test_courses_met_at_different_places_in_the_two_snapshots(tmp_path, monkeypatch):
    monkeypatch.setattr("include.codebashing_lms.streaming.json_splitter.BATCH", 300)
    monkeypatch.setattr("include.codebashing_lms.transform.decode.record_decoder.COURSES_BATCH", 1)
    course, names = PerCourse(), ["java", "go", "php", "ruby"]
    earlier = [course.record(6, course=name, employee_id=name) for name in names]
    later = [course.record(4, BEFORE, course=name, employee_id=name) for name in [*reversed(names), "new"]]
    got = reconstruct_in(tmp_path, later, earlier, courses="all")
    assert got.records["withheld"] == {"unknown_at_as_of": 4}
    assert [row["employee_id"] for row in got.rows] == ["new"]


def test_listed_courses_are_reconstructed_and_asked_for(tmp_path):
    course = PerCourse()
    later = [course.record(4, BEFORE, **{"go.completed_percentage": 0})]
    got = reconstruct_in(tmp_path, later, [course.record(5)], courses=["java", "go"])
    assert got.records["withheld"] == {"unknown_at_as_of": 2}
    asked = ["employee_id", "email", "last_active_at", "java.completed_percentage", "java.completed_date"]
    with pytest.raises(RunDateError, match=r"for go\.completed_percentage, go\.completed_date, which"):
        reconstruct_in(tmp_path, later, fields=asked, courses=["java", "go"])

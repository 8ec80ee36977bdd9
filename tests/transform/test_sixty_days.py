"""Learners simulated over sixty days: a reconstructed row of any day is the row of that day's live run.

Time is lessons_done in hours, so that activity, completion and reading often fall on the same instant.
"""

import json
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from include.codebashing_lms.staging.checksums import sha256_of
from include.codebashing_lms.transform.rules.earlier_snapshot import EarlierSnapshotRef
from include.codebashing_lms.transform.run import transform
from tests.transform.transform_run import connector, context, read_back

START = datetime(2026, 9, 1, 5, tzinfo=UTC)
DAYS = 60
LESSONS = {"java": 5, "go": 5}
COLUMNS = ["employee_id", "course_id", "percent_complete", "status", "lessons_completed", "lessons_total",
           "completed_at", "last_active_at"]  # fmt: skip


@dataclass(frozen=True)
class Learner:
    """A life at Codebashing: when the account was made, and what was done when.

    silent = Codebashing has no last activity; course = the primary one;
    breaks = None, or what breaks the assumptions from which hour on: "falls", "grows", "moves"
    """

    number: int
    created: int
    silent: bool
    course: str
    done: tuple[tuple[int, str, int], ...]
    breaks: tuple[str, int] | None

    def at(self, hour):
        """The record that Codebashing shows at an hour, None before the account was made."""
        if hour < self.created:
            return None
        done_before = [one for one in self.done if self.created <= one[0] <= hour]
        active = None if self.silent or not done_before else stamp(done_before[-1][0])
        kind, since = self.breaks or ("", 0)
        broken = bool(kind) and hour >= since
        primary = next(one for one in LESSONS if one != self.course) if broken and kind == "moves" else self.course
        record = {
            "employee_id": f"E{self.number}",
            "email": f"{self.number}@example.com",
            "created_at": stamp(self.created),
            "last_active_at": active,
            "primary_course_name": primary,
        }
        for course in LESSONS:
            total = LESSONS[course] + (3 if broken and kind == "grows" else 0)
            lessons_done = [one for one in done_before if not (broken and kind == "falls" and one[0] < since)]
            lessons, finished = progress(lessons_done, course, total, LESSONS[course])
            record[f"{course}.completed_percentage"] = lessons / total * 100
            record[f"{course}.completed_date"] = finished
            if course == primary:
                record["primary_course_completed_lessons_count"] = lessons
                record["primary_course_lessons_count"] = total
        return record


def progress(done, course, total, total_at_first):
    """Lessons done by now, and when there were none left for the first time."""
    lessons, finished = 0, None
    for hour, of, number in done:
        lessons = min(lessons + number, total) if of == course else lessons
        if of == course and finished is None and lessons >= total_at_first:
            finished = stamp(hour)
    return lessons, finished


def moment(hour):
    return START + timedelta(hours=hour)


def stamp(hour):
    return f"{moment(hour):%Y-%m-%dT%H:%M:%S.000}"


@st.composite
def scenes(draw, breaking=False):
    """Learners, the day to reconstruct, the day of its snapshot, the day of the earlier snapshot or None."""
    as_of_day = draw(st.integers(1, DAYS - 1))
    earlier = draw(st.integers(0, as_of_day - 1) if breaking else st.none() | st.integers(0, as_of_day - 1))
    later = draw(st.integers(as_of_day, DAYS))
    close = st.tuples(st.sampled_from([as_of_day, later, earlier or 0]), st.integers(-26, 26))
    hours = st.integers(0, DAYS * 24) | close.map(lambda one: max(one[0] * 24 + one[1], 0))
    since = st.integers((earlier or 0) * 24, later * 24)
    activity = st.tuples(hours, st.sampled_from(list(LESSONS)), st.integers(0, 5))
    life = st.tuples(
        st.just(0) | hours,
        st.booleans() | st.just(False),
        st.sampled_from(list(LESSONS)),
        st.lists(activity, max_size=5).map(sorted).map(tuple),
        st.tuples(st.sampled_from(["falls", "grows", "moves"]), since) if breaking else st.none(),
    )
    lives = draw(st.lists(life, min_size=1, max_size=20))
    # No snapshot is empty: the shape guard is tested elsewhere.
    first = Learner(99, 0, False, "java", (), None)
    return [first, *(Learner(number, *one) for number, one in enumerate(lives))], as_of_day, later, earlier


@pytest.fixture
def folder():
    path = Path(tempfile.mkdtemp())
    yield path
    shutil.rmtree(path)


def rows_of(folder, kind, people, run_context, day, earlier=None, **sections):
    def saved(name, day):
        path = folder / f"{name}.json"
        path.write_text(json.dumps([record for one in people if (record := one.at(day * 24))]))
        return path

    before = None
    if earlier is not None:
        path = saved("earlier", earlier)
        before = EarlierSnapshotRef(path, sha256_of(path), moment(earlier * 24), None)
    out = folder / "staging" / "acme" / "runs" / "day" / "run"
    where = connector(courses=kind, lms={"options": {"columns": COLUMNS}}, **sections)
    got = read_back(out, transform(where, saved("now", day), None, out, run_context, folder.joinpath, before))
    return {(row["employee_id"], row["course_id"]): row for row in got.rows}


def live(folder, kind, people, day):
    at = moment(day * 24)
    return rows_of(folder, kind, people, context(provenance="live", as_of=at, extracted_at=at), day)


def reconstructed(folder, kind, people, as_of_day, later, earlier, **sections):
    run_context = context(
        provenance="reconstructed",
        logical_date=moment(as_of_day * 24),
        as_of=moment(as_of_day * 24),
        extracted_at=moment(later * 24),
    )
    return rows_of(folder, kind, people, run_context, later, earlier, **sections)


CREATED_AT = {"source": {"conn_id": "c", "keys": {"created_at": "created_at"}}}
KINDS = pytest.mark.parametrize("kind", ["primary", "all"])
BOUNDED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@KINDS
@BOUNDED
@given(scene=scenes(), named=st.booleans())
def test_a_reconstructed_row_is_that_of_the_live_run(folder, kind, scene, named):
    people, as_of_day, later, earlier = scene
    live_rows = live(folder, kind, people, as_of_day)
    got = reconstructed(folder, kind, people, as_of_day, later, earlier, **(CREATED_AT if named else {}))
    by_id = {f"E{one.number}": one for one in people}
    for key, row in got.items():
        if key not in live_rows:  # nothing but the date of the account, or an earlier snapshot, shows it
            assert (row["status"], named, earlier) == ("not_started", False, None)
            continue
        assert row | {"last_active_at": ""} == live_rows[key] | {"last_active_at": ""}
        assert row["last_active_at"] in ("", live_rows[key]["last_active_at"])
    certain = {key for key in live_rows if is_certain(by_id[key[0]].at(later * 24), key[1], as_of_day, earlier, named)}
    assert certain <= set(got)
    event(
        f"emitted {len(got)} of {len(live_rows)}"
        if len(live_rows) < 4
        else f"emitted {10 * len(got) // len(live_rows)}0 %"
    )


def is_certain(record, course, as_of_day, earlier, named):
    """A second reading of the rules."""
    as_of = stamp(as_of_day * 24)
    if record[f"{course}.completed_percentage"] == 0:
        return named or earlier is None or record["created_at"] <= stamp(earlier * 24)
    if record["last_active_at"] and record["last_active_at"] <= as_of:
        return True
    finished = record[f"{course}.completed_date"]
    return record[f"{course}.completed_percentage"] == 100 and finished <= as_of


@KINDS
@BOUNDED
@given(scene=scenes(breaking=True))
def test_who_breaks_the_assumptions_in_between_is_withheld(folder, kind, scene):
    people, as_of_day, later, earlier = scene
    got = reconstructed(folder, kind, people, as_of_day, later, earlier)
    for one in people:
        then, now = one.at(earlier * 24), one.at(later * 24)
        for course in LESSONS if then else ():
            if shows(kind, then, now, course):
                event(one.breaks[0])
                assert (then["employee_id"], course) not in got


def shows(kind, then, now, course):
    """Tell whether two records contradict the assumptions for a course."""
    percentage, total, name = (f"{course}.completed_percentage", "primary_course_lessons_count", "primary_course_name")
    fell = then[percentage] > now[percentage]
    return fell or (kind == "primary" and (then[total], then[name]) != (now[total], now[name]))

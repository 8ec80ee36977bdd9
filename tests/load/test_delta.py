"""What is sent again, what is kept, what is held: each rule of the delta with its edges."""

from collections import Counter
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from include.codebashing_lms.load.delta import Change, DeltaRules, compute_delta
from include.codebashing_lms.load.identities import ADDRESSES, reassigned_addresses
from include.codebashing_lms.transform.manifest import CourseGrowth

MONDAY, TUESDAY, THURSDAY = (np.datetime64(f"2026-11-{day}T05:00:00", "us") for day in (16, 17, 19))
FIRST = datetime(2026, 3, 1)  # noqa: DTZ001 (columns hold UTC without zone)


def row(employee_id="1", course="java", hundredths=5000, **changes):
    values = {
        "employee_id": employee_id, "user_key": employee_id, "email": f"{employee_id}@x.com",
        "course": course, "course_id": course, "course_title": "", "hundredths": hundredths,
        "started": hundredths > 0, "lessons_completed": -1, "lessons_total": 10, "completed_at": None,
        "completed_is_day": False, "active_at": None, "active_is_day": False,
    }  # fmt: skip
    return values | changes


def known(employee_id="1", course="java", hundredths=5000, **changes):
    values = {
        "employee_id": employee_id, "course": course, "user_key": employee_id, "course_id": course,
        "email": f"{employee_id}@x.com", "hundredths": hundredths, "status": 2 if hundredths == 10_000 else 1,
        "completed_at": None, "completed_is_day": False, "lessons_total": 10, "sent_at": MONDAY,
        "valid_at": MONDAY, "baseline": False,
        "refusals": 0, "refusal": None, "refused_at": None, "refused_as": None,
    }  # fmt: skip
    return values | changes


TEXT = pa.array([], pa.string()).to_pandas().dtype  # that of a pandas: "str" would make a text of None in pandas 2


def table(rows, columns):
    frame = pd.DataFrame(rows, columns=columns)
    words = ("employee_id", "email", "course", "course_id", "user_key", "refusal")
    texts = {name: TEXT for name in words if name in frame}
    instants = ("completed_at", "active_at", "sent_at", "valid_at", "refused_at")
    dates = {name: "datetime64[us]" for name in instants if name in frame}
    numbers = {name: "float" for name in ("refusals", "refused_as") if name in frame}
    return frame.astype(texts | dates | numbers)


def delta_of(rows, ledger, as_of=TUESDAY, full=False, **rules):
    now, before = table(rows, list(row())), table(ledger, list(known()))
    names = (
        pa.Table.from_pandas(frame[ADDRESSES.names].dropna(), ADDRESSES, preserve_index=False)
        for frame in (now.assign(email=now["email"].str.lower()), before)
    )
    numbered = before.assign(index=np.arange(len(before)))
    return compute_delta(now, numbered, reassigned_addresses(*names), DeltaRules(as_of=as_of, full=full, **rules))


def changes_of(delta):
    return [Change(number).name for number in delta.rows["change"]]


def test_what_was_never_sent_is_new():
    delta = delta_of([row(), row("2")], [])
    assert changes_of(delta) == ["NEW", "NEW"]
    assert delta.send.all()


def test_what_is_as_it_was_sent_is_unchanged():
    delta = delta_of([row("2"), row("1")], [known("1"), known("3"), known("2", hundredths=4000)])
    assert changes_of(delta) == ["CHANGED", "UNCHANGED"]
    assert delta.send.tolist() == [True, False]
    assert delta.rows["ledger_index"].tolist() == [2, 0]


def test_full_sends_the_unchanged_too():
    assert delta_of([row()], [known()], full=True).send.all()


def test_nothing_older_overwrites_anything_newer():
    before = [known(valid_at=THURSDAY), known("2", valid_at=THURSDAY)]
    delta = delta_of([row(hundredths=2000), row("2")], before)
    assert changes_of(delta) == ["STALE", "UNCHANGED"]
    assert not delta_of([row(hundredths=2000)], [known(valid_at=THURSDAY)], full=True).send.any()


def test_a_run_that_loads_late_finds_nobody_fallen():
    newer = {"valid_at": THURSDAY}
    before = [known(hundredths=8000, **newer), known("2", hundredths=10_000, completed_at=FIRST, **newer)]
    delta = delta_of([row(), row("2")], before)
    assert (delta.fell, delta.warnings) == (0, Counter())


@pytest.mark.parametrize("changes", [{"course_id": "J"}, {"status": 0}, {"hundredths": 1}, {"user_key": "9"}])
def test_every_part_of_the_last_value_counts(changes):
    assert changes_of(delta_of([row()], [known(**changes)])) == ["CHANGED"]


def test_an_address_counts_where_it_is_sent():
    before = [known(email="old@x.com")]
    assert changes_of(delta_of([row()], before)) == ["UNCHANGED"]
    assert changes_of(delta_of([row()], before, email_matters=True)) == ["CHANGED"]
    assert changes_of(delta_of([row(email="1@X.com")], [known()], email_matters=True)) == ["UNCHANGED"]


def test_a_new_target_is_a_change_and_the_old_one_is_listed():
    delta = delta_of([row(course_id="J2"), row("2", hundredths=6000)], [known(), known("2")])
    assert delta.to_correct()[["employee_id", "ledger_course_id", "course_id"]].to_numpy().tolist() == [
        ["1", "java", "J2"]
    ]


def test_a_completion_stands_with_its_first_date():
    before = [known(hundredths=10_000, completed_at=FIRST)]
    for full in (False, True):
        delta = delta_of([row(hundredths=8000)], before, full=full)
        assert delta.warnings == Counter(fell_below_100=1)
        assert delta.rows[["hundredths", "status", "completed_at"]].to_numpy().tolist() == [
            [10_000, 2, pd.Timestamp(FIRST)]
        ]
        assert delta.send.tolist() == [full]
        assert delta.fell == 1


def test_a_second_completion_is_counted_and_keeps_the_first_date():
    later = pd.Timestamp("2026-10-01")
    before = [known(hundredths=10_000, completed_at=FIRST)]
    delta = delta_of([row(hundredths=10_000, completed_at=later)], before)
    assert delta.warnings == Counter(completed_again=1)
    assert changes_of(delta) == ["UNCHANGED"]
    assert delta.rows["completed_at"].tolist() == [pd.Timestamp(FIRST)]


def test_a_date_that_was_missing_is_sent_when_it_comes():
    delta = delta_of([row(hundredths=10_000, completed_at=FIRST)], [known(hundredths=10_000)])
    assert changes_of(delta) == ["CHANGED"]


def test_added_lessons_are_reported_by_course():
    before = [known(str(n), hundredths=10_000, completed_at=FIRST) for n in range(3)]
    now = [row(str(n), hundredths=8000, lessons_total=12) for n in range(2)] + [row("2", hundredths=10_000)]
    assert delta_of(now, before).growth == [CourseGrowth("java", lessons_were=10, lessons_are=12, learners=2)]


def test_a_new_address_is_sent_with_a_warning():
    delta = delta_of([row(email="new@x.com", hundredths=6000)], [known(email="old@x.com")])
    assert changes_of(delta) == ["CHANGED"]
    assert delta.warnings == Counter(email_changed=1)


def test_a_new_address_is_held_where_the_old_one_is_under_another_id():
    delta = delta_of([row(email="new@x.com"), row("2", email="old@x.com")], [known(email="old@x.com")])
    assert changes_of(delta) == ["CHANGED_IDENTITY", "CHANGED_IDENTITY"]


def test_a_new_address_with_less_progress_is_somebody_else():
    for before in (known(email="old@x.com"), known(email="old@x.com", hundredths=10_000)):
        now = [row(email="new@x.com", hundredths=100), row(course="go", email="new@x.com")]
        delta = delta_of(now, [before])
        assert changes_of(delta) == ["CHANGED_IDENTITY", "CHANGED_IDENTITY"]
        assert not delta.send.any()


def test_an_address_under_a_new_id_is_held_until_hr_accepts():
    now, before = [row("9", email="1@x.com")], [known()]
    assert changes_of(delta_of(now, before)) == ["CHANGED_IDENTITY"]
    assert changes_of(delta_of(now, before, accepted=frozenset(["1@x.com"]))) == ["NEW"]
    assert changes_of(delta_of(now, [*before, known("9", email="1@x.com")])) == ["UNCHANGED"]


def test_two_without_address_are_never_taken_for_each_other():
    assert changes_of(delta_of([row("9", email=None)], [known(email=None)])) == ["NEW"]
    assert changes_of(delta_of([row(email=None)], [known()])) == ["UNCHANGED"]


def test_completions_before_the_start_count_as_known():
    days = [FIRST, pd.Timestamp("2026-06-01")]
    done = [row(str(n), hundredths=10_000, completed_at=day) for n, day in enumerate(days)]
    delta = delta_of(done, [], since=np.datetime64("2026-05-01", "us"))
    assert changes_of(delta) == ["BEFORE_START", "NEW"]
    assert delta.send.tolist() == [False, True]


def test_what_a_person_wants_sent_again_is_sent_with_its_first_date():
    rows = [row("1", hundredths=10_000, completed_at=FIRST + timedelta(days=9)), row("2")]
    first = known("1", hundredths=10_000, completed_at=FIRST, sent_at=None)
    delta = delta_of(rows, [first, known("2")])
    assert changes_of(delta) == ["CHANGED", "UNCHANGED"]
    assert delta.rows["completed_at"][0] == FIRST
    assert len(delta.to_correct()) == 0


def test_an_older_run_does_not_tell_it_again():
    assert changes_of(delta_of([row()], [known(sent_at=None, valid_at=THURSDAY)])) == ["STALE"]


def test_an_export_without_addresses_makes_nobody_changed():
    exported = known(email=None, baseline=True)
    assert changes_of(delta_of([row()], [exported], email_matters=True)) == ["UNCHANGED"]
    assert changes_of(delta_of([row()], [exported | {"baseline": False}], email_matters=True)) == ["CHANGED"]


def test_an_lms_of_whole_percents_is_not_sent_a_change_within_one():
    within = delta_of([row(hundredths=6299)], [known(hundredths=6200)], whole_percent=True)
    assert changes_of(within) == ["UNCHANGED"]
    beyond = delta_of([row(hundredths=6300)], [known(hundredths=6299)], whole_percent=True)
    assert changes_of(beyond) == ["CHANGED"]

"""What an entry of the journal does to the ledger."""

from datetime import timedelta

import numpy as np
import pytest

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.ledger.fold import fold
from include.codebashing_lms.ledger.journal import append, open_ledger
from include.codebashing_lms.ledger.maintenance import rebuild, roll_back
from include.codebashing_lms.ledger.schema import EMPTY, Entry, entry_metadata
from tests.ledger.journal_entries import add_entry, day, mask, meta, noon, row, row_of, rows


def test_the_last_entry_decides_the_values(tmp_path):
    add_entry(tmp_path, 1, row("1042"), row("0042", percent=100))
    ledger = add_entry(tmp_path, 2, row("1042", percent=75, course_id="J-1", user_key="u1"))
    assert sorted(ledger.table["employee_id"].to_pylist()) == ["0042", "1042"]
    found = row_of(ledger, "1042")
    assert (found["hundredths"], found["course_id"], found["user_key"]) == (7500, "J-1", "u1")
    assert (found["sent_at"], found["valid_at"]) == (noon(2), noon(2))
    assert row_of(ledger, "0042")["valid_at"] == noon(1)
    assert (found["baseline"], found["refusals"], found["refusal"]) == (False, 0, None)


def test_new_rows_of_a_bucket_follow_in_the_order_of_the_entry(tmp_path):
    add_entry(tmp_path, 1, row("1", "java"), row("1", "go"))
    ledger = add_entry(tmp_path, 2, row("1", "ruby"), row("1", "go", percent=60), row("1", ""))
    assert ledger.table["course"].to_pylist() == ["java", "go", "ruby", ""]


def test_one_learner_on_two_courses_and_a_course_without_a_name(tmp_path):
    ledger = add_entry(tmp_path, 1, row("1"), row("1", "python"), row("1", ""))
    ledger = add_entry(tmp_path, 2, row("1", "python", percent=60))
    assert [row_of(ledger, "1", course)["hundredths"] for course in ("java", "python", "")] == [5000, 6000, 5000]


def test_ids_and_slugs_that_look_alike_when_joined_stay_apart(tmp_path):
    add_entry(tmp_path, 1, row("b:c", "a"), row("c", "a:b"), row("0:c", "a:b"))
    ledger = add_entry(tmp_path, 2, row("c", "a:b", percent=70))
    keys = (("b:c", "a"), ("c", "a:b"), ("0:c", "a:b"))
    assert [row_of(ledger, *key)["hundredths"] for key in keys] == [5000, 7000, 5000]


def test_found_unchanged_moves_valid_at_and_nothing_else(tmp_path):
    before = add_entry(tmp_path, 1, row("1"), row("2"))
    after = add_entry(tmp_path, 5, unchanged=["2"], kind="observation")
    assert row_of(after, "1") == row_of(before, "1")
    assert row_of(after, "2") == {**row_of(before, "2"), "valid_at": noon(5)}


def test_valid_at_never_goes_back(tmp_path):
    add_entry(tmp_path, 5, row("1"), row("2"))
    ledger = add_entry(tmp_path, 2, row("1", percent=10), unchanged=["2"])
    found = row_of(ledger, "1")
    assert (found["hundredths"], found["sent_at"], found["valid_at"]) == (1000, noon(2), noon(5))
    assert row_of(ledger, "2")["valid_at"] == noon(5)


def test_the_first_completion_date_stays(tmp_path):
    add_entry(tmp_path, 1, row("1", percent=50))
    add_entry(tmp_path, 3, row("1", percent=100, completed_at=noon(2)))
    add_entry(tmp_path, 4, row("1", percent=100, completed_at=noon(1)))
    add_entry(tmp_path, 5, row("1", percent=100, completed_at=None))
    ledger = add_entry(tmp_path, 9, row("1", percent=100, completed_at=noon(8)))
    assert row_of(ledger, "1")["completed_at"] == noon(2)


def test_a_date_sent_later_than_the_completion_is_kept(tmp_path):
    add_entry(tmp_path, 1, row("1", percent=100, completed_at=None))
    ledger = add_entry(tmp_path, 2, row("1", percent=100, completed_at=noon(1)))
    assert row_of(ledger, "1")["completed_at"] == noon(1)


def test_a_refused_row_changes_only_the_refusals(tmp_path):
    before = row_of(add_entry(tmp_path, 1, row("1")), "1")
    for count in (1, 2):
        ledger = add_entry(tmp_path, 1 + count, row("1", percent=80, refusal="no such user", refused_as=7))
        known = {"refusal": "no such user", "refused_at": noon(1 + count), "refused_as": 7}
        assert row_of(ledger, "1") == {**before, "refusals": count, **known}
    ledger = add_entry(tmp_path, 5, row("1", percent=80, refusal="course closed"))
    assert row_of(ledger, "1")["refusals"] == 1
    ledger = add_entry(tmp_path, 6, row("1", percent=80))
    found = row_of(ledger, "1")
    assert (found["hundredths"], found["refusals"], found["refusal"]) == (8000, 0, None)
    assert (found["refused_at"], found["refused_as"]) == (None, None)


def test_a_new_row_that_is_refused_was_never_sent(tmp_path):
    found = row_of(add_entry(tmp_path, 1, row("1", refusal="no such user")), "1")
    assert (found["hundredths"], found["status"], found["sent_at"], found["valid_at"]) == (None,) * 4
    assert (found["refusals"], found["baseline"]) == (1, False)


def test_refusals_are_counted_as_far_as_the_column_goes():
    table = EMPTY
    for number in range(130):
        none = np.zeros(len(table), dtype=np.bool_)
        table = fold(table, Entry(entry_metadata(number, meta(day(1))), rows(row("1", refusal="no")), none))
    assert table["refusals"].to_pylist() == [127]


def test_a_baseline_is_known_but_not_sent(tmp_path):
    ledger = add_entry(tmp_path, 1, row("1", percent=100), kind="baseline")
    assert row_of(ledger, "1")["baseline"] is True
    assert row_of(add_entry(tmp_path, 2, unchanged=["1"], kind="observation"), "1")["baseline"] is True
    assert row_of(add_entry(tmp_path, 3, row("1", percent=100, course_id="J2")), "1")["baseline"] is False


def test_rows_folded_a_few_at_a_time_keep_what_was_known_of_each(tmp_path, monkeypatch):
    monkeypatch.setattr("include.codebashing_lms.ledger.buckets.AT_ONCE", 8)
    learners = [str(number) for number in range(64)]
    add_entry(tmp_path, 1, *(row(one, baseline=int(one) % 2 == 0) for one in learners))
    ledger = add_entry(tmp_path, 2, *(row(one, percent=100) for one in learners[::3]))
    flags = dict(zip(*(ledger.table[name].to_pylist() for name in ("employee_id", "baseline")), strict=True))
    assert flags == {one: int(one) % 2 == 0 and int(one) % 3 > 0 for one in learners}


def test_a_baseline_after_the_fact(tmp_path):
    add_entry(tmp_path, 5, row("1", percent=80), row("2", percent=80))
    ledger = add_entry(tmp_path, 3, row("1", percent=100), row("3", percent=100), kind="baseline")
    assert row_of(ledger, "1")["hundredths"] == 8000
    assert row_of(ledger, "3")["baseline"] is True
    ledger = add_entry(tmp_path, 6, row("2", percent=100), kind="baseline")
    assert (row_of(ledger, "2")["hundredths"], row_of(ledger, "2")["baseline"]) == (10000, False)


def test_rows_of_a_delivery_that_the_lms_knew_beforehand(tmp_path):
    ledger = add_entry(tmp_path, 1, row("1"), row("2", baseline=True))
    assert [row_of(ledger, one)["baseline"] for one in "12"] == [False, True]


def test_an_observation_does_not_change_sent_at(tmp_path):
    add_entry(tmp_path, 1, row("1"))
    ledger = add_entry(tmp_path, 4, row("1", email="new@example.com"), kind="observation")
    found = row_of(ledger, "1")
    assert (found["email"], found["sent_at"], found["valid_at"]) == ("new@example.com", noon(1), noon(4))


def test_a_reset_forgets_everything(tmp_path):
    add_entry(tmp_path, 5, row("1", percent=100))
    ledger = add_entry(tmp_path, 6, kind="reset")
    assert (len(ledger.table), ledger.number, ledger.is_empty) == (0, 2, False)
    ledger = add_entry(tmp_path, 2, row("1", percent=100, completed_at=noon(2)))
    assert (row_of(ledger, "1")["completed_at"], row_of(ledger, "1")["valid_at"]) == (noon(2), noon(2))


def test_a_roll_back_brings_an_earlier_ledger_back_whole(tmp_path):
    earlier = add_entry(tmp_path, 1, row("1"), row("2"))
    add_entry(tmp_path, 2, row("1", percent=100), row("3"))
    add_entry(tmp_path, 3, row("2", refusal="no"))
    ledger = roll_back(tmp_path, 1, meta(day(4), reason="the LMS was restored"))
    assert ledger.number == 4
    assert ledger.table.equals(earlier.table)
    assert rebuild(tmp_path).table.equals(earlier.table)
    after = add_entry(tmp_path, 5, row("1", percent=60))
    assert sorted(after.table["employee_id"].to_pylist()) == ["1", "2"]


@pytest.mark.parametrize("number", [-1, 2, 3])
def test_a_roll_back_to_what_never_was(tmp_path, number):
    add_entry(tmp_path, 1, row("1"))
    add_entry(tmp_path, 2, row("2"))
    with pytest.raises(StagingError, match="is at 2, and its journal reaches back to 0"):
        roll_back(tmp_path, number, meta(day(4)))


@pytest.mark.parametrize("entry", [(row("1"), row("1")), (row(None),), (row("1", course=""), row("1", course=""))])
def test_each_learner_and_course_once(tmp_path, entry):
    add_entry(tmp_path, 1, row("7"))
    with pytest.raises(StagingError, match="twice, or none"):
        add_entry(tmp_path, 2, *entry)
    assert open_ledger(tmp_path).number == 1


def test_unchanged_rows_of_another_ledger(tmp_path):
    first = add_entry(tmp_path, 1, row("1"))
    second = add_entry(tmp_path, 2, row("2"))
    with pytest.raises(StagingError, match="a ledger of 1 rows, but it has 2"):
        append(tmp_path, second, [], mask(first, "1"), meta(day(3)))


def test_instants_are_kept_to_the_microsecond(tmp_path):
    exact = day(1) + timedelta(microseconds=1)
    ledger = append(tmp_path, open_ledger(tmp_path), [rows(row("1"))], mask(open_ledger(tmp_path)), meta(exact))
    assert row_of(ledger, "1")["valid_at"] == exact.replace(tzinfo=None)


def test_a_row_sent_again_that_may_still_be_refused_is_not_refused_now_but_the_count_goes_on(tmp_path):
    for at in (1, 3):
        add_entry(tmp_path, at, row("1"), refusals_to_come=True)
        ledger = add_entry(tmp_path, at + 1, row("1", refusal="no such user", refused_as=7), kind="refusal")
    assert (row_of(ledger, "1")["refusals"], row_of(ledger, "1")["refused_at"]) == (2, noon(4))
    found = row_of(add_entry(tmp_path, 5, row("1"), refusals_to_come=True), "1")
    assert (found["refusals"], found["refusal"], found["refused_at"]) == (2, "no such user", None)
    assert row_of(add_entry(tmp_path, 6, row("1"), refusals_to_come=False), "1")["refusals"] == 0

"""One table says of every reason where the record ends, who has to act, and what people read."""

import re

import pytest

from include.codebashing_lms.load.delta import Change
from include.codebashing_lms.transform.records.dispositions import (
    MERGED,
    SET_ASIDE,
    WITHHELD,
    Actor,
    Disposition,
    Group,
)
from tests.paths import ROOT

IN_README = ROOT.joinpath("README.md").read_text().partition("## What becomes of a record")[2]
TABLES = re.findall(r"(?:^\|.*\n)+", IN_README, re.MULTILINE)


def reasons_of(table: str) -> set[str]:
    return set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))


def test_columns_hold_the_numbers_that_they_always_held():
    by_transform = [one.name for one in sorted(Disposition) if not one.meaning.by_load]
    assert by_transform == [
        "EMITTED", "NOT_AN_OBJECT", "EXCLUDED", "MISSING_EMPLOYEE_ID", "INVALID_EMPLOYEE_ID", "INVALID_EMAIL",
        "INVALID_COUNT", "INVALID_PERCENTAGE", "NO_COURSE", "IGNORED_COURSE", "UNMAPPED_COURSE_AT_ZERO",
        "UNMAPPED_COURSE", "CONFLICTING_EMPLOYEE_ID", "DUPLICATE", "NOT_YET_A_USER", "UNKNOWN_AT_AS_OF",
        "BELOW_THRESHOLD", "MISSING_COMPLETED_DATE", "UNMAPPED_USER", "INVALID_VALUE", "TOO_RECENT",
    ]  # fmt: skip
    assert sorted(Disposition) == list(range(len(Disposition)))


@pytest.mark.parametrize("disposition", Disposition)
def test_every_reason_has_a_group_and_words(disposition):
    meaning = disposition.meaning
    assert meaning.group in Group
    assert meaning.short
    assert (meaning.actor is not Actor.NOBODY) == (meaning.group is Group.SET_ASIDE)


@pytest.mark.parametrize("disposition", SET_ASIDE)
def test_whoever_is_set_aside_has_somebody_to_act_and_a_remedy(disposition):
    meaning = disposition.meaning
    assert meaning.remedy.endswith(".")
    assert meaning.detail
    assert not meaning.of_one.startswith(("have ", "are ", "were ", "share "))


def test_the_groups_hold_every_disposition_once():
    assert sorted([Disposition.EMITTED, *WITHHELD, *SET_ASIDE, *MERGED]) == sorted(Disposition)


def test_what_counts_as_one_reason_has_one_meaning_for_people():
    by_reason = {}
    for one in Disposition:
        words = one.meaning.short, one.meaning.remedy, one.meaning.detail
        assert by_reason.setdefault((one.meaning.group, one.reason), words) == words


@pytest.mark.parametrize("change", Change)
def test_load_finds_a_disposition_for_every_change(change):
    sent = change in (Change.NEW, Change.CHANGED)
    assert (change.disposition is Disposition.EMITTED) == sent
    assert sent or change.disposition.meaning.by_load


def test_the_readme_has_all_reasons_and_no_others():
    withheld, set_aside, *_ = TABLES
    assert reasons_of(withheld) == {one.reason for one in WITHHELD}
    assert reasons_of(set_aside) == {one.reason for one in SET_ASIDE}
    assert all(f"**Merged** (`{one.reason}`)" in IN_README for one in MERGED)

"""Whatever names people and courses have: each LMS reads the values that we meant, or no row at all."""

import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.codebashing_lms.config.profiles.profile import find_profile
from tests.config.profiles.readers import READERS, ImportedRow
from tests.config.profiles.rendering import PROFILES, course, delivery, learner, render, required_options

NASTY = ["|", "!##!", "!", "#", "!##", '"', ",", ";", "\\", "\n", "\r\n", "=", "+cmd", "@", "00123", "ä", "𠮷", "\t"]
NASTY += ["\u2028", "'", "x", "E1001", "{user_key}", "%20", "OLC", " ", "long " * 60]
PHP = ("totara_course_completion", "iomad_completion", "moodle_grades_csv")
COMPLETIONS = (
    "sap_sf_learning_history",
    "totara_course_completion",
    "iomad_completion",
    "cornerstone_external_training",
)
WHOLE_PERCENT = ("xapi", "oracle_hdl")
FIRST = datetime(2025, 3, 3)  # noqa: DTZ001 (the source's zone-less dates are UTC)

words = st.lists(st.sampled_from(NASTY), min_size=1, max_size=4).map("".join).map(str.strip).filter(bool)


@dataclass(frozen=True)
class Person:
    employee_id: str
    done: int
    total: int
    finished: datetime | None

    @property
    def percent(self) -> Decimal:
        if self.done == self.total:
            return Decimal(100)
        exact = Decimal(self.done * 100) / self.total
        return min(exact.quantize(Decimal("0.01"), ROUND_HALF_UP), Decimal("99.99"))


@st.composite
def people(draw: st.DrawFn) -> Person:
    total = draw(st.integers(1, 12))
    done = draw(st.one_of(st.just(total), st.integers(0, total)))
    on = FIRST + timedelta(seconds=draw(st.integers(0, 1_100_000))) if done == total else None
    return Person(draw(words), done, total, on)


staff = st.lists(people(), min_size=1, max_size=6, unique_by=lambda one: one.employee_id.lower())


@pytest.mark.parametrize("profile", PROFILES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(staff=staff, course_id=words, title=words)
def test_the_lms_reads_what_was_sent(profile, staff, course_id, title):
    known = course(profile, course_id, title)
    with tempfile.TemporaryDirectory() as folder:
        got = render(
            Path(folder),
            [
                learner(one.employee_id, one.done, one.total, _text(one), email=f"{at}@x.com")
                for at, one in enumerate(staff)
            ],
            identity={"pattern": "(?s).+"},
            lms={"profile": profile, "options": required_options(profile), "course_map": {"seccode": known}},
            delivery=delivery(profile),
        )
    sent = [one for one in staff if can_be_sent(profile, one, course_id, title)]
    assert list(READERS[profile](got)) == [imported_row(profile, one, course_id, title) for one in sent]
    assert all_dispositions(got.manifest["records"]) == len(staff)
    assert got.manifest["records"]["emitted"] == len(sent) == sum(part["rows"] for part in got.manifest["parts"])


def _text(person: Person) -> str | None:
    return person.finished and f"{person.finished.isoformat()}Z"


def all_dispositions(records: dict[str, Any]) -> int:
    """Return the sum of all dispositions."""
    not_emitted = Counter(records["withheld"]) + Counter(records["set_aside"])
    return records["emitted"] + not_emitted.total() + records["merged"]


def can_be_sent(profile: str, person: Person, course_id: str, title: str) -> bool:
    """Tell whether a person's progress can be sent at all, by the documentation of the LMS."""
    if profile in COMPLETIONS and person.finished is None:
        return False
    if profile in WHOLE_PERCENT and person.done == 0:
        return False
    values = [person.employee_id, course_id]
    if profile == "sap_sf_learning_history":
        return not any(sign in value for value in values for sign in ("|", "\n", "\r")) and not _ends_a_record(values)
    if profile == "oracle_hdl":
        return "\r" not in "".join(values)
    if profile in PHP:
        values = [person.employee_id] if profile == "moodle_grades_csv" else values
        values += [title] if profile == "totara_course_completion" else []
        return _short_enough(profile, person, course_id, title) and not any(_hides_a_quote(one) for one in values)
    return True


def _ends_a_record(values: list[str]) -> bool:
    """Tell whether a value holds a record's end, or makes one together with the end after it."""
    return any((value + "!##!").index("!##!") < len(value) for value in values)


def _hides_a_quote(value: str) -> bool:
    return value.endswith("\\") or '\\"' in value


def _short_enough(profile: str, person: Person, course_id: str, title: str) -> bool:
    most_id = {"totara_course_completion": 100, "iomad_completion": 255, "moodle_grades_csv": 10_000}[profile]
    most_key = 255 if profile == "moodle_grades_csv" else 100
    title_fits = len(title) <= 255 or profile != "totara_course_completion"
    return len(person.employee_id) <= most_key and len(course_id) <= most_id and title_fits


def imported_row(profile: str, person: Person, course_id: str, title: str) -> ImportedRow:
    """Return what the LMS should import for a person."""
    lower = find_profile(profile).contract.get("lower_case_user_key", False)
    key = person.employee_id.lower() if lower else person.employee_id
    course = title if profile == "cornerstone_external_training" else course_id
    if profile in ("moodle_grades_csv", "brightspace_grades"):
        return ImportedRow(key, _in_a_file_name(course_id), person.percent)
    if profile in ("moodle_grades_ws", "canvas_grades"):
        return ImportedRow(key, course_id, person.percent)
    percent = Decimal(int(person.percent)) if profile in WHOLE_PERCENT else person.percent
    return ImportedRow(key, course, percent, _date(profile, person))


def _date(profile: str, person: Person) -> str | None:
    if person.finished is None:
        return None
    precision = {"oracle_hdl": 10, "totara_course_completion": 10, "cornerstone_external_training": 16}
    return person.finished.isoformat()[: precision.get(profile, 19)]


def _in_a_file_name(course_id: str) -> str:
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "_.-") else "_" for sign in course_id)
    return plain[:100]

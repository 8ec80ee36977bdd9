"""Grades as Moodle's web services are sent them, and as they show what is stored."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from include.codebashing_lms.delivery.http.json_api import dicts_in, whole_number
from include.codebashing_lms.delivery.lms_apis.grades import Grade, GradeItem
from include.codebashing_lms.delivery.lms_apis.moodle_client import MoodleClient, MoodleError

REPORT = "gradereport_user_get_grade_items"
ONE_BY_ONE = 25  # the report of a whole course is one long answer, that of a person a short one
ROUNDING = Decimal("0.005")


@dataclass(frozen=True)
class StoredGrade:
    """What Moodle has for a learner in a grade item.

    :param word: why it cannot be told.
    """

    grade: Decimal | None = None
    most: Decimal | None = None
    overridden: bool = False
    word: str = ""

    def differs_from(self, sent: str) -> str:
        """Say how the stored grade differs from the one that was sent; blank where it does not."""
        if self.word:
            return f"stored, but not to be read back: {self.word}"
        if self.grade is None:
            return "Moodle said that it stored the grade, but shows none"
        if abs(self.grade - Decimal(sent)) < ROUNDING:
            return ""
        most = f"; the most it takes is {_plain(self.most)}" if self.most is not None else ""
        why = "; it was overridden or locked in the gradebook" if self.overridden else most
        return f"Moodle stored {_plain(self.grade)} instead of {sent}{why}"


def fields_of(
    source: str, course: int, place: GradeItem, grades: list[tuple[int, Grade]]
) -> list[tuple[str, object]]:
    """Return the fields of a call that stores grades of an activity, of users by their numbers."""
    fields: list[tuple[str, object]] = [
        ("source", source),
        ("courseid", course),
        ("component", place.component),
        ("activityid", place.activity_id),
        ("itemnumber", place.item_number or 0),
    ]
    for number, (user, one) in enumerate(grades):
        fields += [(f"grades[{number}][studentid]", user), (f"grades[{number}][grade]", one.grade)]
    return fields


def stored_grades(
    moodle: MoodleClient, course: int, place: GradeItem, users: list[int]
) -> dict[int, StoredGrade]:
    """Return what Moodle has of users; who is not enrolled is in no report of the course, but has one."""
    stored: dict[int, StoredGrade] = {}
    if len(users) > ONE_BY_ONE:
        answer = moodle.call(REPORT, [("courseid", course)])
        stored = {} if isinstance(answer, MoodleError) else _by_user(answer, place)
    for user in users:
        if user not in stored:
            answer = moodle.call(REPORT, [("courseid", course), ("userid", user)])
            own = StoredGrade(word=answer.word) if isinstance(answer, MoodleError) else None
            stored[user] = own or _by_user(answer, place).get(user, StoredGrade())
    return stored


def _by_user(report: Any, place: GradeItem) -> dict[int, StoredGrade]:
    grades = report.get("usergrades") if isinstance(report, dict) else None
    return {
        user: _stored(item)
        for one in dicts_in(grades)
        for item in dicts_in(one.get("gradeitems"))
        if _is_of(item, place) and (user := whole_number(one.get("userid"))) is not None
    }


def _is_of(item: dict[str, Any], place: GradeItem) -> bool:
    return (
        str(item.get("cmid")) == place.activity_id
        and f"mod_{item.get('itemmodule')}" == place.component
        and whole_number(item.get("itemnumber") or 0) == int(place.item_number or 0)
    )


def _stored(item: dict[str, Any]) -> StoredGrade:
    return StoredGrade(
        _number(item.get("graderaw")),
        _number(item.get("grademax")),
        bool(item.get("gradeisoverridden") or item.get("gradeislocked")),
    )


def _number(value: Any) -> Decimal | None:
    """Return a grade; None where there is none, or none that is a number."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _plain(number: Decimal | None) -> str:
    return "none" if number is None else f"{number.normalize():f}"

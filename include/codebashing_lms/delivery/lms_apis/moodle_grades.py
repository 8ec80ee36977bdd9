"""Grades in the form that Moodle's web services take, and in the form that they show."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from include.codebashing_lms.delivery.http.json_api import dicts_in, whole_number
from include.codebashing_lms.delivery.lms_apis.grades import Grade, GradeItem
from include.codebashing_lms.delivery.lms_apis.moodle_client import MoodleClient, MoodleError

REPORT = "gradereport_user_get_grade_items"
ONE_BY_ONE = 25  # beyond so many users, one long report of the course is less than one short report of each
ROUNDING = Decimal("0.005")


@dataclass(frozen=True)
class StoredGrade:
    """What Moodle has for a learner in a grade item.

    :param reason: why the grade cannot be read.
    """

    grade: Decimal | None = None
    maximum: Decimal | None = None
    overridden: bool = False
    reason: str = ""

    def difference_from(self, sent: str, words: str = "") -> str:
        """Say how the stored grade differs from the grade that was sent; blank where it does not.

        :param words: why Moodle did not take the whole batch; blank where it says that it did.
        """
        if self.reason:
            return words or f"stored, but not to be read back: {self.reason}"
        if self.grade is None:
            locked = "Moodle stored no grade; it was overridden or locked in the gradebook"
            unlocked = words or "Moodle said that it stored the grade, but shows none"
            return locked if words and self.overridden else unlocked
        if abs(self.grade - Decimal(sent)) < ROUNDING:
            return ""
        most = f"; the most it takes is {plain(self.maximum)}" if self.maximum is not None else ""
        why = "; it was overridden or locked in the gradebook" if self.overridden else most
        return f"Moodle stored {plain(self.grade)} instead of {sent}{why}"


def fields_of(source: str, course: int, item: GradeItem, grades: list[tuple[int, Grade]]) -> list[tuple[str, object]]:
    """Return the fields of a call that stores grades of an activity, of users by their numbers."""
    fields: list[tuple[str, object]] = [("source", source), ("courseid", course)]
    fields += [("component", item.component), ("activityid", item.activity_id)]
    fields.append(("itemnumber", item.item_number or 0))
    for index, (user, grade) in enumerate(grades):
        fields += [(f"grades[{index}][studentid]", user), (f"grades[{index}][grade]", grade.grade)]
    return fields


def stored_grades(moodle: MoodleClient, course: int, item: GradeItem, users: list[int]) -> dict[int, StoredGrade]:
    """Return the stored grades by user; a user that is not enrolled stands in the own report only."""
    stored: dict[int, StoredGrade] = {}
    if len(users) > ONE_BY_ONE:
        answer = moodle.attempt(REPORT, [("courseid", course)])
        stored = {} if isinstance(answer, MoodleError) else by_user(answer, item)
    for user in users:
        if user not in stored:
            answer = moodle.attempt(REPORT, [("courseid", course), ("userid", user)])
            own = StoredGrade(reason=answer.reason) if isinstance(answer, MoodleError) else None
            stored[user] = own or by_user(answer, item).get(user, StoredGrade())
    return stored


def by_user(report: Any, item: GradeItem) -> dict[int, StoredGrade]:
    """Return what a report shows of a grade item, by user."""
    grades = report.get("usergrades") if isinstance(report, dict) else None
    return {
        user: _stored(shown)
        for of_user in dicts_in(grades)
        for shown in dicts_in(of_user.get("gradeitems"))
        if _is_of(shown, item) and (user := whole_number(of_user.get("userid"))) is not None
    }


def _is_of(shown: dict[str, Any], item: GradeItem) -> bool:
    return (
        str(shown.get("cmid")) == item.activity_id
        and f"mod_{shown.get('itemmodule')}" == item.component
        and whole_number(shown.get("itemnumber") or 0) == int(item.item_number or 0)
    )


def _stored(shown: dict[str, Any]) -> StoredGrade:
    return StoredGrade(
        _number(shown.get("graderaw")),
        _number(shown.get("grademax")),
        bool(shown.get("gradeisoverridden") or shown.get("gradeislocked")),
    )


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def plain(number: Decimal | None) -> str:
    """Return a grade as people write it."""
    return "none" if number is None else f"{number.normalize():f}"

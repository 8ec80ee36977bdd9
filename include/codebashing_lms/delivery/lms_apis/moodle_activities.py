"""Whether the activities of the connector file are in Moodle, and what the token may do with them.

Moodle makes a nameless grade item where an activity is of another course, and lowers a grade above the
maximum. So a report on the gradebook is read before a grade is written: it names a course's activities and
their maxima. The report on the token's own user shows both, also where this user is not enrolled.
The order in which Moodle checks a call is that of `lib/classes/grades_external.php` and `lib/gradelib.php`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from include.codebashing_lms.delivery.http.json_api import dicts_in, whole_number
from include.codebashing_lms.delivery.lms_apis.grades import Grade, GradeItem
from include.codebashing_lms.delivery.lms_apis.moodle_client import MoodleClient, MoodleError
from include.codebashing_lms.delivery.lms_apis.moodle_grades import REPORT, by_user, fields_of, plain
from include.codebashing_lms.delivery.lms_apis.moodle_lookup import USERS, USERS_AT_ONCE

GRADES = "core_grades_update_grades"
NOT_IN_COURSE = ("requireloginerror", "errorcoursecontextnotvalid")
RIGHTS = {
    (REPORT, "nopermissions"): "gradereport/user:view",
    (REPORT, "nopermissiontoviewgrades"): "moodle/grade:viewall",
    (REPORT, "notingroup"): "moodle/site:accessallgroups",
    (GRADES, "nopermissions"): "moodle/grade:edit",
    (GRADES, "nopermissiontoviewgrades"): "moodle/grade:edit",
}


@dataclass
class Activities:
    """The activities of one delivery.

    :param points: the maximum that each activity has to have; None: any.
    :param keys: the key in the connector file that names an activity.
    :param own: the number of the token's user, None where Moodle does not show it.
    """

    moodle: MoodleClient
    points: int | None
    keys: dict[GradeItem, str]
    own: int | None
    _reports: dict[int, Any] = field(default_factory=dict)

    def problem(self, course: int, item: GradeItem, learner: int | None = None) -> str:
        """Return why an activity of a course takes no grades, blank where it does.

        :param learner: the user of the report where the token's own user is not known.
        """
        if course not in self._reports:
            fields = [("courseid", course), ("userid", self.own or learner or 0)]  # 0: every learner
            self._reports[course] = self.moodle.attempt(REPORT, fields)
        report = self._reports[course]
        if isinstance(report, MoodleError):
            return refusal_of(REPORT, report.code)
        shown = next(iter(by_user(report, item).values()), None)
        if shown is None:
            key = self.keys.get(item, "activity_id in lms.course_map")
            right = item.component.replace("_", "/", 1) + ":view"
            return (
                f"Moodle's course {item.course_id} has no activity {item.activity_id} ({item.component}) "
                f"that takes grades: correct {key}, or give the token's user {right}"
            )
        if self.points is None or shown.maximum == self.points:
            return ""
        if shown.maximum is None:
            return (
                f"Moodle shows no maximum of the activity {item.activity_id}: let the course's user report "
                f"show ranges. It has to be lms.options.points, {self.points}"
            )
        return (
            f"the activity {item.activity_id} has the maximum {plain(shown.maximum)} in Moodle, and "
            f"lms.options.points is {self.points}: make them equal"
        )

    def edit_problem(self, source: str, course: int, item: GradeItem) -> str:
        """Return why the token may not write grades of an activity that has no other problem.

        The grade is for the user 0. Moodle checks the right, and drops a grade without a user.
        """
        answer = self.moodle.attempt(GRADES, fields_of(source, course, item, [(0, Grade(0, "", "0"))]))
        return refusal_of(GRADES, answer.code) if isinstance(answer, MoodleError) else ""

    def user_problems(self, course: int, user_field: str) -> Iterator[str]:
        """Give why the token does not see the grades of a course's learners, or their user keys."""
        report = self.moodle.attempt(REPORT, [("courseid", course)])
        if isinstance(report, MoodleError):
            code = "nopermissiontoviewgrades" if report.code == "nopermissions" else report.code
            yield refusal_of(REPORT, code)
            return
        shown = dicts_in(report.get("usergrades") if isinstance(report, dict) else None)
        learners = [number for one in shown if (number := whole_number(one.get("userid"))) is not None]
        values = [(f"values[{at}]", number) for at, number in enumerate(learners[:USERS_AT_ONCE])]
        if not values:
            return
        users = dicts_in(self.moodle.must(USERS, [("field", "id"), *values]))
        if not users:
            yield "Moodle shows none of a course's learners: give the token's user moodle/user:viewdetails"
        elif not any(user.get(user_field) for user in users):
            yield (
                f"Moodle shows no {user_field} of a course's learners: give the token's user moodle/user:viewalldetails"
            )


def refusal_of(function: str, code: str) -> str:
    """Return what a refused call means for the rights of the token's user."""
    right = "moodle/course:view" if code in NOT_IN_COURSE else RIGHTS.get((function, code))
    advice = f": give the token's user {right}" if right else ""
    return f"Moodle refused {function} ({code}){advice}"

"""Users and courses of Moodle, by the fields that hold their IDs in the connector file."""

from dataclasses import dataclass
from typing import Any, Literal

from include.codebashing_lms.delivery.http.json_api import dicts_in, whole_number
from include.codebashing_lms.delivery.lms_apis.grades import sliced
from include.codebashing_lms.delivery.lms_apis.moodle_client import MoodleClient, MoodleError
from include.codebashing_lms.errors import DeliveryError

UserField = Literal["idnumber", "username", "email", "id"]
CourseField = Literal["idnumber", "shortname", "id"]
USERS = "core_user_get_users_by_field"
COURSES = "core_course_get_courses_by_field"
USERS_AT_ONCE = 100


@dataclass(frozen=True)
class Lookup:
    """Finds the numbers of users and courses."""

    moodle: MoodleClient
    user_field: UserField
    course_field: CourseField

    def users(self, keys: list[str]) -> dict[str, int | str]:
        """Return the users' numbers by user key; where there is not exactly one, the reason instead."""
        numbers_of: dict[str, list[int]] = {key: [] for key in keys}
        for some in sliced(keys, USERS_AT_ONCE):
            values = [(f"values[{index}]", key) for index, key in enumerate(some)]
            for user in dicts_in(self.moodle.must(USERS, [("field", self.user_field), *values])):
                self._add_number(numbers_of, user)
        unknown = f"Moodle has no user with this {self.user_field} whom the token may see"
        several = f"Moodle has several users with this {self.user_field}"
        return {
            key: numbers[0] if len(numbers) == 1 else several if numbers else unknown
            for key, numbers in numbers_of.items()
        }

    def _add_number(self, numbers_of: dict[str, list[int]], user: dict[str, Any]) -> None:
        if self.user_field not in user:
            raise DeliveryError(
                f"{self.moodle.session.address} hides the {self.user_field} of users from the token's user. "
                "Give it the capabilities moodle/user:viewdetails and moodle/user:viewalldetails.",
                not_delivered=True,
            )
        own_key, number = str(user[self.user_field]), whole_number(user.get("id"))
        if number is None:
            raise DeliveryError(
                f"{self.moodle.session.address} shows users without their numbers: is it a Moodle?", not_delivered=True
            )
        any_case = self.user_field in ("username", "email")
        for key, numbers in numbers_of.items():
            if key == own_key or (any_case and key.lower() == own_key.lower()):
                numbers.append(number)

    def course(self, name: str) -> int | str | MoodleError:
        """Return a course's number; where there is not exactly one course, the reason instead."""
        answer = self.moodle.call(COURSES, [("field", self.course_field), ("value", name)])
        if isinstance(answer, MoodleError):
            return answer
        courses = dicts_in(answer.get("courses") if isinstance(answer, dict) else None)
        if len(courses) != 1:
            how_many = "several courses" if courses else "no course"
            return f"Moodle has {how_many} with this {self.course_field} that the token may see"
        number = whole_number(courses[0].get("id"))
        return "Moodle shows the course without its number" if number is None else number

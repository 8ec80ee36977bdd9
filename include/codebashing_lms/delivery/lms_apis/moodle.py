"""Delivery of grades to Moodle over its web services.

Moodle answers 0 also for learners whom it does not know and stores nothing, and cuts a grade that is too
high: so people and courses are looked up first, and what it stored is read back. Storing a grade again is
harmless.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from include.codebashing_lms.config.delivery import HttpDelivery
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.http.client import LmsClient, NoAuth
from include.codebashing_lms.delivery.http.json_api import dicts_in, whole_number
from include.codebashing_lms.delivery.lms_apis.grades import Grade, GradeItem, read_grades, sliced
from include.codebashing_lms.delivery.lms_apis.moodle_client import MoodleClient, MoodleError
from include.codebashing_lms.delivery.lms_apis.moodle_grades import StoredGrade, fields_of, stored_grades
from include.codebashing_lms.delivery.transport import (
    OutboundFile,
    Refusal,
    SendResult,
    not_delivered_on_error,
)
from include.codebashing_lms.errors import DeliveryError

UserField = Literal["idnumber", "username", "email", "id"]
CourseField = Literal["idnumber", "shortname", "id"]
SITE = "core_webservice_get_site_info"
USERS = "core_user_get_users_by_field"
COURSES = "core_course_get_courses_by_field"
GRADES = "core_grades_update_grades"
REPORT = "gradereport_user_get_grade_items"
NEEDED = (SITE, USERS, COURSES, GRADES, REPORT)
PEOPLE_AT_ONCE = 100


@dataclass(frozen=True)
class MoodleTransport:
    """Grades of each activity in batches, between looking people up and reading back what is stored.

    :param user_field: which field of Moodle's users the user keys are; `course_field` likewise of courses.
    :param source: what Moodle's grade history names as the origin.
    """

    delivery: HttpDelivery
    connection: HttpConnection
    user_field: UserField = "idnumber"
    course_field: CourseField = "idnumber"
    source: str = "codebashing"
    batch: int = 100
    result = "stored by Moodle at"

    def address(self, name: str = "") -> str:
        """Return the address of the web services."""
        return self._calls.address

    def send(self, outbound: OutboundFile, resuming: bool) -> SendResult:
        """Store the grades; what Moodle does not know, take or keep as it was sent is a refusal."""
        places = read_grades(outbound.path)
        refusals: list[Refusal] = []
        with self._moodle() as moodle:
            with not_delivered_on_error():
                self._check_functions(moodle)
                people = self._people(
                    moodle, sorted({one.user_key for them in places.values() for one in them})
                )
                courses = {
                    name: self._course(moodle, name) for name in sorted({one.course_id for one in places})
                }
            for place, grades in places.items():
                course = courses[place.course_id]
                if isinstance(course, str):
                    refusals += [Refusal(course, one.row) for one in grades]
                else:
                    refusals += self._grade(moodle, course, place, grades, people)
        return SendResult(refusals=tuple(refusals))

    def check(self) -> str:
        """Ask Moodle which functions the token may call."""
        with self._moodle() as moodle:
            self._check_functions(moodle)
        return f"{self.address()} takes the token and lets it call all functions needed; nothing was written."

    @property
    def _calls(self) -> LmsClient:
        return LmsClient(self.delivery, self.connection)

    @contextmanager
    def _moodle(self) -> Iterator[MoodleClient]:
        calls = self._calls
        with calls.conversation(calls.deadline(), NoAuth()) as conversation:
            yield MoodleClient(conversation)

    def _check_functions(self, moodle: MoodleClient) -> None:
        info = moodle.must(SITE)
        functions = info.get("functions") if isinstance(info, dict) else None
        allowed = [one.get("name") for one in dicts_in(functions)]
        missing = [name for name in NEEDED if name not in allowed]
        if missing:
            raise DeliveryError(
                f"The web service of the token at {self.address()} lacks {', '.join(missing)}. Add them in "
                "Site administration > Server > Web services > External services > Functions."
            )

    def _people(self, moodle: MoodleClient, keys: list[str]) -> dict[str, int | str]:
        """Return the users' numbers by their keys, or why there is none."""
        found: dict[str, list[int]] = {key: [] for key in keys}
        for some in sliced(keys, PEOPLE_AT_ONCE):
            values = [(f"values[{number}]", key) for number, key in enumerate(some)]
            for user in dicts_in(moodle.must(USERS, [("field", self.user_field), *values])):
                self._note(found, user)
        unknown = f"Moodle has no user with this {self.user_field} whom the token may see"
        several = f"Moodle has several users with this {self.user_field}"
        return {
            key: numbers[0] if len(numbers) == 1 else several if numbers else unknown
            for key, numbers in found.items()
        }

    def _note(self, found: dict[str, list[int]], user: dict[str, Any]) -> None:
        if self.user_field not in user:
            raise DeliveryError(
                f"{self.address()} hides the {self.user_field} of users from the token's user. Give it the "
                "capabilities moodle/user:viewdetails and moodle/user:viewalldetails."
            )
        key = str(user[self.user_field])
        lower = self.user_field in ("username", "email")
        number = whole_number(user.get("id"))
        if number is None:
            raise DeliveryError(f"{self.address()} shows users without their numbers: is it a Moodle?")
        for one in [one for one in found if one == key or (lower and one.lower() == key.lower())]:
            found[one].append(number)

    def _course(self, moodle: MoodleClient, name: str) -> int | str:
        """Return a course's number, or why there is none."""
        answer = moodle.call(COURSES, [("field", self.course_field), ("value", name)])
        if isinstance(answer, MoodleError):
            return answer.word
        courses = dicts_in(answer.get("courses") if isinstance(answer, dict) else None)
        if len(courses) != 1:
            number = "several courses" if courses else "no course"
            return f"Moodle has {number} with this {self.course_field} that the token may see"
        found = whole_number(courses[0].get("id"))
        return "Moodle shows the course without its number" if found is None else found

    def _grade(
        self,
        moodle: MoodleClient,
        course: int,
        place: GradeItem,
        grades: list[Grade],
        people: dict[str, int | str],
    ) -> Iterator[Refusal]:
        """Store the grades of an activity; give what was refused."""
        known: list[tuple[int, Grade]] = []
        for one in grades:
            user = people[one.user_key]
            if isinstance(user, str):
                yield Refusal(user, one.row)
            else:
                known.append((user, one))
        taken: list[tuple[int, Grade]] = []
        for batch in sliced(known, self.batch):
            answer = moodle.call(GRADES, fields_of(self.source, course, place, batch))
            if answer == 0 and not isinstance(answer, bool):
                taken += batch
                continue
            word = (
                answer.word
                if isinstance(answer, MoodleError)
                else f"Moodle answered {str(answer)[:20]}, not 0"
            )
            yield from (Refusal(word, one.row) for _, one in batch)
        stored = stored_grades(moodle, course, place, [user for user, _ in taken])
        for user, one in taken:
            word = (stored.get(user) or StoredGrade()).differs_from(one.grade)
            if word:
                yield Refusal(word, one.row)

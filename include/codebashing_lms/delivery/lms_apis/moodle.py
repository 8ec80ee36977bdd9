"""Delivery of grades to Moodle over its web services.

Moodle answers 0 also for learners that it does not know, and stores nothing; it lowers a grade that is too
high. So users and courses are looked up first, and stored grades are read back. To store a grade again does
no harm.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from include.codebashing_lms.config.delivery import HttpDelivery
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.http.client import LmsClient, NoAuth
from include.codebashing_lms.delivery.http.json_api import dicts_in, whole_number
from include.codebashing_lms.delivery.lms_apis.grades import Grade, GradeItem, read_grades, sliced
from include.codebashing_lms.delivery.lms_apis.moodle_client import MoodleClient, MoodleError
from include.codebashing_lms.delivery.lms_apis.moodle_grades import StoredGrade, fields_of, stored_grades
from include.codebashing_lms.delivery.transport import OutboundFile, Refusal, SendResult
from include.codebashing_lms.errors import DeliveryError

UserField = Literal["idnumber", "username", "email", "id"]
CourseField = Literal["idnumber", "shortname", "id"]
SITE_INFO = "core_webservice_get_site_info"
USERS = "core_user_get_users_by_field"
COURSES = "core_course_get_courses_by_field"
GRADES = "core_grades_update_grades"
REPORT = "gradereport_user_get_grade_items"
NEEDED = (SITE_INFO, USERS, COURSES, GRADES, REPORT)
USERS_AT_ONCE = 100


@dataclass(frozen=True)
class MoodleTransport:
    """Looks users and courses up, stores the grades of each activity in batches, and reads them back.

    :param user_field: the field of Moodle's users that holds the user keys.
    :param course_field: the field of Moodle's courses that holds the course IDs.
    :param source: the origin that Moodle's grade history names.
    :param batch: grades of one call at most.
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
        return self._client.address

    def send(self, outbound: OutboundFile, resuming: bool) -> SendResult:
        """Store the grades; a grade that Moodle does not take, or does not keep as sent, is a refusal."""
        by_item = read_grades(outbound.path)
        user_keys = sorted({grade.user_key for grades in by_item.values() for grade in grades})
        refusals: list[Refusal] = []
        with self._client.session(auth=NoAuth()) as session:
            moodle, lookup = MoodleClient(session), MoodleClient(session.before_delivery())
            self._check_functions(lookup)
            users = self._users(lookup, user_keys)
            course_ids = sorted({item.course_id for item in by_item})
            courses = {course_id: self._course(lookup, course_id) for course_id in course_ids}
            for item, grades in by_item.items():
                course = courses[item.course_id]
                if isinstance(course, str):
                    refusals += [Refusal(course, grade.row) for grade in grades]
                else:
                    refusals += self._store(moodle, course, item, grades, users)
        return SendResult(refusals=tuple(refusals))

    def check(self) -> str:
        """Ask Moodle which functions the token may call."""
        with self._client.session(auth=NoAuth()) as session:
            self._check_functions(MoodleClient(session))
        return f"{self.address()} takes the token and lets it call all functions needed; nothing was written."

    @property
    def _client(self) -> LmsClient:
        return LmsClient(self.delivery, self.connection)

    def _check_functions(self, moodle: MoodleClient) -> None:
        info = moodle.must(SITE_INFO)
        functions = info.get("functions") if isinstance(info, dict) else None
        allowed = [function.get("name") for function in dicts_in(functions)]
        missing = [name for name in NEEDED if name not in allowed]
        if missing:
            raise DeliveryError(
                f"The web service of the token at {self.address()} lacks {', '.join(missing)}. Add them in "
                "Site administration > Server > Web services > External services > Functions.",
                not_delivered=True,
            )

    def _users(self, moodle: MoodleClient, keys: list[str]) -> dict[str, int | str]:
        """Return the users' numbers by user key; where there is not exactly one, the reason instead."""
        numbers_of: dict[str, list[int]] = {key: [] for key in keys}
        for some in sliced(keys, USERS_AT_ONCE):
            values = [(f"values[{index}]", key) for index, key in enumerate(some)]
            for user in dicts_in(moodle.must(USERS, [("field", self.user_field), *values])):
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
                f"{self.address()} hides the {self.user_field} of users from the token's user. Give it the "
                "capabilities moodle/user:viewdetails and moodle/user:viewalldetails.",
                not_delivered=True,
            )
        own_key, number = str(user[self.user_field]), whole_number(user.get("id"))
        if number is None:
            raise DeliveryError(
                f"{self.address()} shows users without their numbers: is it a Moodle?", not_delivered=True
            )
        any_case = self.user_field in ("username", "email")
        for key, numbers in numbers_of.items():
            if key == own_key or (any_case and key.lower() == own_key.lower()):
                numbers.append(number)

    def _course(self, moodle: MoodleClient, name: str) -> int | str:
        """Return a course's number; where there is not exactly one course, the reason instead."""
        answer = moodle.call(COURSES, [("field", self.course_field), ("value", name)])
        if isinstance(answer, MoodleError):
            return answer.reason
        courses = dicts_in(answer.get("courses") if isinstance(answer, dict) else None)
        if len(courses) != 1:
            how_many = "several courses" if courses else "no course"
            return f"Moodle has {how_many} with this {self.course_field} that the token may see"
        number = whole_number(courses[0].get("id"))
        return "Moodle shows the course without its number" if number is None else number

    def _store(
        self,
        moodle: MoodleClient,
        course: int,
        item: GradeItem,
        grades: list[Grade],
        users: dict[str, int | str],
    ) -> Iterator[Refusal]:
        """Store the grades of an activity; give the refusals."""
        known: list[tuple[int, Grade]] = []
        for grade in grades:
            user = users[grade.user_key]
            if isinstance(user, str):
                yield Refusal(user, grade.row)
            else:
                known.append((user, grade))
        accepted: list[tuple[int, Grade]] = []
        for batch in sliced(known, self.batch):
            answer = moodle.call(GRADES, fields_of(self.source, course, item, batch))
            if answer == 0 and not isinstance(answer, bool):
                accepted += batch
            else:
                is_error = isinstance(answer, MoodleError)
                reason = answer.reason if is_error else f"Moodle answered {str(answer)[:20]}, not 0"
                yield from (Refusal(reason, grade.row) for _, grade in batch)
        stored = stored_grades(moodle, course, item, [user for user, _ in accepted])
        for user, grade in accepted:
            difference = (stored.get(user) or StoredGrade()).difference_from(grade.grade)
            if difference:
                yield Refusal(difference, grade.row)

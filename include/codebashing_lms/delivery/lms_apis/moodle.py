"""Delivery of grades to Moodle over its web services.

Moodle answers 0 also for learners that it does not know, and stores nothing. It answers 1 where one grade of
a batch is locked, and stores the others. So users, courses and activities are looked up first, and stored
grades are read back: only these decide what was refused. To store a grade again does no harm.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from include.codebashing_lms.config.delivery import HttpDelivery
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.http.client import LmsClient, no_auth
from include.codebashing_lms.delivery.http.json_api import dicts_in, whole_number
from include.codebashing_lms.delivery.lms_apis.grades import Grade, GradeItem, read_grades, sliced
from include.codebashing_lms.delivery.lms_apis.moodle_activities import GRADES, Activities, refusal_of
from include.codebashing_lms.delivery.lms_apis.moodle_client import MoodleClient, MoodleError
from include.codebashing_lms.delivery.lms_apis.moodle_grades import REPORT, StoredGrade, fields_of, stored_grades
from include.codebashing_lms.delivery.lms_apis.moodle_lookup import COURSES, USERS, CourseField, Lookup, UserField
from include.codebashing_lms.delivery.transport import OutboundFile, Refusal, SendResult
from include.codebashing_lms.errors import DeliveryError

SITE_INFO = "core_webservice_get_site_info"
NEEDED = (SITE_INFO, USERS, COURSES, GRADES, REPORT)


@dataclass(frozen=True)
class MoodleTransport:
    """Looks users and courses up, stores the grades of each activity in batches, and reads them back.

    :param user_field: the field of Moodle's users that holds the user keys.
    :param course_field: the field of Moodle's courses that holds the course IDs.
    :param source: the origin that Moodle's grade history names.
    :param batch: grades of one call at most.
    :param points: the maximum that each activity has to have; None: any.
    :param activities: what takes the grades, by the course's name in `lms.course_map`; `check` reads them.
    """

    delivery: HttpDelivery
    connection: HttpConnection
    user_field: UserField = "idnumber"
    course_field: CourseField = "idnumber"
    source: str = "codebashing"
    batch: int = 100
    points: int | None = None
    activities: Mapping[str, GradeItem] = field(default_factory=dict)
    result = "stored by Moodle at"

    def address(self, name: str = "") -> str:
        """Return the address of the web services."""
        return self._client.address

    def send(self, outbound: OutboundFile, resuming: bool) -> SendResult:
        """Store the grades; a grade that Moodle does not take, or does not keep as sent, is a refusal."""
        by_item = read_grades(outbound.path)
        user_keys = sorted({grade.user_key for grades in by_item.values() for grade in grades})
        refusals: list[Refusal] = []
        with self._client.session(auth=no_auth) as session:
            moodle, before = MoodleClient(session), MoodleClient(session.before_delivery())
            activities, lookup = self._activities(before), self._lookup(before)
            users = lookup.users(user_keys)
            course_ids = sorted({item.course_id for item in by_item})
            courses = {course_id: lookup.course(course_id) for course_id in course_ids}
            accepted: list[tuple[int, GradeItem, list[tuple[int, Grade]]]] = []
            for item, grades in by_item.items():
                course = courses[item.course_id]
                if not isinstance(course, int):
                    reason = course.reason if isinstance(course, MoodleError) else course
                    refusals += [Refusal(reason, grade.row) for grade in grades]
                    continue
                found = [(users[grade.user_key], grade) for grade in grades]
                known = [(user, grade) for user, grade in found if isinstance(user, int)]
                refusals += [Refusal(why, grade.row) for why, grade in found if isinstance(why, str)]
                problem = activities.problem(course, item, known[0][0]) if known else ""
                if problem:
                    refusals += [Refusal(problem, grade.row) for _, grade in known]
                else:
                    accepted.append((course, item, known))
            for course, item, known in accepted:
                refusals += self._store(moodle, course, item, known)
        return SendResult(refusals=tuple(sorted(refusals, key=lambda one: one.row or 0)))

    def check(self) -> str:
        """Ask Moodle what the token may do with each mapped activity, and with the learners of a course."""
        with self._client.session(auth=no_auth) as session:
            moodle = MoodleClient(session)
            problems = dict.fromkeys(self._problems(moodle, self._activities(moodle)))
        if problems:
            raise DeliveryError(
                f"{self.address()} takes the token, but: {'; '.join(problems)}. Nothing was written.",
                not_delivered=True,
            )
        mapped = len(self.activities)
        shown = f", and takes grades of the {mapped} mapped activities" if mapped else ""
        return f"{self.address()} takes the token and lets it call all functions needed{shown}; nothing was written."

    def _problems(self, moodle: MoodleClient, activities: Activities) -> Iterator[str]:
        """Give what would keep grades of the mapped activities from being stored; nothing is written."""
        working: list[int] = []
        for slug, item in self.activities.items():
            course = self._lookup(moodle).course(item.course_id)
            if isinstance(course, MoodleError):
                yield refusal_of(COURSES, course.code)
            elif isinstance(course, str):
                yield f"{course}: lms.course_map.{slug}.id"
            elif problem := activities.problem(course, item) or activities.edit_problem(self.source, course, item):
                yield problem
            else:
                working.append(course)
        for course in working[:1]:
            yield from activities.user_problems(course, self.user_field)

    @property
    def _client(self) -> LmsClient:
        return LmsClient(self.delivery, self.connection)

    def _lookup(self, moodle: MoodleClient) -> Lookup:
        return Lookup(moodle, self.user_field, self.course_field)

    def _activities(self, moodle: MoodleClient) -> Activities:
        """Return how to look activities up; raise where the token may not call the functions needed."""
        info = moodle.must(SITE_INFO)
        info = info if isinstance(info, dict) else {}
        allowed = [function.get("name") for function in dicts_in(info.get("functions"))]
        missing = [name for name in NEEDED if name not in allowed]
        if missing:
            raise DeliveryError(
                f"The web service of the token at {self.address()} lacks {', '.join(missing)}. Add them in "
                "Site administration > Server > Web services > External services > Functions.",
                not_delivered=True,
            )
        keys = {item: f"lms.course_map.{slug}.activity_id" for slug, item in self.activities.items()}
        return Activities(moodle, self.points, keys, whole_number(info.get("userid")))

    def _store(
        self, moodle: MoodleClient, course: int, item: GradeItem, grades: list[tuple[int, Grade]]
    ) -> Iterator[Refusal]:
        words: dict[int, str] = {}
        for batch in sliced(grades, self.batch):
            answer = moodle.attempt(GRADES, fields_of(self.source, course, item, batch))
            if answer != 0 or isinstance(answer, bool):
                is_error = isinstance(answer, MoodleError)
                reason = answer.reason if is_error else f"Moodle answered {str(answer)[:20]}, not 0"
                words |= {grade.row: reason for _, grade in batch}
        stored = stored_grades(moodle, course, item, [user for user, _ in grades])
        for user, grade in grades:
            kept = stored.get(user) or StoredGrade()
            if difference := kept.difference_from(grade.grade, words.get(grade.row, "")):
                yield Refusal(difference, grade.row)

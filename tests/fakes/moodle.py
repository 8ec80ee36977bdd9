"""A stand-in for Moodle's web services, after the code of Moodle 4.4.

It answers with status 200 always. It stores no grade of an unknown user, and says nothing. It answers 1 where
one grade of a batch is locked, and stores the others. It makes a nameless grade item where an activity is of
another course. It checks the rights of the token's user in Moodle's order.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes.stand_in import Answer, Request, StandIn, says

TOKEN = "moodle-secret"
FUNCTIONS = [
    "core_webservice_get_site_info", "core_user_get_users_by_field", "core_course_get_courses_by_field",
    "core_grades_update_grades", "gradereport_user_get_grade_items",
]  # fmt: skip
OWN = 3
RIGHTS = {
    "webservice/rest:use", "moodle/course:view", "mod/assign:view", "mod/quiz:view", "moodle/grade:edit",
    "moodle/grade:viewall", "gradereport/user:view", "moodle/user:viewdetails", "moodle/user:viewalldetails",
}  # fmt: skip


@dataclass
class Item:
    """A grade item of an activity."""

    course: int
    module: str = "assign"
    most: float | None = 100.0
    locked: set[int] = field(default_factory=set)
    grades: dict[int, float] = field(default_factory=dict)


def error(code: str, message: str = "It went wrong.") -> Answer:
    return says({"exception": "moodle_exception", "errorcode": code, "message": message})


class Moodle(StandIn):
    def __init__(self) -> None:
        super().__init__()
        self.users: list[dict[str, Any]] = []
        self.courses: list[dict[str, Any]] = []
        self.items: dict[int, Item] = {}
        self.enrolled: set[int] = set()
        self.functions = list(FUNCTIONS)
        self.hides_idnumber = False
        self.report_refused_for: set[int] = set()
        self.rights = set(RIGHTS)
        self.nameless: list[tuple[int, int]] = []
        self.around = b"%s"

    def answer(self, request: Request) -> Answer:
        if request.path != "/webservice/rest/server.php":
            return Answer(404)
        assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        if form.get("wstoken") != TOKEN:
            return error("invalidtoken", f"Invalid token {form.get('wstoken')}")
        if form["wsfunction"] not in self.functions or "webservice/rest:use" not in self.rights:
            return error("accessexception", "Access control exception")
        act: Any = {
            "core_webservice_get_site_info": self._site,
            "core_user_get_users_by_field": self._users,
            "core_course_get_courses_by_field": self._courses,
            "core_grades_update_grades": self._grade,
            "gradereport_user_get_grade_items": self._report,
        }[form["wsfunction"]]
        answer: Answer = act(form)
        return Answer(answer.status, self.around.replace(b"%s", answer.body), answer.headers)

    def called(self, function: str) -> list[Request]:
        return [one for one in self.requests if f"wsfunction={function}".encode() in one.body]

    def _site(self, form: dict[str, str]) -> Answer:
        return says({"sitename": "Moodle", "userid": OWN, "functions": [{"name": name} for name in self.functions]})

    def _users(self, form: dict[str, str]) -> Answer:
        values = {value.lower() for key, value in form.items() if key.startswith("values[")}
        matching = [one for one in self.users if str(one[form["field"]]).lower() in values]
        if self.hides_idnumber:
            matching = [{key: value for key, value in one.items() if key != "idnumber"} for one in matching]
        if "moodle/user:viewalldetails" not in self.rights:
            matching = [{"id": one["id"]} for one in matching if form["field"] == "id"]
        return says(matching if "moodle/user:viewdetails" in self.rights else [])

    def _courses(self, form: dict[str, str]) -> Answer:
        matching = [one for one in self.courses if str(one[form["field"]]) == form["value"]]
        return says({"courses": matching, "warnings": []})

    def _grade(self, form: dict[str, str]) -> Answer:
        item = self.items.get(int(form["activityid"]))
        if item is None or form["component"] != f"mod_{item.module}":
            return error("invalidcoursemodule", f"Invalid course module ID {TOKEN}")
        if "moodle/course:view" not in self.rights:
            return error("errorcoursecontextnotvalid", "You cannot execute functions in the course context")
        grades, at = {}, 0
        while f"grades[{at}][studentid]" in form:
            grades[int(form[f"grades[{at}][studentid]"])] = float(form[f"grades[{at}][grade]"])
            at += 1
        if grades and "moodle/grade:edit" not in self.rights:
            return error("nopermissiontoviewgrades", "No permission to view grades")
        if item.course != int(form["courseid"]) or int(form["itemnumber"]):
            self.nameless.append((int(form["courseid"]), int(form["activityid"])))
            return says(0)
        grades.pop(0, None)
        if not grades:
            return says(1)
        return says(int(not all([self._keep(item, user, grade) for user, grade in grades.items()])))

    def _keep(self, item: Item, user: int, grade: float) -> bool:
        """Store a grade; tell whether it is not locked."""
        known = user in {one["id"] for one in self.users}
        if known and user not in item.locked:
            item.grades[user] = grade if item.most is None else min(item.most, grade)
        return user not in item.locked

    def _report(self, form: dict[str, str]) -> Answer:
        user = int(form.get("userid", 0))
        if "moodle/course:view" not in self.rights:
            return error("requireloginerror", "Course or activity not accessible. (Not enrolled)")
        if "gradereport/user:view" not in self.rights:
            return error("nopermissions", "Sorry, you may not do that (View user grade report)")
        if "moodle/grade:viewall" not in self.rights and not user:
            return error("nopermissions", "Sorry, you may not do that (View grades of other users)")
        if "moodle/grade:viewall" not in self.rights and user != OWN:
            return error("nopermissiontoviewgrades", "No permission to view grades")
        if user in self.report_refused_for:
            return error("notingroup", "Sorry, but you need to be part of a group")
        users = [user] if user else sorted(self.enrolled)
        course = int(form["courseid"])
        return says({"usergrades": [self._of(one, course) for one in users], "warnings": []})

    def _of(self, user: int, course: int) -> dict[str, Any]:
        items: list[dict[str, Any]] = [{"id": 1, "itemtype": "course", "itemmodule": None, "graderaw": 77.0}]
        for number, item in self.items.items():
            if item.course == course and f"mod/{item.module}:view" in self.rights:
                items.append(
                    {
                        "itemtype": "mod",
                        "itemmodule": item.module,
                        "itemnumber": 0,
                        "cmid": number,
                        "graderaw": item.grades.get(user),
                        "grademax": item.most,
                        "gradeislocked": user in item.locked,
                    }
                )
        return {"courseid": course, "userid": user, "gradeitems": items}

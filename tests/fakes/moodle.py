"""A stand-in for Moodle's web services: always status 200, no error for a grade that it does not store."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes.stand_in import Answer, Request, StandIn, says

TOKEN = "moodle-secret"
FUNCTIONS = [
    "core_webservice_get_site_info", "core_user_get_users_by_field", "core_course_get_courses_by_field",
    "core_grades_update_grades", "gradereport_user_get_grade_items",
]  # fmt: skip


@dataclass
class Item:
    """A grade item of an activity."""

    course: int
    module: str = "assign"
    most: float = 100.0
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

    def answer(self, request: Request) -> Answer:
        if request.path != "/webservice/rest/server.php":
            return Answer(404)
        assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        if form.get("wstoken") != TOKEN:
            return error("invalidtoken", f"Invalid token {form.get('wstoken')}")
        if form["wsfunction"] not in self.functions:
            return error("accessexception", "Access control exception")
        act: Any = {
            "core_webservice_get_site_info": self._site,
            "core_user_get_users_by_field": self._users,
            "core_course_get_courses_by_field": self._courses,
            "core_grades_update_grades": self._grade,
            "gradereport_user_get_grade_items": self._report,
        }[form["wsfunction"]]
        answer: Answer = act(form)
        return answer

    def called(self, function: str) -> list[Request]:
        return [one for one in self.requests if f"wsfunction={function}".encode() in one.body]

    def _site(self, form: dict[str, str]) -> Answer:
        return says({"sitename": "Moodle", "functions": [{"name": name} for name in self.functions]})

    def _users(self, form: dict[str, str]) -> Answer:
        values = {value.lower() for key, value in form.items() if key.startswith("values[")}
        matching = [one for one in self.users if str(one[form["field"]]).lower() in values]
        if self.hides_idnumber:
            matching = [{key: value for key, value in one.items() if key != "idnumber"} for one in matching]
        return says(matching)

    def _courses(self, form: dict[str, str]) -> Answer:
        matching = [one for one in self.courses if str(one[form["field"]]) == form["value"]]
        return says({"courses": matching, "warnings": []})

    def _grade(self, form: dict[str, str]) -> Answer:
        item = self.items.get(int(form["activityid"]))
        if item is None or form["component"] != f"mod_{item.module}":
            return error("invalidcoursemodule", f"Invalid course module ID {TOKEN}")
        known = {one["id"] for one in self.users}
        number = 0
        while f"grades[{number}][studentid]" in form:
            user = int(form[f"grades[{number}][studentid]"])
            if user in known and user not in item.locked:
                item.grades[user] = min(item.most, float(form[f"grades[{number}][grade]"]))
            number += 1
        return says(0)

    def _report(self, form: dict[str, str]) -> Answer:
        user = int(form.get("userid", 0))
        if user in self.report_refused_for:
            return error("notingroup", "Sorry, but you need to be part of a group")
        users = [user] if user else sorted(self.enrolled)
        course = int(form["courseid"])
        return says({"usergrades": [self._of(one, course) for one in users], "warnings": []})

    def _of(self, user: int, course: int) -> dict[str, Any]:
        items: list[dict[str, Any]] = [{"id": 1, "itemtype": "course", "itemmodule": None, "graderaw": 77.0}]
        for number, item in self.items.items():
            if item.course == course:
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

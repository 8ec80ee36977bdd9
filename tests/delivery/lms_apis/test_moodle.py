import hashlib
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.lms_apis.grades import Grade, GradeItem
from include.codebashing_lms.delivery.lms_apis.moodle import MoodleTransport
from include.codebashing_lms.delivery.lms_apis.moodle_client import form
from include.codebashing_lms.delivery.lms_apis.moodle_grades import fields_of
from include.codebashing_lms.delivery.transport import Refusal, SendResult
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError
from tests.delivery.lms_apis.outbound_files import delivery, outbound
from tests.fakes.moodle import RIGHTS, TOKEN, Item, Moodle, error
from tests.fakes.stand_in import Answer, Fault, says

GOLDEN = "878564daa227a88f24e2548d218e8a817d288c175ff14648cb68ce363fd74f46"
GRADES = "core_grades_update_grades"
REPORT = "gradereport_user_get_grade_items"
UNKNOWN = "Moodle has no user with this idnumber whom the token may see"
JAVA, NET = ("CB-JAVA", "42"), ("CB-NET", "43")


@pytest.fixture
def moodle():
    with Moodle() as server:
        for number in range(1, 60):
            server.users.append({"id": 100 + number, "idnumber": f"E{number}", "username": f"e{number}", "email": ""})
        server.courses = [{"id": 7, "idnumber": "CB-JAVA", "shortname": "java"}, {"id": 8, "idnumber": "CB-NET"}]
        server.items = {42: Item(7), 43: Item(8, most=10.0)}
        server.enrolled = {100 + number for number in range(1, 50)}
        yield server


def transport_to(moodle, deadline=60, token=TOKEN, **settings):
    endpoint = delivery("/webservice/rest/server.php", deadline=deadline)
    return MoodleTransport(endpoint, HttpConnection(moodle.url, password=token), **settings)


def staged(tmp_path, *rows):
    lines = ["user_key,course_id,component,activity_id,item_number,grade"]
    lines += [f"{user},{course},mod_assign,{activity},0,{grade}" for user, course, activity, grade in rows]
    return outbound(tmp_path / "moodle.csv", "\r\n".join([*lines, ""]).encode())


def test_body_of_a_call_is_the_golden_one():
    item = GradeItem("CB-SECCODE", "42", "mod_assign", "0")
    grades = [(101, Grade(0, "E1001", "100")), (103, Grade(2, "E1003", "62.5"))]
    body = form("TESTTOKEN", GRADES, fields_of("codebashing", 7, item, grades))
    assert len(body) == 281
    assert hashlib.sha256(body).hexdigest() == GOLDEN


def test_grades_are_stored_in_their_activities(moodle, tmp_path):
    rows = [("E1", *JAVA, "100"), ("E2", *NET, "6.25"), ("E3", *JAVA, "0")]
    assert transport_to(moodle).send(staged(tmp_path, *rows), resuming=False) == SendResult()
    assert moodle.items[42].grades == {101: 100.0, 103: 0.0}
    assert moodle.items[43].grades == {102: 6.25}


def test_token_is_in_the_body_only(moodle, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "100")), resuming=False)
    assert {one.query.get("wstoken") for one in moodle.requests} == {None}
    assert {one.headers["Authorization"] for one in moodle.requests} == {None}
    assert TOKEN not in caplog.text


def test_unknown_users_are_refusals(moodle, tmp_path):
    moodle.users.append({"id": 999, "idnumber": "E2", "username": "second", "email": ""})
    rows = [(name, *JAVA, "50") for name in ("E1", "E2", "e3", "E99", "00E1")]
    result = transport_to(moodle).send(staged(tmp_path, *rows), resuming=False)
    assert result.refusals == (
        Refusal("Moodle has several users with this idnumber", 1),
        Refusal(UNKNOWN, 2),
        Refusal(UNKNOWN, 3),
        Refusal(UNKNOWN, 4),
    )
    assert moodle.items[42].grades == {101: 50.0}


def test_user_names_have_no_upper_case(moodle, tmp_path):
    result = transport_to(moodle, user_field="username").send(staged(tmp_path, ("E5", *JAVA, "50")), resuming=False)
    assert result == SendResult()
    assert moodle.items[42].grades == {105: 50.0}


def test_numbers_of_moodles_own(moodle, tmp_path):
    transport = transport_to(moodle, user_field="id", course_field="id")
    result = transport.send(staged(tmp_path, ("105", "7", "42", "50"), ("5", "7", "42", "50")), resuming=False)
    assert [one.row for one in result.refusals] == [1]
    assert moodle.items[42].grades == {105: 50.0}


def test_course_that_moodle_does_not_know(moodle, tmp_path):
    rows = [("E1", "CB-GONE", "42", "50"), ("E1", *JAVA, "50")]
    result = transport_to(moodle).send(staged(tmp_path, *rows), resuming=False)
    assert result.refusals == (Refusal("Moodle has no course with this idnumber that the token may see", 0),)
    assert moodle.items[42].grades


def test_activity_that_moodle_does_not_know(moodle, tmp_path):
    rows = [("E1", "CB-JAVA", "77", "50"), ("E1", *JAVA, "50")]
    result = transport_to(moodle).send(staged(tmp_path, *rows), resuming=False)
    (refusal,) = result.refusals
    assert refusal.row == 0
    assert refusal.reason.startswith("Moodle's course CB-JAVA has no activity 77 (mod_assign) that takes grades")
    assert moodle.items[42].grades == {101: 50.0}


def test_lowered_grade_is_a_refusal(moodle, tmp_path):
    result = transport_to(moodle).send(staged(tmp_path, ("E1", *NET, "62.5")), resuming=False)
    assert result.refusals == (Refusal("Moodle stored 10 instead of 62.5; the most it takes is 10", 0),)


def test_grade_that_is_locked_is_a_refusal(moodle, tmp_path):
    moodle.items[42].grades[101] = 3.0
    moodle.items[42].locked = {101, 102}
    rows = [("E1", *JAVA, "50"), ("E2", *JAVA, "50")]
    result = transport_to(moodle).send(staged(tmp_path, *rows), resuming=False)
    assert result.refusals == (
        Refusal("Moodle stored 3 instead of 50; it was overridden or locked in the gradebook", 0),
        Refusal("Moodle stored no grade; it was overridden or locked in the gradebook", 1),
    )


def test_only_the_grade_of_that_activity_is_read_back(moodle, tmp_path):
    moodle.items[41] = Item(7, grades={101: 50.0})
    moodle.items[42].locked = {101}
    result = transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)
    assert result.refusals == (Refusal("Moodle stored no grade; it was overridden or locked in the gradebook", 0),)
    moodle.items[43] = Item(7, module="quiz", grades={101: 3.0})
    moodle.items[42].locked = set()
    assert transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False) == SendResult()


def test_grade_that_cannot_be_read_back(moodle, tmp_path):
    moodle.report_refused_for = {101}
    result = transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)
    (refusal,) = result.refusals
    assert refusal.reason.startswith("stored, but not to be read back: notingroup")


def of_grades(request):
    return GRADES.encode() in request.body


@pytest.mark.parametrize("answer", [says(1), says(4), says(None), says(False), says([]), says("0")])
def test_answer_other_than_0_is_a_refusal_where_nothing_was_stored(moodle, tmp_path, answer):
    moodle.faults.append(Fault(of_grades, answer=answer))
    (refusal,) = transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False).refusals
    assert refusal.reason.startswith("Moodle answered ")
    assert refusal.reason.endswith(", not 0")


def test_one_locked_grade_refuses_no_other_one_of_its_batch(moodle, tmp_path):
    moodle.items[42].locked = {102, 103}
    moodle.items[42].grades[103] = 3.0
    rows = [(f"E{number}", *JAVA, "50") for number in range(1, 33)]
    result = transport_to(moodle, batch=20).send(staged(tmp_path, *rows), resuming=False)
    assert result.refusals == (
        Refusal("Moodle stored no grade; it was overridden or locked in the gradebook", 1),
        Refusal("Moodle stored 3 instead of 50; it was overridden or locked in the gradebook", 2),
    )
    assert len(moodle.items[42].grades) == 31


PAGE = b"""<!DOCTYPE html><html><head><title>Error</title><style>a {b: 0}</style></head><body>
<script>
var M = {"a": 1};
</script><div class="alert">Error writing to&nbsp;database</div></body></html>
"""
ERROR = error("dbfull", "<p>Error <b>writing</b></p> to database")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (ERROR, "dbfull: Error writing to database"),
        (Answer(200, b"<br />\n<b>Notice</b>: x on line <b>7</b><br />\n" + ERROR.body), "dbfull: Error writing"),
        (Answer(200, PAGE), "no JSON: Error Error writing to database"),
        (Answer(200, b"Error writing to database"), "no JSON: Error writing to database"),
        (Answer(200, b""), "no JSON:"),
    ],
)
@pytest.mark.parametrize("stored", [True, False])
def test_what_moodle_stored_decides_whatever_it_says(moodle, tmp_path, answer, reason, stored):
    if stored:
        moodle.items[42].grades = {101: 50.0, 102: 60.0}
    answer = Answer(answer.status, answer.body, {"Content-Type": "text/html"})
    moodle.faults.append(Fault(of_grades, answer=answer))
    rows = [("E1", *JAVA, "50"), ("E2", *JAVA, "60")]
    result = transport_to(moodle).send(staged(tmp_path, *rows), resuming=False)
    assert [one.row for one in result.refusals] == ([] if stored else [0, 1])
    assert {one.reason[: len(reason)] for one in result.refusals} <= {reason}


NOTICES = [
    b"<br />\n<b>Notice</b>:  Undefined index: x in <b>/var/www/a.php</b> on line <b>5</b><br />\n%s",
    b'\nWarning: Undefined array key {"a": [1]} in /var/www/a.php on line 12\n%s\n',
    b"\xef\xbb\xbf%s",
    b'<div class="notifytiny debuggingmessage">Incorrect grade array index\n[1]</div>%s',
]


@pytest.mark.parametrize("around", NOTICES)
def test_notices_before_the_json_are_passed_over(moodle, tmp_path, around):
    moodle.around = around
    moodle.items[42].locked = {102}
    rows = [("E1", *JAVA, "50"), ("E2", *JAVA, "60"), ("E99", *JAVA, "60")]
    result = transport_to(moodle).send(staged(tmp_path, *rows), resuming=False)
    assert [one.row for one in result.refusals] == [1, 2]
    assert moodle.items[42].grades == {101: 50.0}


@pytest.mark.parametrize("around", NOTICES)
def test_refused_token_is_no_success_after_a_notice(moodle, tmp_path, around):
    refused = error("invalidtoken", "Invalid token")
    answer = Answer(200, around.replace(b"%s", refused.body))
    moodle.faults.append(Fault(of_grades, answer=answer))
    with pytest.raises(DeliveryError, match="refused the token"):
        transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)


ACTIVITIES = {"java": GradeItem("CB-JAVA", "42", "mod_assign", "0")}


@pytest.mark.parametrize(
    ("row", "items"),
    [
        ("CB-JAVA,mod_assign,43,0", {}),
        ("CB-JAVA,mod_quiz,42,0", {}),
        ("CB-JAVA,mod_assign,42,1", {}),
        ("CB-JAVA,mod_assign,77,0", {}),
        ("CB-JAVA,mod_assign,44,0", {44: Item(8)}),
    ],
)
def test_activity_that_is_not_of_the_course_gets_no_grade(moodle, tmp_path, row, items):
    moodle.items |= items
    course, component, activity, number = row.split(",")
    lines = ["user_key,course_id,component,activity_id,item_number,grade"]
    lines += [f"E1,{row},50", "E2,CB-JAVA,mod_assign,42,0,50", f"E3,{row},60", f"E99,{row},60"]
    file = outbound(tmp_path / "moodle.csv", "\r\n".join([*lines, ""]).encode())
    activities = {"safe": GradeItem(course, activity, component, number)}
    result = transport_to(moodle, activities=activities, points=100).send(file, resuming=False)
    assert [one.row for one in result.refusals] == [0, 2, 3]
    assert "correct lms.course_map.safe.activity_id, or give the token's user mod/" in result.refusals[0].reason
    assert result.refusals[2].reason == UNKNOWN
    assert moodle.items[42].grades == {102: 50.0}
    assert not moodle.nameless
    assert not moodle.items[43].grades


@pytest.mark.parametrize(
    ("most", "points", "words"),
    [
        (10.0, 100, "the activity 42 has the maximum 10 in Moodle, and lms.options.points is 100"),
        (100.0, 10, "the activity 42 has the maximum 100 in Moodle, and lms.options.points is 10"),
        (99.5, 100, "maximum 99.5"),
        (None, 100, "no maximum of the activity 42"),
    ],
)
def test_activity_with_another_maximum_gets_no_grade(moodle, tmp_path, most, points, words):
    moodle.items[42].most = most
    moodle.items[44] = Item(7, most=float(points))
    rows = [("E1", *JAVA, "5"), ("E2", "CB-JAVA", "44", "5"), ("E3", *JAVA, "5")]
    transport = transport_to(moodle, points=points, activities=ACTIVITIES)
    result = transport.send(staged(tmp_path, *rows), resuming=False)
    assert [one.row for one in result.refusals] == [0, 2]
    assert {words in one.reason for one in result.refusals} == {True}
    assert not moodle.items[42].grades
    assert moodle.items[44].grades == {102: 5.0}
    with pytest.raises(DeliveryError, match=words):
        transport.check()


def test_activities_are_looked_up_before_anything_is_written(moodle, tmp_path):
    rows = [("E1", *JAVA, "50"), ("E2", *NET, "5")]
    transport_to(moodle).send(staged(tmp_path, *rows), resuming=False)
    functions = [one.form["wsfunction"] for one in moodle.requests]
    assert functions[-6:] == [REPORT, REPORT, GRADES, REPORT, GRADES, REPORT]


@pytest.mark.parametrize("right", sorted(RIGHTS - {"mod/quiz:view"}))
def test_trying_the_connection_names_a_missing_right(moodle, right):
    moodle.rights.remove(right)
    with pytest.raises(DeliveryError, match=right) as failure:
        transport_to(moodle, activities=ACTIVITIES, points=100).check()
    named = {one for one in RIGHTS if one in str(failure.value)}
    assert named == {right}
    assert not moodle.nameless
    assert not moodle.items[42].grades


def test_missing_right_to_edit_grades_refuses_the_rows(moodle, tmp_path):
    moodle.rights.remove("moodle/grade:edit")
    (refusal,) = transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False).refusals
    assert refusal.reason == "nopermissiontoviewgrades: No permission to view grades"


def test_trying_the_connection_finds_all_that_is_wrong_with_activities(moodle):
    activities = {
        "java": GradeItem("CB-JAVA", "42", "mod_assign", "0"),
        "gone": GradeItem("CB-GONE", "42", "mod_assign", "0"),
        "net": GradeItem("CB-NET", "42", "mod_assign", "0"),
        "small": GradeItem("CB-NET", "43", "mod_assign", "0"),
    }
    with pytest.raises(DeliveryError) as failure:
        transport_to(moodle, activities=activities, points=100).check()
    for words in (
        "lms.course_map.gone.id",
        "lms.course_map.net.activity_id",
        "the activity 43 has the maximum 10 in Moodle, and lms.options.points is 100",
    ):
        assert words in str(failure.value)
    assert "java" not in str(failure.value)
    assert not moodle.nameless


def test_many_are_read_back_by_course_and_who_is_not_enrolled_alone(moodle, tmp_path):
    rows = [(f"E{number}", *JAVA, str(number)) for number in range(1, 60)]
    assert transport_to(moodle, batch=20).send(staged(tmp_path, *rows), resuming=False) == SendResult()
    assert len(moodle.called(GRADES)) == 3
    assert len(moodle.called(REPORT)) == 1 + 1 + 10
    assert len(moodle.items[42].grades) == 59


@pytest.mark.parametrize("function", [GRADES, REPORT, "core_user_get_users_by_field"])
@pytest.mark.parametrize(
    "fault", [{"lose": True}, {"cut": True}, {"answer": Answer(503)}, {"answer": error("sitemaintenance")}]
)
def test_lost_answers_end_with_the_same_grades(moodle, tmp_path, function, fault):
    moodle.faults.append(Fault(lambda request: function.encode() in request.body, **fault))
    assert transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False) == SendResult()
    assert moodle.items[42].grades == {101: 50.0}


def test_wrong_token_is_no_success_although_the_status_is_200(moodle, tmp_path):
    with pytest.raises(DeliveryError, match=r"refused the token of the connection lms_http") as failure:
        transport_to(moodle, token="other-secret").send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)
    assert failure.value.not_delivered
    assert "other-secret" not in str(failure.value)


def test_missing_functions_are_named_before_anything_is_written(moodle, tmp_path):
    moodle.functions.remove(REPORT)
    with pytest.raises(DeliveryError, match=f"lacks {REPORT}. Add them in Site administration"):
        transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)
    assert not moodle.called(GRADES)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (error("accessexception"), "does not let the token call this"),
        (error("nopermissions"), r"refused core_webservice_get_site_info \(nopermissions\)"),
        (error("<b>Ada</b>"), r"\(unknown\)"),
        (says({"error": "Web service is not available", "errorcode": "enablewsdescription"}), "must be on"),
        (Answer(404), "delivery.endpoint"),
        (Answer(200, b"<html>"), "no JSON"),
    ],
)
def test_answers_about_the_whole_connection(moodle, tmp_path, answer, message):
    moodle.faults.append(Fault(answer=answer))
    with pytest.raises(DeliveryError, match=message):
        transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)


def test_moodle_that_stays_away(moodle, tmp_path):
    moodle.faults += [Fault(answer=error("sitemaintenance"))] * 4
    with pytest.raises(DeliveryUnavailableError, match="sitemaintenance"):
        transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)


def test_token_that_may_not_see_the_key(moodle, tmp_path):
    moodle.hides_idnumber = True
    with pytest.raises(DeliveryError, match="hides the idnumber of users"):
        transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)
    assert not moodle.called(GRADES)


def test_trying_the_connection_writes_nothing(moodle):
    assert "lets it call all functions needed; nothing was written" in transport_to(moodle).check()
    assert len(moodle.requests) == 1
    sentence = transport_to(moodle, activities=ACTIVITIES, points=100).check()
    assert "takes grades of the 1 mapped activities; nothing was written" in sentence
    assert not moodle.nameless
    assert not moodle.items[42].grades


percents = st.integers(0, 10_000).map(lambda number: f"{number / 100:g}")
people = st.lists(st.tuples(st.integers(1, 70), percents), max_size=70, unique_by=lambda one: one[0])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people, st.integers(1, 30))
def test_moodle_ends_with_every_grade_of_known_users(moodle, tmp_path, rows, batch):
    moodle.items[42].grades.clear()
    file = staged(tmp_path, *[(f"E{number}", *JAVA, percent) for number, percent in rows])
    result = transport_to(moodle, batch=batch).send(file, resuming=False)
    known = {100 + number: float(percent) for number, percent in rows if number < 60}
    assert moodle.items[42].grades == known
    assert [one.row for one in result.refusals] == [row for row, one in enumerate(rows) if one[0] >= 60]

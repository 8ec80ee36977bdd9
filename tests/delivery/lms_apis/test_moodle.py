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
from tests.fakes.moodle import TOKEN, Item, Moodle, error
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
            server.users.append(
                {"id": 100 + number, "idnumber": f"E{number}", "username": f"e{number}", "email": ""}
            )
        server.courses = [
            {"id": 7, "idnumber": "CB-JAVA", "shortname": "java"},
            {"id": 8, "idnumber": "CB-NET"},
        ]
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
    result = transport_to(moodle, user_field="username").send(
        staged(tmp_path, ("E5", *JAVA, "50")), resuming=False
    )
    assert result == SendResult()
    assert moodle.items[42].grades == {105: 50.0}


def test_numbers_of_moodles_own(moodle, tmp_path):
    transport = transport_to(moodle, user_field="id", course_field="id")
    result = transport.send(
        staged(tmp_path, ("105", "7", "42", "50"), ("5", "7", "42", "50")), resuming=False
    )
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
    assert result.refusals == (Refusal("invalidcoursemodule: Invalid course module ID ***", 0),)


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
        Refusal("Moodle said that it stored the grade, but shows none", 1),
    )


def test_only_the_grade_of_that_activity_is_read_back(moodle, tmp_path):
    moodle.items[41] = Item(7, grades={101: 50.0})
    moodle.items[42].locked = {101}
    result = transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)
    assert result.refusals == (Refusal("Moodle said that it stored the grade, but shows none", 0),)
    moodle.items[43] = Item(7, module="quiz", grades={101: 3.0})
    moodle.items[42].locked = set()
    assert transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False) == SendResult()


def test_grade_that_cannot_be_read_back(moodle, tmp_path):
    moodle.report_refused_for = {101}
    result = transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)
    (refusal,) = result.refusals
    assert refusal.reason.startswith("stored, but not to be read back: notingroup")


def test_answer_other_than_0_is_a_refusal(moodle, tmp_path):
    moodle.faults.append(Fault(lambda request: GRADES.encode() in request.body, answer=says(1)))
    # The fault waits at the head of the queue until the call it is meant for comes.
    result = transport_to(moodle).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)
    assert result.refusals == (Refusal("Moodle answered 1, not 0", 0),)


def test_many_are_read_back_by_course_and_who_is_not_enrolled_alone(moodle, tmp_path):
    rows = [(f"E{number}", *JAVA, str(number)) for number in range(1, 60)]
    assert transport_to(moodle, batch=20).send(staged(tmp_path, *rows), resuming=False) == SendResult()
    assert len(moodle.called(GRADES)) == 3
    assert len(moodle.called(REPORT)) == 1 + 10
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

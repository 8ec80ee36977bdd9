import pytest

from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.lms_apis.canvas import CanvasTransport
from include.codebashing_lms.delivery.transport import JobStatus, Refusal, SendResult, SupportsJobs
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError, StagingError, UnknownJobError
from tests.delivery.lms_apis.outbound_files import delivery, outbound
from tests.fakes.canvas import TOKEN, Assignment, Canvas
from tests.fakes.stand_in import Answer, Fault, says

JAVA, NET = ("7", "42"), ("sis_course_id:.NET 1/2", "43")
UNKNOWN = "Canvas knows no such user among the students of the course"


@pytest.fixture
def canvas():
    with Canvas() as server:
        for item in (JAVA, NET):
            server.assignments[item] = Assignment({f"sis_user_id:E{number}" for number in range(1, 10)})
        yield server


def transport_to(canvas, deadline=60, token=TOKEN, **settings):
    return CanvasTransport(
        delivery("/api/v1", deadline=deadline), HttpConnection(canvas.url, password=token), **settings
    )


def staged(tmp_path, *rows):
    lines = ["user_key,course_id,activity_id,grade", *(",".join(row) for row in rows)]
    return outbound(tmp_path / "canvas.csv", "\r\n".join([*lines, ""]).encode())


def finish(transport, job):
    polls = 0
    while (end := transport.job_status(job)).state == "working":
        polls += 1
    return polls, end


def test_grades_go_to_each_assignment_and_their_jobs_are_polled(canvas, tmp_path):
    transport = transport_to(canvas)
    assert isinstance(transport, SupportsJobs)
    result = transport.send(staged(tmp_path, ("E1", *JAVA, "100%"), ("E2", *NET, "62.5%"), ("E3", *JAVA, "0")), False)
    assert canvas.assignments[JAVA].grades == {"sis_user_id:E1": "100%", "sis_user_id:E3": "0"}
    assert canvas.assignments[NET].grades == {"sis_user_id:E2": "62.5%"}
    polls, end = finish(transport, result.job)
    assert polls >= 2
    assert end == JobStatus("done", (), "Canvas worked the grades in.")


def test_users_that_canvas_does_not_know_are_refusals_and_the_others_are_graded(canvas, tmp_path):
    transport = transport_to(canvas)
    rows = [(name, *JAVA, "50") for name in ("E1", "O'Neill, Ada", "E2", "E77")]
    result = transport.send(staged(tmp_path, *[(f'"{row[0]}"', *row[1:]) for row in rows]), resuming=False)
    end = finish(transport, result.job)[1]
    assert end.state == "done"
    assert end.refusals == (Refusal(UNKNOWN, None, "O'Neill, Ada", "7"), Refusal(UNKNOWN, None, "E77", "7"))
    assert sorted(canvas.assignments[JAVA].grades) == ["sis_user_id:E1", "sis_user_id:E2"]


def test_assignment_that_is_not_published_is_a_refusal_of_its_course(canvas, tmp_path):
    canvas.assignments[JAVA].published = False
    transport = transport_to(canvas)
    result = transport.send(staged(tmp_path, ("E1", *JAVA, "50"), ("E1", *NET, "50")), resuming=False)
    (refusal,) = finish(transport, result.job)[1].refusals
    assert refusal.course_id == "7"
    assert refusal.reason.startswith("Some assignments are either not published or deleted")
    assert canvas.assignments[NET].grades


def test_course_or_assignment_that_is_not_there(canvas, tmp_path):
    transport = transport_to(canvas)
    result = transport.send(staged(tmp_path, ("E1", "8", "42", "50"), ("E2", *JAVA, "50")), resuming=False)
    assert result.refusals == (Refusal("404: The specified resource does not exist.", 0),)
    assert canvas.assignments[JAVA].grades


def test_token_without_the_right_to_grade_a_course(canvas, tmp_path):
    canvas.may_grade = False
    result = transport_to(canvas).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)
    assert result == SendResult(refusals=(Refusal("401: user not authorized", 0),))


def test_unknown_token(canvas, tmp_path):
    with pytest.raises(DeliveryError, match="refused the login of the connection lms_http") as failure:
        transport_to(canvas, token="other-secret").send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)
    assert "other-secret" not in str(failure.value)


def test_users_by_canvas_id(canvas, tmp_path):
    canvas.assignments[JAVA].students = {"101"}
    transport_to(canvas, user_ids="canvas").send(staged(tmp_path, ("101", *JAVA, "50")), resuming=False)
    assert canvas.assignments[JAVA].grades == {"101": "50"}


def test_large_assignments_go_in_batches(canvas, tmp_path):
    rows = [(f"E{number}", *JAVA, "50") for number in range(1, 10)]
    transport = transport_to(canvas, batch=4)
    result = transport.send(staged(tmp_path, *rows), resuming=False)
    assert len(canvas.sent("POST", "update_grades")) == 3
    assert len(canvas.assignments[JAVA].grades) == 9
    assert finish(transport, result.job)[1].state == "done"


@pytest.mark.parametrize("fault", [Fault(lose=True), Fault(cut=True), Fault(answer=Answer(502))])
def test_lost_answer_ends_with_the_same_grades(canvas, tmp_path, fault):
    canvas.faults.append(fault)
    transport = transport_to(canvas)
    result = transport.send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)
    assert canvas.assignments[JAVA].grades == {"sis_user_id:E1": "50"}
    assert finish(transport, result.job)[1].state == "done"


THROTTLED = [
    Answer(403, body, headers)
    for body in (
        b"403 Forbidden (Rate Limit Exceeded)\n",
        b'{"errors":[{"message":"Rate Limit Exceeded"}]}',
        b"<html><body>403 Forbidden (RATE LIMIT EXCEEDED)</body></html>",
    )
    for headers in ({}, *({"X-Rate-Limit-Remaining": left} for left in ("0.0", "-3", "112.7", "700", "none")))
]


@pytest.mark.parametrize("throttled", THROTTLED)
def test_too_many_requests_are_403_at_canvas(canvas, tmp_path, throttled):
    canvas.faults.append(Fault(answer=throttled))
    transport = transport_to(canvas, targets=(JAVA,))
    result = transport.send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)
    assert not result.refusals
    assert canvas.assignments[JAVA].grades == {"sis_user_id:E1": "50"}
    canvas.faults.append(Fault(answer=throttled))
    assert finish(transport, result.job)[1] == JobStatus("done", (), "Canvas worked the grades in.")
    canvas.faults.append(Fault(answer=throttled))
    assert "shows the 1 mapped assignments" in transport.check()


@pytest.mark.parametrize("throttled", THROTTLED[3::5])
@pytest.mark.parametrize("step", ["send", "job_status", "check"])
def test_canvas_that_has_too_many_requests_for_long_is_asked_later(canvas, tmp_path, throttled, step):
    transport = transport_to(canvas, targets=(JAVA,))
    job = transport.send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False).job
    canvas.faults += [Fault(answer=throttled)] * 4
    calls = {
        "send": lambda: transport.send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=True),
        "job_status": lambda: transport.job_status(job),
        "check": transport.check,
    }
    with pytest.raises(DeliveryUnavailableError) as failure:
        calls[step]()
    assert "right" not in str(failure.value)


def test_403_for_another_reason_is_a_refusal_of_the_course(canvas, tmp_path):
    left = {"X-Rate-Limit-Remaining": "650.2"}
    canvas.faults.append(Fault(answer=Answer(403, b'{"errors":[{"message":"user not authorized"}]}', left)))
    result = transport_to(canvas).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)
    assert result.refusals == (Refusal("403: user not authorized", 0),)
    job = transport_to(canvas).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False).job
    canvas.faults.append(Fault(answer=Answer(403, b'{"errors":[{"message":"user not authorized"}]}', left)))
    with pytest.raises(DeliveryError, match="lacks the right") as failure:
        transport_to(canvas).job_status(job)
    assert not isinstance(failure.value, DeliveryUnavailableError)


def test_progress_that_is_gone(canvas):
    with pytest.raises(UnknownJobError):
        transport_to(canvas).job_status('[["99", "7"]]')


def test_progress_that_fails_without_a_message(canvas, tmp_path):
    transport = transport_to(canvas)
    result = transport.send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)
    canvas.jobs[1].state = "failed"
    assert finish(transport, result.job)[1].refusals == (
        Refusal("Canvas says that it failed, and not why.", course_id="7"),
    )


def test_trying_the_connection_grades_nothing(canvas):
    assert "says whose it is; nothing was graded" in transport_to(canvas).check()
    assert "shows the 2 mapped assignments" in transport_to(canvas, targets=(JAVA, NET)).check()
    assert {one.method for one in canvas.requests} == {"GET"}
    with pytest.raises(DeliveryError, match=r"did not show courses/8/assignments/1 \(status 404"):
        transport_to(canvas, targets=(("8", "1"),)).check()


def test_answer_that_is_not_canvas(canvas, tmp_path):
    canvas.faults.append(Fault(answer=says({"ok": True})))
    with pytest.raises(DeliveryError, match="without a Progress"):
        transport_to(canvas).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)


def test_canvas_that_stays_away(canvas, tmp_path):
    canvas.faults += [Fault(answer=Answer(503))] * 4
    with pytest.raises(DeliveryUnavailableError):
        transport_to(canvas).send(staged(tmp_path, ("E1", *JAVA, "50")), resuming=False)


def test_file_of_another_profile(canvas, tmp_path):
    with pytest.raises(StagingError, match="no column user_key, course_id, activity_id, grade"):
        transport_to(canvas).send(outbound(tmp_path / "x.csv", b"employee_id\r\n1\r\n"), resuming=False)

import io
import uuid
import zipfile

import pytest

from include.codebashing_lms.delivery.lms_apis import oracle_hdl
from include.codebashing_lms.delivery.lms_apis.oracle_data_sets import interpret
from include.codebashing_lms.delivery.lms_apis.oracle_hdl import OracleHdlTransport
from include.codebashing_lms.delivery.transport import JobStatus, Refusal, SendResult, SupportsJobs
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError
from tests.delivery.lms_apis.outbound_files import basic, delivery, outbound
from tests.fakes.lrs import PASSWORD
from tests.fakes.oracle import BASE, SETS, Oracle
from tests.fakes.stand_in import Answer, Fault, says

HEADER = "METADATA|LearningRecord|LearningRecordNumber|LearnerNumber|LearningRecordStatus|LearningRecordComments"


@pytest.fixture
def oracle(monkeypatch):
    monkeypatch.setattr(oracle_hdl, "SECONDS_BETWEEN_POLLS", 0.01)
    with Oracle() as server:
        yield server


def transport_to(oracle, deadline=60):
    return OracleHdlTransport(delivery(BASE, deadline=deadline), basic(oracle.url))


def staged(tmp_path, *learners):
    lines = [f"MERGE|LearningRecord|CB-{one}|{one}|ORA_ASSN_REC_COMPLETE|100\\|all" for one in learners]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("LearningRecord.dat", "\n".join([HEADER, *lines]) + "\n")
    return outbound(tmp_path / "CBLearningRecord20250317.zip", file.getvalue())


def poll_until_done(transport, job):
    states = []
    while (status := transport.job_status(job)).state == "working":
        states.append(status.state)
    return len(states), status


def creations(oracle):
    return oracle.sent("POST", "createFileDataSet")


def test_file_is_uploaded_and_loaded_once(oracle, tmp_path):
    transport, file = transport_to(oracle), staged(tmp_path, "E1", "E2")
    result = transport.send(file, resuming=False)
    assert result == SendResult(job="9766657")
    assert list(oracle.files.values()) == [file.path.read_bytes()]
    assert sorted(oracle.records) == ["CB-E1", "CB-E2"]
    assert isinstance(transport, SupportsJobs)


def test_it_is_worked_on_until_it_is_done(oracle, tmp_path):
    transport = transport_to(oracle)
    polls, end = poll_until_done(transport, transport.send(staged(tmp_path, "E1"), resuming=False).job)
    assert polls == 3  # not to be seen yet, unprocessed, in progress
    assert end == JobStatus("done", (), "Oracle finished the data set 9766657; lines refused: 0.")


def test_refused_lines_are_rows_with_oracles_reason(oracle, tmp_path):
    oracle.strangers, oracle.page = {"E2", "E4"}, 1
    transport = transport_to(oracle)
    job = transport.send(staged(tmp_path, "E1", "E2", "E3", "E4"), resuming=False).job
    _, end = poll_until_done(transport, job)
    reason = "You need to enter a valid value for the LearnerNumber attribute: {} *** ."
    assert end.state == "done"
    assert end.refusals == (Refusal(reason.format("E2"), 1), Refusal(reason.format("E4"), 3))
    assert sorted(oracle.records) == ["CB-E1", "CB-E3"]


def test_all_lines_refused_is_an_end_too(oracle, tmp_path):
    oracle.strangers = {"E1", "E2"}
    transport = transport_to(oracle)
    _, end = poll_until_done(transport, transport.send(staged(tmp_path, "E1", "E2"), resuming=False).job)
    assert (end.state, [one.row for one in end.refusals]) == ("done", [0, 1])


def test_errors_that_name_no_line_need_a_person(oracle, tmp_path):
    oracle.strangers, oracle.hide_messages = {"E1"}, True
    transport = transport_to(oracle)
    _, end = poll_until_done(transport, transport.send(staged(tmp_path, "E1", "E2"), resuming=False).job)
    assert end.state == "failed"
    assert "lines in error: 1, named: 0" in end.sentence
    assert "Data Exchange" in end.sentence


def test_data_set_that_somebody_stopped(oracle, tmp_path):
    oracle.stopped = True
    transport = transport_to(oracle)
    _, end = poll_until_done(transport, transport.send(staged(tmp_path, "E1"), resuming=False).job)
    assert end.state == "failed"
    assert "stopped the data set 9766657" in end.sentence


def test_lost_answer_to_the_upload_is_harmless(oracle, tmp_path):
    oracle.faults.append(Fault(lose=True))
    transport_to(oracle).send(staged(tmp_path, "E1"), resuming=False)
    assert len(oracle.files) == 2
    assert len(oracle.sets) == 1


def is_creation(request):
    return request.path.endswith("createFileDataSet")


@pytest.mark.parametrize("fault", [Fault(is_creation, lose=True), Fault(is_creation, cut=True)])
def test_lost_answer_to_the_loading_makes_no_second_data_set(oracle, tmp_path, fault):
    oracle.faults += [Fault(lambda request: request.path.endswith("uploadFile"), answer=None), fault]
    result = transport_to(oracle).send(staged(tmp_path, "E1"), resuming=False)
    assert result == SendResult(job="9766657")
    assert len(creations(oracle)) == 1


def test_loading_that_surely_did_not_begin_is_left_to_a_later_try(oracle, tmp_path):
    oracle.faults += [Fault(), Fault(answer=Answer(429, b"", {"Retry-After": "7"}))]
    with pytest.raises(DeliveryUnavailableError) as failure:
        transport_to(oracle).send(staged(tmp_path, "E1"), resuming=False)
    assert failure.value.not_delivered
    assert failure.value.retry_after == 7
    assert [one.method for one in oracle.requests] == ["POST", "POST"]


def test_loading_of_which_nothing_is_known_is_said_to_be_so(oracle, tmp_path):
    oracle.faults += [Fault(), Fault(answer=Answer(503))]
    transport, file = transport_to(oracle), staged(tmp_path, "E1")
    with pytest.raises(DeliveryUnavailableError) as failure:
        transport.send(file, resuming=False)
    assert not failure.value.not_delivered
    assert transport.find_job(file.idempotency_key) is None


def test_killed_attempt_is_found_again(oracle, tmp_path):
    transport, file = transport_to(oracle), staged(tmp_path, "E1")
    transport.send(file, resuming=False)
    oracle.sets[9766657].polls = 9
    assert transport.send(file, resuming=True) == SendResult(sent=False, job="9766657")
    assert transport.find_job(file.idempotency_key) == "9766657"
    assert transport.find_job(str(uuid.uuid4())) is None
    assert len(creations(oracle)) == 1


def test_refused_upload_took_nothing(oracle, tmp_path):
    file = staged(tmp_path, "E1")
    bad = outbound(tmp_path / "CB_Learning.zip", file.path.read_bytes())
    with pytest.raises(DeliveryError, match=r"did not do uploadFile \(status 400") as failure:
        transport_to(oracle).send(bad, resuming=False)
    assert failure.value.not_delivered
    assert "letters" not in str(failure.value)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(401), "refused the login of the connection lms_http"),
        (Answer(403), "role hierarchies"),
        (Answer(404), "delivery.endpoint"),
        (says({"result": {}}), "answered without ContentId"),
        (says([]), "answered without ContentId"),
    ],
)
def test_answers_about_the_whole_connection(oracle, tmp_path, answer, message):
    oracle.faults.append(Fault(answer=answer))
    with pytest.raises(DeliveryError, match=message) as failure:
        transport_to(oracle).send(staged(tmp_path, "E1"), resuming=False)
    assert failure.value.not_delivered
    assert PASSWORD not in str(failure.value)


def test_trying_the_connection_writes_nothing(oracle):
    assert "shows its data sets" in transport_to(oracle).check()
    assert [(one.method, one.path) for one in oracle.requests] == [("GET", SETS)]
    oracle.faults.append(Fault(answer=Answer(403)))
    with pytest.raises(DeliveryError, match="did not list data sets"):
        transport_to(oracle).check()


@pytest.mark.parametrize("code", ["ORA_IN_ERROR", "ORA_SUCCESS"])
def test_more_errors_than_lines_named_is_never_done(code):
    data_set = {"DataSetStatusCode": code, "ObjectLoadErrorCount": "3", "ObjectSuccessCount": 9}
    messages = [{"FileLine": "5", "MessageText": "no", "MessageTypeCode": "ERROR"}] * 3
    assert interpret("1", data_set, messages, []).state == "failed"
    assert interpret("1", data_set | {"ObjectLoadErrorCount": 1}, messages, []).state == "done"


@pytest.mark.parametrize("line", [0, 1, None, "one"])
def test_error_about_no_row_is_no_refusal_of_one(line):
    data_set = {"DataSetStatusCode": "ORA_IN_ERROR", "FileLineImportErrorCount": 1, "ObjectSuccessCount": 0}
    end = interpret("1", data_set, [{"FileLine": line, "MessageText": "unknown attribute"}], [])
    assert (end.state, end.refusals) == ("failed", ())

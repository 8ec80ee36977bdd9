import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.lms_apis.xapi import XapiTransport, batches
from include.codebashing_lms.delivery.lms_apis.xapi_store import DIFFERENT, NOT_SHOWN, comparable
from include.codebashing_lms.delivery.transport import Refusal, SendResult, SupportsPickup
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError
from tests.delivery.lms_apis.outbound_files import basic, delivery, statement, statements
from tests.fakes.lrs import PASSWORD, Lrs
from tests.fakes.stand_in import Answer, Fault, says

MANY = [f"E{number:04d}" for number in range(40)]
POST = "/xapi/statements"


def is_post(request):
    return request.method == "POST"


@pytest.fixture(params=["adl", "ralph"])
def lrs(request):
    with Lrs(request.param) as server:
        yield server


def transport_to(lrs, connection=None, deadline=60, **settings):
    return XapiTransport(delivery("/xapi", deadline=deadline), connection or basic(lrs.url), **settings)


def send(lrs, tmp_path, *them, resuming=False, **settings):
    return transport_to(lrs, **settings).send(statements(tmp_path, *them), resuming)


def people(names, percent=100):
    return [statement(name, percent) for name in names]


def test_statements_are_stored_in_batches_with_the_version_on_every_request(lrs, tmp_path):
    assert send(lrs, tmp_path, *people(MANY), batch=15, version="2.0.0") == SendResult()
    assert lrs.names == MANY
    assert [len(json.loads(one.body)) for one in lrs.sent("POST", POST)] == [15, 15, 10]
    assert {one.headers["X-Experience-API-Version"] for one in lrs.requests} == {"2.0.0"}
    assert {one.headers["Content-Type"] for one in lrs.requests} == {"application/json"}


def test_batches_end_before_they_grow_too_long(lrs, tmp_path):
    one = len(json.dumps(statement("E0000"), separators=(",", ":")))
    send(lrs, tmp_path, *people(MANY[:5]), batch_bytes=2 * one + 10)
    assert [len(json.loads(one.body)) for one in lrs.sent("POST", POST)] == [2, 2, 1]


def test_what_is_sent_is_byte_for_byte_what_is_staged(lrs, tmp_path):
    staged = statements(tmp_path, *people(MANY))
    transport_to(lrs).send(staged, resuming=False)
    assert lrs.sent("POST", POST)[0].body == staged.path.read_bytes()


def test_token_instead_of_login(lrs, tmp_path):
    connection = HttpConnection(lrs.url, password=PASSWORD)
    transport_to(lrs, connection).send(statements(tmp_path, *people(MANY)), resuming=False)
    assert lrs.names == MANY


def test_everything_again_stores_nothing_twice_and_says_who_sent_it(lrs, tmp_path):
    send(lrs, tmp_path, *people(MANY))
    before = dict(lrs.stored)
    assert send(lrs, tmp_path, *people(MANY), resuming=True) == SendResult(sent=False)
    assert lrs.stored == before


def test_old_and_new_in_one_batch(lrs, tmp_path):
    send(lrs, tmp_path, *people(MANY[:7]))
    assert send(lrs, tmp_path, *people(MANY)) == SendResult()
    assert sorted(lrs.names) == MANY


def test_answer_that_was_lost_leaves_exactly_the_right_statements(lrs, tmp_path):
    lrs.faults += [Fault(lose=True), Fault(cut=True)]
    assert send(lrs, tmp_path, *people(MANY), batch=25) == SendResult()
    assert lrs.names == MANY


def test_changed_percentage_is_another_statement(lrs, tmp_path):
    send(lrs, tmp_path, statement("E1", 62))
    assert send(lrs, tmp_path, statement("E1", 70)) == SendResult()
    assert len(lrs.stored) == 2


def test_same_id_with_other_content_is_a_refusal(lrs, tmp_path):
    send(lrs, tmp_path, *people(MANY[:3]))
    other = statement(MANY[1])
    lrs.stored[other["id"]]["result"] = {"completion": False}
    result = send(lrs, tmp_path, *people(MANY))
    assert result.refusals == (Refusal(DIFFERENT, 1),)
    assert sorted(lrs.names) == MANY


LATER = "2025-04-02T00:00:00.000Z"


def test_statement_of_ours_with_another_time_is_accepted_and_stays(lrs, tmp_path):
    first = [statement(name, 62) for name in MANY[:7]]
    send(lrs, tmp_path, *first)
    before = dict(lrs.stored)
    again = [statement(name, 62, LATER) for name in MANY]
    again[1]["object"]["definition"]["name"] = {"en-US": "Another title"}
    assert send(lrs, tmp_path, *again, batch=10) == SendResult()
    assert sorted(lrs.names) == MANY
    assert {id_: one for id_, one in lrs.stored.items() if id_ in before} == before


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("actor", {"account": {"homePage": "https://hr.example.com", "name": "E9"}}),
        ("actor", {"account": {"homePage": "https://other.example.com", "name": MANY[1]}}),
        ("verb", {"id": "http://adlnet.gov/expapi/verbs/completed"}),
        ("object", {"id": "https://lms.example.com/courses/OTHER"}),
        ("result", {"completion": True}),
        ("result", {"completion": False}),
    ],
)
def test_statement_of_another_is_a_conflict_and_stays(lrs, tmp_path, part, value):
    send(lrs, tmp_path, *people(MANY[:3], 62))
    id_ = statement(MANY[1], 62)["id"]
    lrs.stored[id_][part] = value
    other = dict(lrs.stored[id_])
    result = send(lrs, tmp_path, *[statement(name, 62, LATER) for name in MANY])
    assert result.refusals == (Refusal(DIFFERENT, 1),)
    assert lrs.stored[id_] == other
    assert len(lrs.stored) == len(MANY)


def test_id_that_a_store_does_not_show_is_a_refusal(tmp_path):
    with Lrs("adl") as lrs:
        send(lrs, tmp_path, *people(MANY[:3]))
        lrs.voided = {statement(MANY[2])["id"]}
        result = send(lrs, tmp_path, *people(MANY[:8]))
        assert result.refusals == (Refusal(NOT_SHOWN, 2),)
        assert lrs.names == MANY[:8]


def test_bad_statements_are_found_and_the_others_stored(lrs, tmp_path):
    lrs.refused_names = {MANY[0], MANY[17], MANY[39]}
    result = send(lrs, tmp_path, *people(MANY), batch=20)
    assert [one.row for one in result.refusals] == [0, 17, 39]
    assert sorted(lrs.names) == sorted(set(MANY) - lrs.refused_names)


def test_reason_is_one_line_of_the_stores_text_without_our_secret(lrs, tmp_path):
    lrs.refused_names = {MANY[1]}
    refusal = send(lrs, tmp_path, *people(MANY)).refusals[0]
    status = 422 if lrs.manner == "ralph" else 400
    assert refusal.reason == f"{status}: this store does not like E0001 *** nor this"


def test_store_that_breaks_at_a_bad_statement(lrs, tmp_path):
    lrs.breaks_at = {MANY[20]}
    result = send(lrs, tmp_path, *people(MANY))
    assert [one.row for one in result.refusals] == [20]
    assert len(lrs.names) == 39


def test_bad_statements_far_apart_are_no_illness(lrs, tmp_path):
    lrs.breaks_at = {MANY[number] for number in (5, 15, 25, 35)}
    result = send(lrs, tmp_path, *people(MANY))
    assert [one.row for one in result.refusals] == [5, 15, 25, 35]


def test_store_that_breaks_at_everything_is_ill(lrs, tmp_path):
    send(lrs, tmp_path, *people(MANY[:4]))
    lrs.breaks_at = set(MANY[4:])
    with pytest.raises(DeliveryUnavailableError, match="not able to take the file now \\(status 500"):
        send(lrs, tmp_path, *people(MANY), batch=4, deadline=3)


def test_store_that_takes_what_it_likes_of_a_batch(tmp_path):
    with Lrs("ralph") as lrs:
        lrs.partial = True
        lrs.refused_names = {MANY[3]}
        result = send(lrs, tmp_path, *people(MANY))
        assert [one.row for one in result.refusals] == [3]
        assert sorted(lrs.names) == sorted(set(MANY) - {MANY[3]})


def test_smaller_batches_where_one_is_too_large(lrs, tmp_path):
    lrs.largest = 3000
    assert send(lrs, tmp_path, *people(MANY)) == SendResult()
    assert lrs.names == MANY


def test_statement_that_is_too_large_alone(lrs, tmp_path):
    lrs.largest = 1000
    long = statement("E9" * 400)
    result = send(lrs, tmp_path, statement("E1"), long, statement("E2"))
    assert [one.row for one in result.refusals] == [1]
    assert result.refusals[0].reason.startswith("status 413")
    assert lrs.names == ["E1", "E2"]


def test_store_that_refuses_everyone_stops_the_delivery(lrs, tmp_path):
    lrs.refused_names = set(MANY)
    with pytest.raises(DeliveryError, match="took none of the first 25 statements") as failure:
        send(lrs, tmp_path, *people(MANY))
    assert failure.value.not_delivered
    assert len(lrs.requests) < 70


@pytest.mark.parametrize("status", [429, 503])
def test_busy_store_is_asked_again_when_it_says(lrs, tmp_path, status):
    lrs.faults.append(Fault(answer=Answer(status, b"", {"Retry-After": "2"})))
    assert send(lrs, tmp_path, *people(MANY)) == SendResult()
    assert lrs.names == MANY


def test_store_that_asks_for_more_time_than_there_is(lrs, tmp_path):
    lrs.faults.append(Fault(answer=Answer(429, b"", {"Retry-After": "3600"})))
    with pytest.raises(DeliveryUnavailableError) as failure:
        send(lrs, tmp_path, *people(MANY))
    assert failure.value.retry_after == 3600


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (says({"detail": "no"}, 401), "refused the login of the connection lms_http"),
        (says({"detail": "no"}, 403), "lacks the right"),
        (says({"detail": "no"}, 404), "delivery.endpoint"),
        (Answer(302, b"", {"Location": "https://elsewhere.example.com/x"}), "elsewhere.example.com"),
        (Answer(200, b"<html>Sign in</html>", {"Content-Type": "text/html"}), "is no JSON"),
    ],
)
def test_answers_that_are_about_the_whole_connection(lrs, tmp_path, answer, message):
    lrs.faults.append(Fault(answer=answer))
    with pytest.raises(DeliveryError, match=message) as failure:
        send(lrs, tmp_path, *people(MANY))
    assert not isinstance(failure.value, DeliveryUnavailableError)
    assert PASSWORD not in str(failure.value)
    assert len(lrs.requests) == 1


def test_trying_the_connection_writes_nothing(lrs):
    sentence = transport_to(lrs).check()
    assert sentence.startswith(f"{lrs.url}/xapi/statements takes the login and xAPI 1.0.3")
    assert ("it speaks 1.0.0" in sentence) is (lrs.manner == "adl")
    assert {one.method for one in lrs.requests} == {"GET"}


def test_trying_the_connection_finds_a_version_that_is_not_spoken():
    with Lrs("adl") as lrs, pytest.raises(DeliveryError, match="1.0.3, not 2.0.0: correct lms.options.version"):
        transport_to(lrs, version="2.0.0").check()


def test_trying_the_connection_finds_a_login_that_may_not_read(lrs):
    lrs.may_read = False
    with pytest.raises(DeliveryError, match="lacks the right"):
        transport_to(lrs).check()


def test_address_of_a_store_that_has_no_files_to_look_for(lrs):
    transport = transport_to(lrs)
    assert transport.address("x.json") == f"{lrs.url}/xapi/statements"
    assert not isinstance(transport, SupportsPickup)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    manner=st.sampled_from(["adl", "ralph"]),
    known=st.sets(st.sampled_from(MANY[:12])),
    refused=st.sets(st.sampled_from(MANY[:12]), max_size=5),
    batch=st.integers(1, 15),
    lost=st.booleans(),
)
def test_whatever_it_has_and_refuses_the_store_ends_with_the_rest(tmp_path, manner, known, refused, batch, lost):
    with Lrs(manner) as lrs:
        if known:
            send(lrs, tmp_path, *people(sorted(known)))
        lrs.refused_names = refused - known
        if lost:
            lrs.faults.append(Fault(is_post, lose=True))
        result = send(lrs, tmp_path, *people(MANY[:12]), batch=batch)
        assert [MANY[one.row] for one in result.refusals] == sorted(refused - known)
        assert sorted(lrs.names) == sorted(set(MANY[:12]) - (refused - known))


def test_essence_is_what_a_store_may_not_change():
    one = statement("E1", 62)
    kept = json.loads(json.dumps(one))
    kept |= {"stored": "2026-01-01T00:00:00Z", "authority": {}, "timestamp": "2025-03-14T10:26:53.000400000+01:00"}
    kept["object"]["definition"]["name"] = {"de": "Anders"}
    kept["actor"]["name"] = "Ada"
    kept["id"] = kept["id"].upper()
    assert comparable(kept) == comparable(one)
    other = statement("E2", 100, "2025-03-15T09:26:53Z")
    other["object"]["id"] = "https://lms.example.com/courses/OTHER"
    assert comparable(kept | {"timestamp": other["timestamp"]}) == comparable(one)
    for part in ("actor", "verb", "object", "result"):
        assert comparable(kept | {part: other[part]}) != comparable(one), part


def test_long_files_are_read_in_pieces(tmp_path):
    staged = statements(tmp_path, *people([f"E{number}" for number in range(9000)]))
    found = list(batches(staged.path, 500, 1 << 20))
    assert staged.bytes > 4 << 20
    assert [one.row for batch in found for one in batch] == list(range(9000))
    assert b"[" + b",".join(one.raw for batch in found for one in batch) + b"]" == staged.path.read_bytes()

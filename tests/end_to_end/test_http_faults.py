"""After any fault on the way to an import endpoint that honours idempotency keys, a file is imported once."""

import pytest

from demo.lms import Answer, Lms
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError
from tests.delivery.connections import lms_connection
from tests.delivery.test_http import says
from tests.end_to_end.checks import agreed, spread, through
from tests.fakes.proxy import Fault, Proxy
from tests.fakes.recorder import recording

AT_ONCE = 1  # a deadline too short for load's own tries: every try is one of Airflow's


def import_at(**settings):
    return {"method": "http", "conn_id": "lms_http", "endpoint": "/import", **settings}


def connection_behind(proxy, lms):
    return HttpConnection(f"http://127.0.0.1:{proxy.port}", password=lms.token)


def survives(fault, run, **settings):
    """Deliver through a fault; return what came of each try, and the LMS."""
    with Lms() as lms, Proxy(int(lms.url.rpartition(":")[2]), fault) as proxy:
        delivery = import_at(**({"deadline": AT_ONCE} | settings))
        results = through(lambda: run.load(delivery, connection_behind(proxy, lms)))
        assert len(lms.imports) == 1, fault
        assert len({arrival.key for arrival in lms.arrivals}) == 1
    agreed(run, lms.imports[0])
    return results, lms


@pytest.fixture
def traffic(lms, new_run):
    """How many bytes an undisturbed delivery takes."""
    with Proxy(int(lms.url.rpartition(":")[2])) as proxy:
        new_run().load(import_at(), connection_behind(proxy, lms))
    return proxy.traffic[0]


@pytest.mark.parametrize("upload", ["multipart", "raw"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_cut_while_the_file_is_sent(how, upload, traffic, new_run):
    for offset in spread(traffic.up - 500, 3):
        results, lms = survives(Fault(up=offset, how=how), new_run(), upload=upload)
        assert [result.retryable for result in results[:-1]] == [True]
        assert len(lms.arrivals) == 1


@pytest.mark.parametrize("how", ["close", "reset"])
def test_lost_answer(how, new_run):
    """The LMS took the file at the first try, and says so again at the second."""
    for offset in (0, 5, len("HTTP/1.1 20")):
        results, lms = survives(Fault(down=offset, how=how), new_run())
        assert [result.retryable for result in results[:-1]] == [True]
        assert len(lms.arrivals) == 2


def test_lost_answer_within_one_try(new_run):
    results, lms = survives(Fault(down=0), new_run(), deadline=60)
    assert [result["outcome"] for result in results] == ["delivered"]
    assert len(lms.arrivals) == 2


@pytest.mark.slow
@pytest.mark.parametrize("upload", ["multipart", "raw"])
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_cut_anywhere(direction, how, upload, traffic, new_run):
    for offset in spread(getattr(traffic, direction), 20):
        survives(Fault(**{direction: offset}, how=how), new_run(), upload=upload)


@pytest.mark.parametrize("fault", [Fault(up=30_000, how="stall"), Fault(down=0, how="stall")])
def test_stall_is_ended_by_the_deadline(fault, new_run):
    results, _ = survives(fault, new_run())
    assert [str(result).partition(" ")[0] for result in results[:-1]] == ["delivery.deadline"]


@pytest.mark.parametrize("how", ["close", "reset"])
def test_cut_answer_that_rules_need(how, traffic, new_run):
    """An answer that ends within its headers looks like one without a body."""
    for offset in spread(traffic.down, 4):
        fault = Fault(down=offset, how=how)
        results, _ = survives(fault, new_run(), success={"json": {"status": "ok"}})
        assert [result.retryable for result in results[:-1]] == [True], offset


def test_first_connection_refused(lms, new_run):
    run = new_run()
    with Proxy(int(lms.url.rpartition(":")[2]), listening=False) as proxy:
        connection = connection_behind(proxy, lms)
        with pytest.raises(DeliveryUnavailableError, match="There is no connection"):
            run.load(import_at(deadline=AT_ONCE), connection)
        proxy.listen()
        run.load(import_at(), connection)
    [content] = lms.imports
    agreed(run, content)


OTHER_HOST = Answer(307, b"", {"Location": "https://elsewhere.example.com/import"})
REFUSALS = [
    pytest.param(Answer(500, b"jane.doe@example.com"), id="500"),
    pytest.param(Answer(429, b"", {"Retry-After": "3600"}), id="429"),
    pytest.param(Answer(401, b""), id="wrong token"),
    pytest.param(Answer(413, b""), id="too large"),
    pytest.param(OTHER_HOST, id="redirect"),
    pytest.param(says({"status": "error", "message": "jane.doe@example.com"}), id="200 with an error"),
]


@pytest.mark.parametrize("answer", REFUSALS)
def test_refusal_and_then_the_next_try(answer, lms, new_run, caplog):
    run = new_run()
    delivery = import_at(deadline=AT_ONCE, success={"json": {"status": "ok"}})
    lms.next_answers.append(answer)
    with pytest.raises(DeliveryError) as caught:
        run.load(delivery, lms_connection(lms))
    assert lms.imports == []
    run.load(delivery, lms_connection(lms))
    [content] = lms.imports
    agreed(run, content)
    assert "jane" not in str(caught.value) + caplog.text


def test_redirect_gets_no_credentials(new_run, lms):
    run = new_run()
    with recording() as other, recording(Answer(307, b"", {"Location": f"{other.url}/import"})) as server:
        with pytest.raises(DeliveryError, match="redirects"):
            run.load(import_at(), HttpConnection(server.url, password=lms.token))
        assert other.requests == []
    run.load(import_at(), lms_connection(lms))
    agreed(run, lms.imports[0])

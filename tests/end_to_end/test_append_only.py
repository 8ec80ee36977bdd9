"""An LMS that adds whatever it is sent: nothing is sent twice, and a person is asked only if need be."""

import pytest

from demo.lms import Answer
from demo.sftp import SftpServer
from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.errors import ConnectorError, DeliveryError, DeliveryUnavailableError
from tests.delivery.connections import lms_connection, sftp_connection
from tests.fakes.broken_sftp import Full, LosesAnswer, ReadOnly
from tests.fakes.proxy import Fault, Proxy
from tests.load.staged_run import NAME, learner, stage

COMPLETIONS = {"options": {"emits": "completion"}}
BEFORE = [learner("1", "java", 1, 4)]
DONE = [learner("1", "java", 4, 4, "2026-11-20"), learner("2", "java", 4, 4, "2026-11-21")]
ASKS = "Whether the LMS took .* is not known"
IMPORT = {"method": "http", "conn_id": "lms_http", "endpoint": "/import"}


@pytest.fixture
def completions(tmp_path):
    """Return how to deliver two completions; nobody had completed anything before."""

    def _start(delivery, connection=None):
        root = tmp_path / "staging"
        started = stage(root, BEFORE, day=20, run_id="first", lms=COMPLETIONS)
        assert started.load(delivery, connection, lms=COMPLETIONS)["outcome"] == "nothing_to_send"
        staged = stage(root, DONE, lms=COMPLETIONS)
        return staged, lambda connection=connection: staged.load(delivery, connection, lms=COMPLETIONS)

    return _start


def port_of(lms):
    return int(lms.url.rpartition(":")[2])


@pytest.mark.parametrize("fault", [Fault(down=0), Fault(up=500), Fault(down=0, how="reset")])
def test_a_file_whose_answer_is_lost_is_not_sent_again(fault, lms, completions):
    with Proxy(port_of(lms), fault) as proxy:
        connection = HttpConnection(f"http://127.0.0.1:{proxy.port}", password=lms.token)
        staged, load = completions(IMPORT, connection)
        with pytest.raises(DeliveryUnavailableError):
            load()
        for _ in range(2):
            with pytest.raises(DeliveryError, match=ASKS) as caught:
                load()
            assert not caught.value.retryable
        assert len(proxy.traffic) == 1
    assert staged.receipt["state"] == "sending"


@pytest.mark.parametrize("status", [500, 503, 400, 422])
def test_an_error_that_may_come_after_a_part_was_taken(status, lms, completions):
    lms.next_answers.append(Answer(status, b""))
    _, load = completions(IMPORT, lms_connection(lms))
    with pytest.raises(DeliveryError):
        load()
    with pytest.raises(DeliveryError, match=ASKS):
        load()
    assert len(lms.arrivals) == 1


@pytest.mark.parametrize("status", [302, 401, 403, 404, 413])
def test_a_refusal_needs_no_person_afterwards(status, lms, completions):
    lms.next_answers.append(Answer(status, b""))
    staged, load = completions(IMPORT, lms_connection(lms))
    with pytest.raises(DeliveryError):
        load()
    assert staged.receipt["state"] == "not_delivered"
    assert load()["outcome"] == "delivered"
    assert len(lms.imports) == 1


def test_what_was_not_even_read_is_tried_again_at_once(lms, completions):
    lms.next_answers.append(Answer(429, b""))
    _, load = completions(IMPORT, lms_connection(lms))
    assert load()["outcome"] == "delivered"
    assert len(lms.imports) == 1


def test_a_connection_that_was_never_there(lms, completions):
    with Proxy(port_of(lms), listening=False) as proxy:
        connection = HttpConnection(f"http://127.0.0.1:{proxy.port}", password=lms.token)
        _, load = completions(IMPORT | {"deadline": 1}, connection)
        with pytest.raises(DeliveryUnavailableError):
            load()
        with pytest.raises(ConnectorError):
            load(HttpConnection(connection.base_url, password="no token"))
        proxy.listen()
        assert load()["outcome"] == "delivered"
    assert len(lms.imports) == 1


def drop_at(directory="/"):
    return {"method": "sftp", "conn_id": "lms_sftp", "directory": directory}


@pytest.mark.parametrize("files", [Full, ReadOnly])
def test_a_file_that_never_got_its_name(files, completions, drop, monkeypatch):
    monkeypatch.setattr("tests.end_to_end.test_append_only.DONE", [
        learner(str(number), "java", 4, 4, "2026-11-20") for number in range(2000)
    ])  # fmt: skip
    with SftpServer(drop, files=files) as server:
        staged, load = completions(drop_at(), sftp_connection(server))
        with pytest.raises(DeliveryError):
            load()
        with pytest.raises(DeliveryError, match="refused the login"):
            load(sftp_connection(server, password="wrong"))
    assert staged.receipt["state"] == "not_delivered"
    with SftpServer(drop) as server:
        assert load(sftp_connection(server))["outcome"] == "delivered"
    assert [path.name for path in drop.iterdir()] == [NAME]


@pytest.mark.parametrize("picked_up", [True, False])
def test_a_file_that_may_have_got_its_name(picked_up, completions, drop):
    """What lies there is ours, what is gone the LMS may have fetched."""
    with SftpServer(drop, files=LosesAnswer) as server:
        _, load = completions(drop_at(), sftp_connection(server))
        with pytest.raises(DeliveryUnavailableError):
            load()
    if picked_up:
        (drop / NAME).unlink()
    with SftpServer(drop) as server:
        if picked_up:
            with pytest.raises(DeliveryError, match=ASKS):
                load(sftp_connection(server))
        else:
            assert "by an earlier try" in load(sftp_connection(server))["sentence"]


def test_a_folder_that_is_made_later(completions, drop):
    drop.rmdir()
    staged, load = completions({"method": "folder", "directory": str(drop)})
    with pytest.raises(DeliveryError):
        load()
    assert staged.receipt["state"] == "not_delivered"
    drop.mkdir()
    assert load()["outcome"] == "delivered"

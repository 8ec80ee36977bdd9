"""After any fault on the way to an SFTP server, the next attempt ends with the one right file."""

import dataclasses
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from demo.sftp import SftpServer
from include.codebashing_lms.connections.model import SftpConnection
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError
from tests.delivery.connections import sftp_connection
from tests.end_to_end.checks import agreed, spread, through
from tests.fakes.broken_sftp import Full, LosesAnswer, NoRemove, NoRename, ReadOnly, WriteOnly
from tests.fakes.openssh import PRIVILEGE_SEPARATION, SSHD
from tests.fakes.proftpd import MISSING, is_installed, proftpd
from tests.fakes.proxy import Fault, Proxy, Traffic
from tests.load.staged_run import NAME

LATE = 2000  # bytes before the end of the traffic: the size, the rename and its answer, the good-bye


@dataclass(frozen=True)
class Door:
    """An SFTP server, and our directory on it."""

    connection: SftpConnection
    drop: Path
    directory: str

    def delivery(self, **settings: Any) -> dict[str, Any]:
        return {"method": "sftp", "conn_id": "lms_sftp", "directory": self.directory, **settings}

    def by(self, proxy: Proxy) -> SftpConnection:
        """Return the connection through a proxy; a bare host key is pinned for any port."""
        return dataclasses.replace(self.connection, port=proxy.port)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.drop.iterdir())

    def survives(self, fault: Fault, run: Any, **settings: Any) -> list[Any]:
        """Deliver through a fault and once more without; return what came of each try."""
        for path in self.drop.iterdir():
            path.unlink()
        with Proxy(self.connection.port, fault) as proxy:
            connection = self.by(proxy)
            results = through(lambda: run.load(self.delivery(**settings), connection))
        assert self.names() == [NAME], fault
        agreed(run, (self.drop / NAME).read_bytes())
        return results


@pytest.fixture(params=["asyncssh", "openssh", "proftpd"])
def door(request: pytest.FixtureRequest, drop: Path, tmp_path: Path) -> Iterator[Door]:
    if request.param == "asyncssh":
        with SftpServer(drop) as server:
            yield Door(sftp_connection(server), drop, "/")
        return
    if request.param == "proftpd":
        if not is_installed():
            pytest.skip(MISSING)
        with proftpd(tmp_path, drop) as connection:
            yield Door(connection, drop, str(drop))
        return
    if SSHD is None or (os.geteuid() == 0 and not PRIVILEGE_SEPARATION.is_dir()):
        pytest.skip("OpenSSH's sshd is not installed, or lacks its folder /run/sshd")
    yield Door(request.getfixturevalue("sshd"), drop, str(drop))


@pytest.fixture
def traffic(door, new_run) -> Traffic:
    """How many bytes an undisturbed delivery takes."""
    with Proxy(door.connection.port) as proxy:
        new_run().load(door.delivery(), door.by(proxy))
    return proxy.traffic[0]


def failures(results: list[Any]) -> int:
    return sum(isinstance(result, DeliveryError) for result in results)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_cut(direction, traffic, door, new_run):
    offsets = spread(getattr(traffic, direction), 3)
    failed = [failures(door.survives(Fault(**{direction: offset}), new_run())) for offset in offsets]
    assert failed[:-1] == [1] * (len(offsets) - 1)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_cut_anywhere(direction, how, traffic, door, new_run):
    offsets = spread(getattr(traffic, direction), 20)
    failed = [failures(door.survives(Fault(**{direction: at}, how=how), new_run())) for at in offsets]
    assert sum(failed) >= len(offsets) - 2


@pytest.mark.slow
def test_cut_in_the_last_words(traffic, door, new_run):
    """The answer to the rename is among them: the file has its name, and the client does not know."""
    last = [
        door.survives(Fault(down=at), new_run())[-1]["sentence"] for at in range(traffic.down - 700, traffic.down, 35)
    ]
    assert any("by an earlier try" in sentence for sentence in last)
    assert any("by an earlier try" not in sentence for sentence in last)


@pytest.mark.parametrize("share", [0.4, 0.9], ids=["opening", "upload"])
def test_stall(share, traffic, door, new_run):
    at = int(traffic.up * share) if share > 0.5 else None
    down = None if at else traffic.down - LATE
    with Proxy(door.connection.port, Fault(up=at, down=down, how="stall")) as proxy:
        run = new_run()
        for path in door.drop.iterdir():
            path.unlink()
        with pytest.raises(DeliveryUnavailableError, match="delivery.deadline ended"):
            run.load(door.delivery(deadline=2), door.by(proxy))
        run.load(door.delivery(), door.by(proxy))
    assert door.names() == [NAME]
    agreed(run, (door.drop / NAME).read_bytes())


def test_first_connection_refused(door, new_run):
    run = new_run()
    with Proxy(door.connection.port, listening=False) as proxy:
        with pytest.raises(DeliveryUnavailableError, match=r"No connection .*Connection refused"):
            run.load(door.delivery(), door.by(proxy))
        proxy.listen()
        run.load(door.delivery(), door.by(proxy))
    assert door.names() == [NAME]
    agreed(run, (door.drop / NAME).read_bytes())


class Slow(asyncssh.SFTPServer):
    """Takes its time for the first piece."""

    waited = False

    def write(self, file_obj, offset, data):
        if not Slow.waited:
            Slow.waited = True
            time.sleep(1)
        return super().write(file_obj, offset, data)


def test_idle_connection_is_closed(new_run, drop, monkeypatch):
    monkeypatch.setattr(Slow, "waited", False)
    with SftpServer(drop, files=Slow) as server:
        door = Door(sftp_connection(server), drop, "/")
        [lost, done] = door.survives(Fault(idle=0.6), new_run())
    assert lost.retryable
    assert done["outcome"] == "delivered"


@pytest.mark.parametrize("files", [Full, ReadOnly, NoRename])
def test_refusal_that_is_put_right(files, new_run, drop):
    """Until it is, the file on the server stays as it was."""
    run = new_run()
    (drop / NAME).write_bytes(b"older")
    with SftpServer(drop, files=files) as server:
        door = Door(sftp_connection(server), drop, "/")
        for _ in range(2):
            with pytest.raises(DeliveryError):
                run.load(door.delivery(), door.connection)
            assert {path.name: path.read_bytes() for path in drop.iterdir()} == {NAME: b"older"}
    with SftpServer(drop) as server:
        run.load(door.delivery(), sftp_connection(server))
    assert door.names() == [NAME]
    agreed(run, (drop / NAME).read_bytes())


def test_leftover_that_may_not_be_removed_is_written_over(new_run, drop):
    run = new_run()
    (drop / f".{NAME}.part").write_bytes(b"x" * 200_000)
    with SftpServer(drop, files=NoRemove) as server:
        door = Door(sftp_connection(server), drop, "/")
        run.load(door.delivery(), door.connection)
    assert door.names() == [NAME]
    agreed(run, (drop / NAME).read_bytes())


def test_lost_answer_of_a_letter_box(new_run, drop):
    """The client cannot see whether the file there is ours, so it replaces the file with the same one."""
    run = new_run()
    with SftpServer(drop, files=LosesAnswer) as server, pytest.raises(DeliveryUnavailableError):
        run.load(Door(sftp_connection(server), drop, "/").delivery(), sftp_connection(server))
    assert run.receipt["state"] == "sending"
    with SftpServer(drop, files=WriteOnly) as server:
        door = Door(sftp_connection(server), drop, "/")
        assert run.load(door.delivery(), door.connection)["outcome"] == "delivered"
    assert door.names() == [NAME]
    agreed(run, (drop / NAME).read_bytes())


@pytest.mark.skipif(not is_installed(), reason=MISSING)
def test_server_that_lets_nothing_be_written_over(new_run, drop, tmp_path):
    (drop / NAME).write_bytes(b"older")
    (drop / f".{NAME}.part").write_bytes(b"half")
    with proftpd(tmp_path, drop, overwrite=False) as connection:
        door, run = Door(connection, drop, str(drop)), new_run()
        run.load(door.delivery(), connection)
    assert door.names() == [NAME]
    agreed(run, (drop / NAME).read_bytes())

import time

import asyncssh
import pytest
from msgspec import convert

from demo.sftp import SftpServer
from include.codebashing_lms.config.delivery import SftpDelivery
from include.codebashing_lms.delivery.sftp import SftpTransport
from include.codebashing_lms.errors import ConnectorError, DeliveryError, DeliveryUnavailableError
from tests.delivery.connections import sftp_connection
from tests.delivery.outbound_file import outbound
from tests.fakes.silent_server import silent_server
from tests.load.staged_run import CSV, MANY, NAME, stage


def drop_on(directory="/", **settings):
    return {"method": "sftp", "conn_id": "lms_sftp", "directory": directory, **settings}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("directory", ["/", ".", "/in", "in"])
def test_file_arrives_whole_and_nothing_else(staged, sftp, drop, directory):
    (drop / "in").mkdir()
    outcome = staged.load(drop_on(directory), sftp_connection(sftp))
    landed = drop / directory.strip("/.")
    assert (landed / NAME).read_bytes() == CSV
    assert [path.name for path in landed.iterdir() if path.is_file()] == [NAME]
    home = "" if directory.startswith("/") else "/~/"
    assert outcome["where"].startswith(f"sftp://127.0.0.1:{sftp.port}{home}")
    assert "was dropped as sftp://" in outcome["sentence"]


def test_large_file_arrives_whole(tmp_path, sftp, drop):
    transport = SftpTransport(convert(drop_on(), SftpDelivery), sftp_connection(sftp))
    transport.send(outbound(tmp_path, CSV * 40_000), resuming=False)
    assert (drop / NAME).read_bytes() == CSV * 40_000


def test_done_file_and_own_temporary_suffix(staged, sftp, drop):
    staged.load(drop_on(done_file="{file}.ok", temp_suffix=".tmp"), sftp_connection(sftp))
    assert names(drop) == [NAME, f"{NAME}.ok"]
    assert (drop / f"{NAME}.ok").read_bytes() == b""


def test_leftover_of_an_earlier_try_is_removed(staged, sftp, drop):
    (drop / f".{NAME}.part").write_bytes(b"half")
    staged.load(drop_on(), sftp_connection(sftp))
    assert names(drop) == [NAME]


def test_file_of_ours_that_is_still_there_is_replaced(staged, sftp, drop):
    (drop / NAME).write_bytes(b"older")
    staged.load(drop_on(), sftp_connection(sftp))
    assert (drop / NAME).read_bytes() == CSV


class CannotTell(asyncssh.SFTPServer):
    """Fails when a client looks at a file."""

    def stat(self, path):
        if path.endswith(b".csv"):
            raise asyncssh.SFTPFailure("not now")
        return super().stat(path)


def test_changes_are_not_sent_where_the_login_may_not_look(staged, drop):
    (drop / NAME).write_bytes(b"rows of an earlier run")
    with SftpServer(drop, files=CannotTell) as server, pytest.raises(DeliveryUnavailableError) as caught:
        staged.load(drop_on(send="changes"), sftp_connection(server))
    assert caught.value.retryable
    assert (drop / NAME).read_bytes() == b"rows of an earlier run"


class WithoutExtension(asyncssh.SFTPServer):
    """Knows no posix-rename, like servers of the protocol's plain version 3."""

    def posix_rename(self, oldpath, newpath):
        raise asyncssh.SFTPOpUnsupported("no extension")


@pytest.mark.parametrize("before", [None, b"older"])
def test_server_without_posix_rename(staged, drop, before):
    if before:
        (drop / NAME).write_bytes(before)
    with SftpServer(drop, files=WithoutExtension) as server:
        staged.load(drop_on(), sftp_connection(server))
    assert names(drop) == [NAME]
    assert (drop / NAME).read_bytes() == CSV


def test_wrong_password_is_tried_once(staged, sftp):
    with pytest.raises(DeliveryError, match="refused the login of the connection lms_sftp.*tried once") as caught:
        staged.load(drop_on(), sftp_connection(sftp, password="wrong-secret"))
    assert not caught.value.retryable
    assert sftp.logins == 1
    assert "wrong-secret" not in str(caught.value)


@pytest.fixture
def key():
    return asyncssh.generate_private_key("ssh-ed25519")


@pytest.mark.parametrize(
    ("kind", "passphrase"),
    [("ssh-ed25519", None), ("ssh-rsa", None), ("ecdsa-sha2-nistp256", None), ("ssh-ed25519", "open sesame")],
)
def test_private_key(staged, drop, kind, passphrase):
    key = asyncssh.generate_private_key(kind, comment="lms")
    text = key.export_private_key("openssh", passphrase=passphrase).decode()
    with SftpServer(drop, public_key=key.export_public_key().decode()) as server:
        connection = sftp_connection(server, password="unused", private_key=text, private_key_passphrase=passphrase)
        staged.load(drop_on(), connection)
        assert (drop / NAME).read_bytes() == CSV


def test_private_key_from_a_file(staged, drop, key, tmp_path):
    (tmp_path / "id").write_bytes(key.export_private_key("openssh"))
    with SftpServer(drop, public_key=key.export_public_key().decode()) as server:
        staged.load(drop_on(), sftp_connection(server, password=None, key_file=str(tmp_path / "id")))
    assert names(drop) == [NAME]


def test_wrong_private_key_is_tried_once(staged, sftp, key):
    text = key.export_private_key("openssh").decode()
    with pytest.raises(DeliveryError, match="tried once") as caught:
        staged.load(drop_on(), sftp_connection(sftp, private_key=text))
    assert sftp.logins == 1
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"username": None}, "lacks a login", id="no login"),
        pytest.param({"password": None}, "lacks a login, or a password", id="no password"),
        pytest.param({"private_key": "-----BEGIN"}, "private key of the connection lms_sftp", id="broken key"),
        pytest.param({"key_file": "/no/such/key"}, "key_file .* cannot be read", id="no key file"),
        pytest.param({"no_host_key_check": True}, "only one of host_key", id="check and no check"),
        pytest.param({"host_key": "ssh-ed25519 nonsense"}, "host_key or known_hosts .* cannot be read", id="no key"),
        pytest.param({"host_key": None, "known_hosts": "/no/such"}, "cannot be read", id="no known_hosts"),
        pytest.param({"host_key": None, "known_hosts": "x" * 5000}, "cannot be read", id="long nonsense"),
    ],
)
def test_unusable_connection(staged, sftp, changes, message):
    with pytest.raises(ConnectorError, match=message):
        staged.load(drop_on(), sftp_connection(sftp, **changes))
    assert sftp.logins == 0


def test_encrypted_key_without_passphrase(staged, sftp, key):
    text = key.export_private_key("openssh", passphrase="open sesame").decode()
    with pytest.raises(ConnectorError, match="private_key_passphrase is missing or wrong"):
        staged.load(drop_on(), sftp_connection(sftp, private_key=text))


def fingerprint(server):
    return asyncssh.import_public_key(server.host_key).get_fingerprint("sha256")


def test_unknown_host_key_says_what_to_pin(staged, sftp, drop):
    with pytest.raises(ConnectorError, match="is not pinned") as caught:
        staged.load(drop_on(), sftp_connection(sftp, host_key=None))
    assert fingerprint(sftp) in str(caught.value)
    assert f'"host_key": "{sftp.host_key}"' in str(caught.value)
    assert sftp.logins == 0
    assert names(drop) == []


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa"])
def test_wrong_host_key_says_what_it_saw(staged, sftp, kind):
    other = asyncssh.generate_private_key(kind).export_public_key().decode()
    with pytest.raises(DeliveryError, match="another host key than the one that is pinned") as caught:
        staged.load(drop_on(), sftp_connection(sftp, host_key=other))
    assert fingerprint(sftp) in str(caught.value)
    assert f'"host_key": "{sftp.host_key}"' in str(caught.value)
    assert sftp.logins == 0


def test_bare_host_key_means_rsa(staged, sftp):
    rsa = asyncssh.generate_private_key("ssh-rsa").export_public_key().decode().split()[1]
    with pytest.raises(DeliveryError, match="another host key"):
        staged.load(drop_on(), sftp_connection(sftp, host_key=rsa))


@pytest.mark.parametrize("as_file", [True, False])
def test_known_hosts(staged, sftp, drop, tmp_path, as_file):
    known = f"# of the LMS\nother.example.com {sftp.host_key}\n[127.0.0.1]:{sftp.port} {sftp.host_key} comment\n"
    (tmp_path / "known_hosts").write_text(known)
    known_hosts = str(tmp_path / "known_hosts") if as_file else known
    staged.load(drop_on(), sftp_connection(sftp, host_key=None, known_hosts=known_hosts))
    assert names(drop) == [NAME]


def test_known_hosts_without_this_server(staged, sftp):
    known = f"other.example.com {sftp.host_key}"
    with pytest.raises(ConnectorError, match="is not pinned"):
        staged.load(drop_on(), sftp_connection(sftp, host_key=None, known_hosts=known))


def test_no_host_key_check_is_logged(staged, sftp, caplog):
    staged.load(drop_on(), sftp_connection(sftp, host_key=None, no_host_key_check=True))
    assert f"not checked (no_host_key_check): it is {fingerprint(sftp)}" in caplog.text


class Strict(asyncssh.SFTPServer):
    """Refuses what real servers refuse: writing in /readonly, renaming in /norename, filling up /full."""

    def open(self, path, pflags, attrs):
        if b"/readonly" in path and pflags & asyncssh.FXF_WRITE:
            raise asyncssh.SFTPPermissionDenied("no")
        return super().open(path, pflags, attrs)

    def rename(self, oldpath, newpath):
        if b"/norename" in oldpath:
            raise asyncssh.SFTPPermissionDenied("no")
        super().rename(oldpath, newpath)

    posix_rename = rename

    def write(self, file_obj, offset, data):
        if "/full" in str(file_obj.name) and offset >= 65536:
            raise asyncssh.SFTPFailure("disk is at its end, says jane.doe@example.com")
        return super().write(file_obj, offset, data)


@pytest.fixture
def strict(drop):
    for folder in ("readonly", "norename", "full"):
        (drop / folder).mkdir()
    with SftpServer(drop, files=Strict) as server:
        yield server


@pytest.mark.parametrize(
    ("directory", "message", "retryable"),
    [
        ("/readonly", r"does not allow the login to create a file in sftp://127.0.0.1:\d+/readonly", False),
        ("/norename", r"does not allow the login to rename a file in sftp://127.0.0.1:\d+/norename", False),
        ("/full", r"65536 of \d+ bytes arrived in sftp://127.0.0.1:\d+/full: the disk or the quota", True),
        ("/missing", r"no directory sftp://127.0.0.1:\d+/missing.*delivery.directory", False),
    ],
)
def test_directory_that_cannot_be_used(tmp_path, strict, drop, directory, message, retryable):
    staged = stage(tmp_path / "staging", MANY)
    with pytest.raises(DeliveryError, match=message) as caught:
        staged.load(drop_on(directory, done_file="ready"), sftp_connection(strict))
    assert caught.value.retryable is retryable
    assert "jane" not in str(caught.value)
    assert not [path for path in drop.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("directory", "message"), [("/readonly", "create"), ("/norename", "rename")])
def test_check_only_finds_missing_rights(staged, strict, drop, directory, message):
    with pytest.raises(DeliveryError, match=f"does not allow the login to {message}"):
        staged.load(drop_on(directory), sftp_connection(strict), check_only=True)
    assert not [path for path in drop.rglob("*") if path.is_file()]


def test_check_only_leaves_no_probe(staged, sftp, drop):
    outcome = staged.load(drop_on(), sftp_connection(sftp), check_only=True)
    assert "written, renamed and deleted" in outcome["sentence"]
    assert names(drop) == []


def test_dry_run_logs_in_and_writes_nothing(staged, sftp, drop):
    outcome = staged.load(drop_on(), sftp_connection(sftp), dry_run=True)
    assert "The login works" in outcome["sentence"]
    assert (sftp.logins, names(drop)) == (1, [])


class LosesAnswer(asyncssh.SFTPServer):
    """Renames, and closes the connection before its answer."""

    def posix_rename(self, oldpath, newpath):
        super().posix_rename(oldpath, newpath)
        self.connection.abort()


def test_lost_answer_to_the_rename_is_settled_without_sending_again(staged, drop):
    with SftpServer(drop, files=LosesAnswer) as server, pytest.raises(DeliveryUnavailableError):
        staged.load(drop_on(), sftp_connection(server))
    assert staged.receipt["state"] == "sending"
    written = (drop / NAME).stat().st_ino
    with SftpServer(drop, port=server.port) as server:
        outcome = staged.load(drop_on(done_file="ready"), sftp_connection(server))
    assert outcome["outcome"] == "delivered"
    assert "by an earlier try" in outcome["sentence"]
    assert (drop / NAME).stat().st_ino == written
    assert names(drop) == [NAME, "ready"]
    assert staged.receipt["state"] == "delivered"


def test_file_of_the_same_size_is_not_taken_for_ours(staged, drop):
    with SftpServer(drop, files=LosesAnswer) as server, pytest.raises(DeliveryUnavailableError):
        staged.load(drop_on(), sftp_connection(server))
    (drop / NAME).write_bytes(CSV.replace(b"1042", b"9999"))
    with SftpServer(drop, port=server.port) as server:
        outcome = staged.load(drop_on(), sftp_connection(server))
    assert "earlier try" not in outcome["sentence"]
    assert (drop / NAME).read_bytes() == CSV


class CutsUpload(asyncssh.SFTPServer):
    """Is gone in the middle of the upload."""

    def write(self, file_obj, offset, data):
        if offset > 100_000:
            self.connection.abort()
        return super().write(file_obj, offset, data)


def test_next_attempt_completes_a_truncated_upload(tmp_path, drop):
    staged = stage(tmp_path / "staging", MANY)
    with SftpServer(drop, files=CutsUpload) as server, pytest.raises(DeliveryUnavailableError) as caught:
        staged.load(drop_on(), sftp_connection(server))
    assert caught.value.retryable
    assert names(drop) == [f".{NAME}.part"]
    with SftpServer(drop, port=server.port) as server:
        staged.load(drop_on(), sftp_connection(server))
    assert names(drop) == [NAME]
    assert (drop / NAME).read_bytes() == staged.file.read_bytes()


def test_deadline_ends_a_server_that_says_nothing(staged, sftp):
    with silent_server() as port, pytest.raises(DeliveryUnavailableError, match="delivery.deadline ended"):
        staged.load(drop_on(deadline=1), sftp_connection(sftp, port=port))


class NeverOpens(asyncssh.SFTPServer):
    """Lets in, and hangs in the opening of the session."""

    def __init__(self, channel, chroot=None):
        time.sleep(3)
        super().__init__(channel, chroot=chroot)


class Hangs(asyncssh.SFTPServer):
    """Takes no piece of the upload."""

    def write(self, file_obj, offset, data):
        time.sleep(3)
        return super().write(file_obj, offset, data)


@pytest.mark.parametrize("files", [NeverOpens, Hangs])
def test_deadline_ends_a_stalled_session(staged, drop, files):
    with SftpServer(drop, files=files) as server:
        with pytest.raises(DeliveryUnavailableError, match="delivery.deadline ended"):
            staged.load(drop_on(deadline=1), sftp_connection(server))
        time.sleep(2.5)
    assert NAME not in names(drop)


def test_nobody_listens(staged, sftp):
    with silent_server() as port:
        pass
    with pytest.raises(DeliveryUnavailableError, match="No connection to the SFTP server 127.0.0.1:"):
        staged.load(drop_on(), sftp_connection(sftp, port=port))


def test_host_that_does_not_exist(staged, sftp):
    with pytest.raises(DeliveryUnavailableError, match="No connection to the SFTP server lms.invalid:"):
        staged.load(drop_on(), sftp_connection(sftp, host="lms.invalid"))


def test_server_that_takes_other_logins_only(staged, drop):
    with SftpServer(drop, password=None) as server:
        with pytest.raises(DeliveryError, match="takes only these kinds of login: publickey"):
            staged.load(drop_on(), sftp_connection(server))
        assert server.logins == 0

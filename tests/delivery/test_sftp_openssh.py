"""Delivery against OpenSSH's sshd, where that is installed."""

import os

import asyncssh
import pytest

from include.codebashing_lms.connections.model import SftpConnection
from include.codebashing_lms.errors import ConnectorError, DeliveryError
from tests.fakes.openssh import PRIVILEGE_SEPARATION, SSHD
from tests.load.staged_run import CSV, MANY, NAME, stage

pytestmark = [
    pytest.mark.skipif(SSHD is None, reason="OpenSSH's sshd is not installed (Debian: openssh-server)"),
    pytest.mark.skipif(
        os.geteuid() == 0 and not PRIVILEGE_SEPARATION.is_dir(), reason="sshd as root needs the folder /run/sshd"
    ),
]


def drop_in(folder, **settings):
    return {"method": "sftp", "conn_id": "lms_sftp", "directory": str(folder), **settings}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("before", [None, b"older"])
def test_file_arrives_whole_and_nothing_else(tmp_path, sshd, drop, before):
    if before:
        (drop / NAME).write_bytes(before)
    (drop / f".{NAME}.part").write_bytes(b"half")
    staged = stage(tmp_path / "staging", MANY)
    staged.load(drop_in(drop, done_file="ready"), sshd)
    assert names(drop) == [NAME, "ready"]
    assert (drop / NAME).read_bytes() == staged.file.read_bytes()


def test_missing_folder(staged, sshd, drop):
    with pytest.raises(DeliveryError, match="no directory sftp://"):
        staged.load(drop_in(drop / "no"), sshd)


def test_wrong_key_is_refused(staged, sshd, drop):
    wrong = asyncssh.generate_private_key("ssh-ed25519", comment="wrong").export_private_key().decode()
    connection = SftpConnection(sshd.host, sshd.port, sshd.username, private_key=wrong, host_key=sshd.host_key)
    with pytest.raises(DeliveryError, match="tried once"):
        staged.load(drop_in(drop), connection)


def test_password_where_none_is_taken(staged, sshd, drop):
    connection = SftpConnection(sshd.host, sshd.port, sshd.username, password="x", host_key=sshd.host_key)
    with pytest.raises(DeliveryError, match=r"takes only these kinds of login: .*publickey"):
        staged.load(drop_in(drop), connection)


def test_unknown_host_key_says_what_to_pin(staged, sshd, drop, keys):
    connection = SftpConnection(sshd.host, sshd.port, sshd.username, private_key=sshd.private_key)
    with pytest.raises(ConnectorError, match="is not pinned") as caught:
        staged.load(drop_in(drop), connection)
    assert keys["host"].get_fingerprint() in str(caught.value)


def test_probe_and_dry_run(staged, sshd, drop):
    assert staged.load(drop_in(drop), sshd, check_only=True)["outcome"] == "checked"
    assert staged.load(drop_in(drop), sshd, dry_run=True)["outcome"] == "dry_run"
    assert names(drop) == []


def test_killed_after_the_rename_is_recovered_without_sending_again(staged, sshd, drop):
    missing = drop / "later"
    with pytest.raises(DeliveryError):
        staged.load(drop_in(missing), sshd)
    assert staged.receipt["state"] == "sending"
    missing.mkdir()
    (missing / NAME).write_bytes(CSV)
    written = (missing / NAME).stat().st_ino
    assert "by an earlier try" in staged.load(drop_in(missing), sshd)["sentence"]
    assert (missing / NAME).stat().st_ino == written

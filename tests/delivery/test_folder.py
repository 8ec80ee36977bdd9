import errno
import resource
from contextlib import contextmanager

import pytest
from msgspec import convert

from include.codebashing_lms.config.delivery import FolderDelivery
from include.codebashing_lms.delivery.folder import FolderTransport
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError
from tests.delivery.outbound_file import outbound
from tests.fakes.unprivileged import as_nobody
from tests.load.staged_run import CSV, NAME, connector, stage


def folder(directory, **settings):
    return {"method": "folder", "directory": str(directory), **settings}


def test_file_arrives_whole_and_readable_and_nothing_else(staged, drop):
    staged.load(folder(drop))
    assert [path.name for path in drop.iterdir()] == [NAME]
    assert (drop / NAME).read_bytes() == CSV
    assert (drop / NAME).stat().st_mode & 0o600 == 0o600


def test_done_file_is_empty_and_named_after_the_file(staged, drop):
    staged.load(folder(drop, done_file="{file}.done"))
    assert (drop / f"{NAME}.done").read_bytes() == b""


def test_done_file_comes_last(staged, drop):
    (drop / NAME).mkdir()
    with pytest.raises(DeliveryError):
        staged.load(folder(drop, done_file="{file}.done"))
    assert [path.name for path in drop.iterdir()] == [NAME]


def test_leftover_of_a_killed_try_is_replaced(staged, drop):
    (drop / f".{NAME}.part").write_bytes(b"half")
    staged.load(folder(drop))
    assert [path.name for path in drop.iterdir()] == [NAME]


def test_file_of_ours_that_is_still_there_is_replaced(staged, drop):
    (drop / NAME).write_bytes(b"older")
    staged.load(folder(drop))
    assert (drop / NAME).read_bytes() == CSV


def test_killed_after_the_rename_is_not_written_again(staged, drop):
    (drop / f".{NAME}.part").mkdir()
    with pytest.raises(DeliveryError):
        staged.load(folder(drop))
    (drop / f".{NAME}.part").rmdir()
    (drop / NAME).write_bytes(CSV)
    written = (drop / NAME).stat().st_ino
    outcome = staged.load(folder(drop, done_file="ready"))
    assert "by an earlier try" in outcome["sentence"]
    assert (drop / NAME).stat().st_ino == written
    assert (drop / "ready").exists()
    assert staged.receipt["sent_by_earlier_try"] is True


@pytest.mark.parametrize("run", [{}, {"dry_run": True}, {"check_only": True}])
def test_missing_folder(staged, drop, run):
    with pytest.raises(DeliveryError, match=rf"{drop}/no does not exist.*correct delivery.directory"):
        staged.load(folder(drop / "no"), **run)


@pytest.mark.parametrize("run", [{}, {"dry_run": True}, {"check_only": True}])
def test_no_folder(staged, drop, run):
    (drop / "file").touch()
    with pytest.raises(DeliveryError, match="is no folder"):
        staged.load(folder(drop / "file"), **run)


@pytest.mark.parametrize("run", [{}, {"dry_run": True}, {"check_only": True}])
def test_read_only_folder(run):
    with as_nobody() as public:
        staged = stage(public / "staging")
        drop = public / "drop"
        drop.mkdir(mode=0o555)
        with pytest.raises(DeliveryError, match=f"{drop} may not be written"):
            staged.load(folder(drop), **run)


@contextmanager
def small_files_only():
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_write_that_fails_midway_leaves_nothing(tmp_path, drop):
    large = outbound(tmp_path, CSV * 10_000)
    transport = FolderTransport(convert(folder(drop, done_file="ready"), FolderDelivery))
    with small_files_only(), pytest.raises(DeliveryUnavailableError, match="File too large"):
        transport.send(large, resuming=False)
    assert not list(drop.iterdir())
    transport.send(large, resuming=False)
    assert (drop / NAME).read_bytes() == CSV * 10_000


def test_full_disk_is_retryable():
    transport = FolderTransport(FolderDelivery(directory="/mnt/drop"))
    with pytest.raises(DeliveryUnavailableError, match="/mnt/drop is on a full disk"), transport._translate_errors():
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("pattern", ["a/b", "..", "{file}", "{name}.done", "", "a\nb"])
def test_done_file_must_be_the_name_of_another_file(drop, pattern):
    with pytest.raises(ValueError, match="done_file"):
        connector(folder(drop, done_file=pattern))

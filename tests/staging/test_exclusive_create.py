"""A name in the staging area is taken once: on a file system, and on S3 by the conditional put."""

import os
import threading

import pytest

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.staging.files import create_exclusive, create_exclusive_json, read_json
from tests.fakes.object_store import ForgetsConditions, bucket_of, in_front_of


@pytest.fixture
def forgetful(s3):
    """Return an S3 that ignores the condition of a put."""
    with in_front_of(s3, ForgetsConditions) as address:
        yield address


def test_on_disk_the_first_stays_whole_and_private(tmp_path):
    path = tmp_path / "new" / "pointer.json"
    assert [create_exclusive_json(path, {"a": at}) for at in range(2)] == [True, False]
    assert read_json(path) == {"a": 0}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["pointer.json"]


def test_of_many_at_once_one_wins(tmp_path):
    won = []
    go = threading.Barrier(8)

    def create(number):
        go.wait()
        if create_exclusive_json(tmp_path / "x.json", {"by": number}):
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    [one.start() for one in threads]
    [one.join() for one in threads]
    assert len(won) == 1
    assert read_json(tmp_path / "x.json") == {"by": won[0]}


def test_what_fails_while_it_is_written_leaves_nothing(tmp_path):
    def fail(part):
        part.write_text("half")
        raise OSError(28, os.strerror(28))

    with pytest.raises(StagingError, match="No space left"):
        create_exclusive(tmp_path / "x", fail)
    assert list(tmp_path.iterdir()) == []


def test_on_s3_the_first_stays(s3, monkeypatch):
    root, bucket = bucket_of(s3, "honest", monkeypatch)
    path = root / "pointer.json"
    assert [create_exclusive_json(path, {"a": at}) for at in range(2)] == [True, False]
    assert read_json(path) == {"a": 0}
    assert [one.key for one in bucket.objects.all()] == ["training/pointer.json"]


def test_a_store_that_overwrites_is_refused(s3, forgetful, monkeypatch):
    root, bucket = bucket_of(forgetful, "forgetful", monkeypatch, behind=s3)
    with pytest.raises(StagingError, match=r"\(forgetful\) does not create a file on the condition"):
        create_exclusive_json(root / "pointer.json", {"a": 1})
    assert list(bucket.objects.all()) == []

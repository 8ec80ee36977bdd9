from datetime import UTC, datetime, timedelta

import pytest

from include.codebashing_lms.archive import pointer_of, purge, recall, remember
from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.staging import instant_name, on_disk

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def archived(snapshots, read_at, suffix=".json.gz"):
    snapshots.mkdir(exist_ok=True)
    name = instant_name(read_at) + suffix
    (snapshots / name).write_bytes(b"x")
    return {"snapshot": name, "read_at": read_at.isoformat()}


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_nothing_is_recalled_before_anything_was_remembered(tmp_path):
    assert recall(tmp_path / "snapshots", NOW) is None


def test_the_first_snapshot_of_a_date_stays(tmp_path):
    first, second = archived(tmp_path, NOW), archived(tmp_path, NOW + timedelta(seconds=1))
    assert remember(tmp_path, NOW, first) is True
    assert remember(tmp_path, NOW, second) is False
    assert recall(tmp_path, NOW) == first
    assert recall(tmp_path, NOW + timedelta(microseconds=1)) is None
    assert names(tmp_path / "by_logical_date") == [pointer_of(tmp_path, NOW).name]


def test_only_the_owner_reads_the_pointer(tmp_path):
    remember(tmp_path, NOW, archived(tmp_path, NOW))
    assert on_disk(pointer_of(tmp_path, NOW)).stat().st_mode & 0o777 == 0o600


def test_a_snapshot_that_was_removed_by_hand_is_missed(tmp_path):
    remember(tmp_path, NOW, archived(tmp_path, NOW))
    next(tmp_path.glob("*.json.gz")).unlink()
    with pytest.raises(StagingError, match="is gone from the staging area"):
        recall(tmp_path, NOW)


def test_old_snapshots_go_with_their_pointers(tmp_path):
    for age in (0, 89, 91, 400):
        read_at = NOW - age * DAY
        remember(tmp_path, read_at - timedelta(hours=5), archived(tmp_path, read_at, ".json.zst"))
    remember(tmp_path, NOW - 90 * DAY - timedelta(hours=1), archived(tmp_path, NOW - 90 * DAY))
    assert purge(tmp_path, 90, NOW) == 2
    assert names(tmp_path) == [instant_name(NOW - age * DAY) + suffix for age, suffix in KEPT]
    assert len(names(tmp_path / "by_logical_date")) == 3
    assert purge(tmp_path, 90, NOW) == 0


KEPT = [(90, ".json.gz"), (89, ".json.zst"), (0, ".json.zst")]


def test_the_newest_stays_however_old(tmp_path):
    remember(tmp_path, NOW - 500 * DAY, archived(tmp_path, NOW - 500 * DAY))
    assert purge(tmp_path, 1, NOW) == 0
    assert recall(tmp_path, NOW - 500 * DAY)


def test_what_is_no_snapshot_is_left_alone(tmp_path):
    archived(tmp_path, NOW)
    (tmp_path / "19990101T000000.000000Z.txt").touch()
    purge(tmp_path, 1, NOW)
    assert "19990101T000000.000000Z.txt" in names(tmp_path)


def test_a_staging_area_that_takes_nothing_is_an_error_of_ours(tmp_path):
    (tmp_path / "no folder").touch()
    with pytest.raises(StagingError, match="Cannot write.*Not a directory"):
        remember(tmp_path / "no folder" / "snapshots", NOW, {})

import os
from datetime import UTC, datetime, timedelta

import pytest

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.extract.snapshots import (
    SnapshotMetadata,
    assign_date,
    courses_seen,
    mark_in_use,
    metadata_path,
    neighbours,
    pointer_of,
    purge,
    register,
    snapshot_of_date,
)
from include.codebashing_lms.staging.files import on_disk, write_json
from include.codebashing_lms.staging.layout import timestamp_name

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def archived(snapshots, read_at, suffix=".json.gz"):
    snapshots.mkdir(exist_ok=True)
    name = timestamp_name(read_at) + suffix
    (snapshots / name).write_bytes(b"x")
    metadata = SnapshotMetadata(name, "0f", 1, read_at, "manual", ["email"], 3, {"next_page_hint": 1})
    register(snapshots, metadata)
    return metadata


def archived_for(snapshots, logical_date, read_at, suffix=".json.gz"):
    assign_date(snapshots, logical_date, archived(snapshots, read_at, suffix).snapshot)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_an_empty_archive_has_no_snapshot(tmp_path):
    assert snapshot_of_date(tmp_path / "snapshots", NOW) is None
    assert neighbours(tmp_path / "snapshots", NOW) == (None, None)


def test_the_first_snapshot_of_a_date_stays(tmp_path):
    first, second = archived(tmp_path, NOW), archived(tmp_path, NOW + timedelta(seconds=1))
    assert assign_date(tmp_path, NOW, first.snapshot) is True
    assert assign_date(tmp_path, NOW, second.snapshot) is False
    assert snapshot_of_date(tmp_path, NOW) == first
    assert snapshot_of_date(tmp_path, NOW + TICK) is None
    assert names(tmp_path / "by_logical_date") == [pointer_of(tmp_path, NOW).name]


def test_only_the_owner_reads_metadata_and_pointers(tmp_path):
    metadata = archived(tmp_path, NOW)
    assign_date(tmp_path, NOW, metadata.snapshot)
    for path in (pointer_of(tmp_path, NOW), metadata_path(tmp_path, metadata.snapshot)):
        assert on_disk(path).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("removed", ["*.json.gz", "about/*"])
def test_a_snapshot_that_was_removed_by_hand_is_missed(tmp_path, removed):
    archived_for(tmp_path, NOW, NOW)
    next(tmp_path.glob(removed)).unlink()
    with pytest.raises(StagingError, match="is gone from the staging area"):
        snapshot_of_date(tmp_path, NOW)


def test_the_snapshots_next_to_an_instant(tmp_path):
    first, second, third = (
        archived(tmp_path, NOW + days * DAY, suffix)
        for days, suffix in ((0, ".json.zst"), (2, ".json.gz"), (9, ".json.zst"))
    )
    assert neighbours(tmp_path, NOW - DAY) == (None, first)
    assert neighbours(tmp_path, NOW) == (None, first)
    assert neighbours(tmp_path, NOW + TICK) == (first, second)
    assert neighbours(tmp_path, NOW + 2 * DAY) == (first, second)
    assert neighbours(tmp_path, NOW + 5 * DAY) == (second, third)
    assert neighbours(tmp_path, NOW + 10 * DAY) == (third, None)


def test_a_snapshot_without_metadata_is_not_in_the_archive(tmp_path):
    metadata = archived(tmp_path, NOW)
    for unfinished in (NOW - DAY, NOW + DAY):
        (tmp_path / f"{timestamp_name(unfinished)}.json.zst").touch()
    assert neighbours(tmp_path, NOW + TICK) == (metadata, None)
    assert neighbours(tmp_path, NOW - TICK) == (None, metadata)


def test_what_a_killed_extract_left_half_written_stops_no_purge(tmp_path):
    archived_for(tmp_path, NOW, NOW)
    folders = [tmp_path / kind for kind in ("about", "used", "by_logical_date")]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        (folder / ".20260101T000000.000000Z.json.x.part").touch()
        old = folder / ".20260101T000000.000000Z.json.y.part"
        old.touch()
        os.utime(old, (0, 0))
    purge(tmp_path, 90, NOW)
    parts = [".20260101T000000.000000Z.json.x.part"]
    assert [sorted(path.name for path in folder.glob(".*")) for folder in folders] == [parts] * 3


def test_old_snapshots_go_with_their_metadata_and_pointers(tmp_path):
    for age in (0, 89, 91, 400):
        read_at = NOW - age * DAY
        archived_for(tmp_path, read_at - timedelta(hours=5), read_at, ".json.zst")
    archived_for(tmp_path, NOW - 90 * DAY - timedelta(hours=1), NOW - 90 * DAY)
    assert purge(tmp_path, 90, NOW) == 2
    assert names(tmp_path) == KEPT
    assert names(tmp_path / "about") == [f"{name}.json" for name in KEPT]
    assert len(names(tmp_path / "by_logical_date")) == 3
    assert purge(tmp_path, 90, NOW) == 0


KEPT = [
    timestamp_name(NOW - age * DAY) + suffix for age, suffix in [(90, ".json.gz"), (89, ".json.zst"), (0, ".json.zst")]
]


def test_the_newest_stays_however_old(tmp_path):
    archived_for(tmp_path, NOW - 500 * DAY, NOW - 500 * DAY)
    assert purge(tmp_path, 1, NOW) == 0
    assert snapshot_of_date(tmp_path, NOW - 500 * DAY)


def test_a_snapshot_that_a_run_works_on_stays_for_a_week(tmp_path):
    old, newest = archived(tmp_path, NOW - 500 * DAY), archived(tmp_path, NOW)
    assign_date(tmp_path, NOW - 500 * DAY, old.snapshot)
    mark_in_use(tmp_path, old, NOW - 3 * DAY)
    mark_in_use(tmp_path, old, NOW)
    assert purge(tmp_path, 90, NOW + 7 * DAY - TICK) == 0
    assert snapshot_of_date(tmp_path, NOW - 500 * DAY) == old
    assert purge(tmp_path, 90, NOW + 7 * DAY) == 1
    assert (names(tmp_path), names(tmp_path / "used")) == ([newest.snapshot], [])


def test_what_is_no_snapshot_is_left_alone(tmp_path):
    archived(tmp_path, NOW)
    (tmp_path / "19990101T000000.000000Z.txt").touch()
    purge(tmp_path, 1, NOW)
    assert "19990101T000000.000000Z.txt" in names(tmp_path)


def test_a_staging_area_that_takes_nothing_is_an_error_of_ours(tmp_path):
    (tmp_path / "no folder").touch()
    with pytest.raises(StagingError, match="Cannot write.*Not a directory"):
        assign_date(tmp_path / "no folder" / "snapshots", NOW, "x")


def test_the_courses_of_the_newest_live_snapshot(tmp_path):
    assert courses_seen(tmp_path) is None
    write_json(tmp_path / "courses_seen.json", {"courses": ["java"]})
    assert courses_seen(tmp_path) == ["java"]

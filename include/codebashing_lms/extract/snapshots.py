"""The archive of raw answers: one snapshot per answer, and per logical date a pointer to its snapshot.

A snapshot is in the archive as soon as its metadata are. Snapshots lie flat and are named by the time they
were read: one sorted listing finds the neighbours of any instant. Names of files: staging/layout.py.
"""

import logging
from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.staging.files import (
    StagedPath,
    create_exclusive_json,
    read_json,
    read_struct,
    remove_stale_partial_files,
    write_json,
)
from include.codebashing_lms.staging.layout import (
    COURSES_SEEN,
    SNAPSHOT_METADATA,
    SNAPSHOTS_BY_DATE,
    SNAPSHOTS_IN_USE,
    timestamp_name,
)

logger = logging.getLogger(__name__)

SUFFIXES = (".json.gz", ".json.zst")
# A run between extract and transform holds no lock on its snapshots. A run that waits longer than this, for a
# retry or for a correction, counts as forgotten.
KEPT_AFTER_USE = timedelta(days=7)


class SnapshotMetadata(msgspec.Struct, frozen=True):
    """What the archive knows about a snapshot.

    :param snapshot: name of the file.
    :param bytes: size of the file.
    :param read_at: when Codebashing answered.
    :param fields: the keys that Codebashing was asked for, None for all.
    :param warnings: signs that the snapshot lacks records, each with the number 1.
    """

    snapshot: str
    sha256: str
    bytes: int
    read_at: datetime
    run_id: str
    fields: list[str] | None
    records: int
    warnings: dict[str, int]


def metadata_path(snapshots: StagedPath, name: str) -> Any:
    """Return the path of a snapshot's metadata."""
    return snapshots / SNAPSHOT_METADATA / f"{name}.json"


def pointer_of(snapshots: StagedPath, logical_date: datetime) -> Any:
    """Return the path of a logical date's pointer, whether it exists or not."""
    return snapshots / SNAPSHOTS_BY_DATE / f"{timestamp_name(logical_date)}.json"


def register(snapshots: StagedPath, metadata: SnapshotMetadata) -> None:
    """Add a snapshot to the archive."""
    write_json(metadata_path(snapshots, metadata.snapshot), msgspec.to_builtins(metadata))


def assign_date(snapshots: StagedPath, logical_date: datetime, name: str) -> bool:
    """Make a snapshot the live snapshot of a logical date; return False when the date has one already."""
    return create_exclusive_json(pointer_of(snapshots, logical_date), {"snapshot": name})


def snapshot_of_date(snapshots: StagedPath, logical_date: datetime) -> SnapshotMetadata | None:
    """Return the live snapshot of a logical date, None without one.

    :raises StagingError: the archive had a snapshot of that date, and the snapshot is gone.
    """
    pointer = pointer_of(snapshots, logical_date)
    if not pointer.exists():
        return None
    name = read_json(pointer)["snapshot"]
    metadata = metadata_path(snapshots, name)
    if not ((snapshots / name).exists() and metadata.exists()):
        raise StagingError(
            f"The archived snapshot of this run's date, {name}, is gone from the staging "
            "area. Bring it back from a backup, or leave this run: the next one sends everything."
        )
    return read_struct(metadata, SnapshotMetadata)


def neighbours(snapshots: StagedPath, instant: datetime) -> tuple[SnapshotMetadata | None, SnapshotMetadata | None]:
    """Return the last snapshot that was read before an instant, and the first one read since."""
    names = _names(snapshots)
    index = bisect_left(names, timestamp_name(instant))
    before, since = reversed(names[:index]), names[index:]
    return _first_registered(snapshots, before), _first_registered(snapshots, since)


def _names(snapshots: StagedPath) -> list[str]:
    if not snapshots.exists():
        return []
    return sorted(path.name for path in snapshots.iterdir() if path.name.endswith(SUFFIXES))


def _first_registered(snapshots: StagedPath, names: Iterable[str]) -> SnapshotMetadata | None:
    """Skip snapshots of a killed extract, or of an extract that is still at work."""
    paths = (metadata_path(snapshots, name) for name in names)
    found = next((path for path in paths if path.exists()), None)
    return read_struct(found, SnapshotMetadata) if found else None


def mark_in_use(snapshots: StagedPath, metadata: SnapshotMetadata, now: datetime) -> None:
    """Keep a snapshot from being purged while a run works on it."""
    write_json(_use_of(snapshots, metadata.snapshot), {"used_at": now.isoformat()})


def _use_of(snapshots: StagedPath, name: str) -> Any:
    return snapshots / SNAPSHOTS_IN_USE / f"{name}.json"


def purge(snapshots: StagedPath, keep_days: int, now: datetime) -> int:
    """Remove old snapshots and the pointers to them, never the newest nor one in use; return how many."""
    oldest = timestamp_name(now - timedelta(days=keep_days))
    names = _names(snapshots)
    old = [name for name in names[:-1] if name < oldest and not _in_use(snapshots, name, now)]
    kept = set(names) - set(old)
    for pointer in _pointers_before(snapshots, oldest):
        if read_json(pointer)["snapshot"] not in kept:
            pointer.unlink()
    for name in old:
        for path in (metadata_path(snapshots, name), _use_of(snapshots, name), snapshots / name):
            if path.exists():
                path.unlink()
    for folder in (SNAPSHOT_METADATA, SNAPSHOTS_IN_USE, SNAPSHOTS_BY_DATE):
        remove_stale_partial_files(snapshots / folder)
    if old:
        logger.info("Removed %s snapshots older than %s days", len(old), keep_days)
    return len(old)


def _in_use(snapshots: StagedPath, name: str, now: datetime) -> bool:
    use = _use_of(snapshots, name)
    return use.exists() and now - datetime.fromisoformat(read_json(use)["used_at"]) < KEPT_AFTER_USE


def _pointers_before(snapshots: StagedPath, oldest: str) -> list[Any]:
    """Return the pointers that may lead to an old snapshot: a snapshot is never read long before its date."""
    folder = snapshots / SNAPSHOTS_BY_DATE
    pointers = folder.iterdir() if folder.exists() else ()
    return [path for path in pointers if path.name < oldest and not path.name.startswith(".")]


def courses_seen(home: StagedPath) -> list[str] | None:
    """Return the courses in a connector's newest live snapshot, None before the first one."""
    path = home / COURSES_SEEN
    courses: list[str] | None = read_json(path)["courses"] if path.exists() else None
    return courses

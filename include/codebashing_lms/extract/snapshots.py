"""The archive of raw answers: one snapshot per reading, and per logical date a pointer to its own.

<staging>/<connector>/snapshots/<read at>.json.gz|.json.zst
<staging>/<connector>/snapshots/about/<snapshot>.json       what was noted about it; it counts from then on
<staging>/<connector>/snapshots/used/<snapshot>.json        when a run last began to work on it
<staging>/<connector>/snapshots/by_logical_date/<logical date>.json     the live snapshot of that date

Snapshots lie flat and are named by their reading: one sorted listing finds those next to any instant.
"""

import logging
from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.staging.files import (
    StagedPath,
    create_exclusive_json,
    read_json,
    remove_stale_partial_files,
    write_json,
)
from include.codebashing_lms.staging.layout import timestamp_name

logger = logging.getLogger(__name__)

SUFFIXES = (".json.gz", ".json.zst")
# A run between extract and transform holds no lock on its snapshots. One that has waited longer than this,
# for a retry or for somebody to correct what stopped it, is forgotten rather than pending.
STAYS_AFTER_USE = timedelta(days=7)

Archived = dict[str, Any]


def metadata_path(snapshots: StagedPath, name: str) -> Any:
    """Return where it is noted what a snapshot is: checksum, moment of reading, fields asked for, …"""
    return snapshots / "about" / f"{name}.json"


def pointer_of(snapshots: StagedPath, logical_date: datetime) -> Any:
    """Return where the pointer of a logical date lies, or would lie."""
    return snapshots / "by_logical_date" / f"{timestamp_name(logical_date)}.json"


def register(snapshots: StagedPath, archived: Archived) -> None:
    """Note what a snapshot is, by which it joins the archive."""
    write_json(metadata_path(snapshots, archived["snapshot"]), archived)


def assign_date(snapshots: StagedPath, logical_date: datetime, name: str) -> bool:
    """Make a live snapshot that of a logical date; False when the date has one already, which stays."""
    return create_exclusive_json(pointer_of(snapshots, logical_date), {"snapshot": name})


def snapshot_of_date(snapshots: StagedPath, logical_date: datetime) -> Archived | None:
    """Return what was noted about the live snapshot of a logical date, None when there is none."""
    pointer = pointer_of(snapshots, logical_date)
    if not pointer.exists():
        return None
    name = read_json(pointer)["snapshot"]
    if not ((snapshots / name).exists() and metadata_path(snapshots, name).exists()):
        raise StagingError(
            f"The archived snapshot of this run's date, {name}, is gone from the staging "
            "area. Bring it back from a backup, or leave this run: the next one sends everything."
        )
    return _noted(snapshots, name)


def neighbours(snapshots: StagedPath, instant: datetime) -> tuple[Archived | None, Archived | None]:
    """Return what was noted about the last snapshot read before an instant, and the first one since."""
    names = _names(snapshots)
    place = bisect_left(names, timestamp_name(instant))
    before, since = reversed(names[:place]), names[place:]
    return _first_noted(snapshots, before), _first_noted(snapshots, since)


def _names(snapshots: StagedPath) -> list[str]:
    if not snapshots.exists():
        return []
    return sorted(path.name for path in snapshots.iterdir() if path.name.endswith(SUFFIXES))


def _first_noted(snapshots: StagedPath, names: Iterable[str]) -> Archived | None:
    """Pass over what a killed extract left, or another is about to finish."""
    name = next((name for name in names if metadata_path(snapshots, name).exists()), None)
    return _noted(snapshots, name) if name else None


def _noted(snapshots: StagedPath, name: str) -> Archived:
    noted: Archived = read_json(metadata_path(snapshots, name))
    return noted


def mark_in_use(snapshots: StagedPath, archived: Archived, now: datetime) -> None:
    """Keep a snapshot from being purged while a run works on it."""
    write_json(_use_of(snapshots, archived["snapshot"]), {"used_at": now.isoformat()})


def _use_of(snapshots: StagedPath, name: str) -> Any:
    return snapshots / "used" / f"{name}.json"


def purge(snapshots: StagedPath, keep_days: int, now: datetime) -> int:
    """Remove snapshots that are too old and the pointers to them; never the newest nor one in use."""
    oldest = timestamp_name(now - timedelta(days=keep_days))
    names = _names(snapshots)
    doomed = [name for name in names[:-1] if name < oldest and not _in_use(snapshots, name, now)]
    kept = set(names) - set(doomed)
    for pointer in _pointers_before(snapshots, oldest):
        if read_json(pointer)["snapshot"] not in kept:
            pointer.unlink()
    for name in doomed:
        for path in (metadata_path(snapshots, name), _use_of(snapshots, name), snapshots / name):
            if path.exists():
                path.unlink()
    for kind in ("about", "used", "by_logical_date"):
        remove_stale_partial_files(snapshots / kind)
    if doomed:
        logger.info("Removed %s snapshots older than %s days", len(doomed), keep_days)
    return len(doomed)


def _in_use(snapshots: StagedPath, name: str, now: datetime) -> bool:
    use = _use_of(snapshots, name)
    return use.exists() and now - datetime.fromisoformat(read_json(use)["used_at"]) < STAYS_AFTER_USE


def _pointers_before(snapshots: StagedPath, oldest: str) -> list[Any]:
    """Return the pointers that may lead to an old snapshot: no date is read long before it."""
    folder = snapshots / "by_logical_date"
    there = folder.iterdir() if folder.exists() else ()
    return [path for path in there if path.name < oldest and not path.name.startswith(".")]

"""The archive of raw answers: one snapshot per reading, and per logical date a pointer to its own.

<staging>/<connector>/snapshots/<read at>.json.gz|.json.zst
<staging>/<connector>/snapshots/by_logical_date/<logical date>.json
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.staging import StagedPath, create_json, instant_name, read_json

logger = logging.getLogger(__name__)

SUFFIXES = (".json.gz", ".json.zst")


def pointer_of(snapshots: StagedPath, logical_date: datetime) -> Any:
    """Return where the pointer of a logical date lies, or would lie."""
    return snapshots / "by_logical_date" / f"{instant_name(logical_date)}.json"


def recall(snapshots: StagedPath, logical_date: datetime) -> dict[str, Any] | None:
    """Return what was archived for a logical date, None when nothing was."""
    pointer = pointer_of(snapshots, logical_date)
    if not pointer.exists():
        return None
    archived: dict[str, Any] = read_json(pointer)
    if not (snapshots / archived["snapshot"]).exists():
        raise StagingError(
            f"The archived snapshot of this run's date, {archived['snapshot']}, is gone from the staging "
            "area. Bring it back from a backup, or leave this run: the next one sends everything."
        )
    return archived


def remember(snapshots: StagedPath, logical_date: datetime, archived: dict[str, Any]) -> bool:
    """Archive a live snapshot as that of a logical date; False when the date has one already, which stays."""
    return create_json(pointer_of(snapshots, logical_date), archived)


def purge(snapshots: StagedPath, keep_days: int, now: datetime) -> int:
    """Remove snapshots that are too old, and the pointers to them; never the newest. Return how many."""
    oldest = instant_name(now - timedelta(days=keep_days))
    names = sorted(path.name for path in snapshots.iterdir() if path.name.endswith(SUFFIXES))
    doomed = {name for name in names[:-1] if name < oldest}
    kept = set(names) - doomed
    for pointer in _pointers_before(snapshots, oldest):
        if read_json(pointer)["snapshot"] not in kept:
            pointer.unlink()
    for name in doomed:
        (snapshots / name).unlink()
    if doomed:
        logger.info("Removed %s snapshots older than %s days", len(doomed), keep_days)
    return len(doomed)


def _pointers_before(snapshots: StagedPath, oldest: str) -> list[Any]:
    """Return the pointers that may lead to an old snapshot: no date is read long before it."""
    folder = snapshots / "by_logical_date"
    return [path for path in folder.iterdir() if path.name < oldest] if folder.exists() else []

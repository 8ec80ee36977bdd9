"""Rebuilding a ledger from its journal, rolling it back, and purging old entries."""

from datetime import datetime
from itertools import takewhile
from typing import Any

import numpy as np

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.ledger.book import (
    Ledger,
    append,
    begins_at,
    create_version,
    entries,
    folded,
    numbers_of,
    open_ledger,
    read_version,
    refuse_a_cut_journal,
    version_metadata,
)
from include.codebashing_lms.ledger.rows import EMPTY
from include.codebashing_lms.ledger.store import numbered, remove, replace
from include.codebashing_lms.staging import StagedPath


def rebuild(folder: StagedPath) -> Ledger:
    """Fold the whole journal again; write the ledger where it is missing, damaged or not the same."""
    journal, versions = numbers_of(folder)
    if not journal:
        raise StagingError(f"There is no journal in {folder}: nothing to rebuild a ledger from.")
    refuse_a_cut_journal(folder, journal, versions)
    ledger = folded(folder, _beginning(folder, journal, versions), journal[-1])
    if not _is_there(folder, ledger, versions):
        replace(numbered(folder / "versions", ledger.number), ledger.table, version_metadata(ledger))
    return ledger


def _beginning(folder: StagedPath, journal: list[int], versions: list[int]) -> Ledger:
    number = begins_at(journal, versions)
    if number is None:
        raise StagingError(
            f"Old entries of the journal in {folder} were purged, and the version before the first that is "
            "left is gone. Bring versions/ back from a backup."
        )
    return Ledger(number, read_version(folder, number) if number else EMPTY)


def _is_there(folder: StagedPath, ledger: Ledger, versions: list[int]) -> bool:
    if ledger.number not in versions:
        return False
    try:
        table = read_version(folder, ledger.number)
    except StagingError:
        return False
    return bool(table.equals(ledger.table))


def roll_back(folder: StagedPath, number: int, meta: dict[str, Any]) -> Ledger:
    """Let the ledger as it was after an earlier entry stand again, by a new entry; nothing is deleted."""
    ledger = open_ledger(folder)
    journal, versions = numbers_of(folder)
    beginning = _beginning(folder, journal, versions) if journal else ledger
    if not beginning.number <= number < ledger.number:
        raise StagingError(
            f"The ledger cannot go back to {number}: it is at {ledger.number}, and its journal reaches "
            f"back to {beginning.number}."
        )
    earlier = folded(folder, beginning, number).table
    nothing = np.zeros(len(ledger.table), dtype=np.bool_)
    return append(folder, ledger, earlier, nothing, {**meta, "kind": "rollback", "version": number})


def purge(folder: StagedPath, before: datetime) -> int:
    """Remove entries of the journal written before an instant, never the newest; return how many."""
    facts = list(entries(folder))[:-1]
    old = [
        one["number"] for one in takewhile(lambda one: datetime.fromisoformat(one["when"]) < before, facts)
    ]
    if old:
        beginning = _beginning(folder, *numbers_of(folder))
        create_version(folder, folded(folder, beginning, max(old[-1], beginning.number)))
    for number in old:
        remove(numbered(folder / "journal", number))
    return len(old)

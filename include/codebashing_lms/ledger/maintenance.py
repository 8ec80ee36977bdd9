"""Rebuilding a ledger from its journal, rolling it back, and purging old entries."""

import shutil
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import cast

import numpy as np

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.ledger.journal import (
    append,
    begins_at,
    create_version,
    entries,
    folded,
    numbers_of,
    open_ledger,
    require_complete_journal,
    version,
)
from include.codebashing_lms.ledger.numbered_files import numbered, remove
from include.codebashing_lms.ledger.schema import EntryMetadata
from include.codebashing_lms.ledger.versions import Ledger
from include.codebashing_lms.staging.files import StagedPath, atomic_write
from include.codebashing_lms.staging.layout import JOURNAL, VERSIONS
from include.codebashing_lms.staging.scratch import scratch_folder


def rebuild(folder: StagedPath) -> Ledger:
    """Fold the whole journal again; write the ledger where it is missing, damaged or different."""
    journal, versions = numbers_of(folder)
    if not journal:
        raise StagingError(f"There is no journal in {folder}: nothing to rebuild a ledger from.")
    require_complete_journal(folder, journal, versions)
    with scratch_folder() as scratch:
        ledger = folded(folder, _beginning(folder, journal, versions), journal[-1], scratch)
        target = numbered(folder / VERSIONS, ledger.number)
        if str(ledger.file) != str(target) and not _has_version(folder, ledger, versions):
            with atomic_write(target) as part:
                shutil.copyfile(cast(Path, ledger.file), part)
    return version(folder, ledger.number)


def _beginning(folder: StagedPath, journal: list[int], versions: list[int]) -> Ledger:
    number = begins_at(journal, versions)
    if number is None:
        raise StagingError(
            f"Old entries of the journal in {folder} were purged, and the version before the first that is "
            "left is gone. Bring versions/ back from a backup."
        )
    if number == 0:
        return Ledger(0)
    beginning = version(folder, number)
    for _ in beginning:
        pass  # read to its end: a damaged version is found before anything is built on it
    return beginning


def _has_version(folder: StagedPath, ledger: Ledger, versions: list[int]) -> bool:
    if ledger.number not in versions:
        return False
    try:
        there = version(folder, ledger.number)
        same_sizes = np.array_equal(there.rows_in, ledger.rows_in)
        return same_sizes and all(one.equals(other) for one, other in zip(there, ledger, strict=True))
    except StagingError:
        return False


def roll_back(folder: StagedPath, number: int, meta: EntryMetadata) -> Ledger:
    """Append an entry that brings back the ledger after an earlier entry; nothing is deleted."""
    ledger = open_ledger(folder)
    journal, versions = numbers_of(folder)
    beginning = _beginning(folder, journal, versions) if journal else ledger
    if not beginning.number <= number < ledger.number:
        raise StagingError(
            f"The ledger cannot go back to {number}: it is at {ledger.number}, and its journal reaches "
            f"back to {beginning.number}."
        )
    none = np.zeros(len(ledger), dtype=np.bool_)
    with scratch_folder() as scratch:
        earlier = folded(folder, beginning, number, scratch)
        return append(folder, ledger, earlier, none, {**meta, "kind": "rollback", "version": number})


def purge(folder: StagedPath, before: datetime) -> int:
    """Remove entries of the journal written before an instant, never the newest; return their number."""
    older = takewhile(lambda meta: datetime.fromisoformat(meta["when"]) < before, list(entries(folder))[:-1])
    old = [meta["number"] for meta in older]
    if old:
        beginning = _beginning(folder, *numbers_of(folder))
        with scratch_folder() as scratch:
            create_version(folder, folded(folder, beginning, max(old[-1], beginning.number), scratch))
    for number in old:
        remove(numbered(folder / JOURNAL, number))
    return len(old)

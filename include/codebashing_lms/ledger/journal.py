"""Opening a ledger and appending to its journal."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from include.codebashing_lms.errors import LedgerConflictError, StagingError
from include.codebashing_lms.ledger.numbered_files import (
    create,
    has_gaps,
    names_in,
    numbered,
    numbers,
    numbers_without_gaps,
    read_metadata,
    remove,
)
from include.codebashing_lms.ledger.schema import EntryMetadata, RowMask, entry_metadata, read_entry_metadata
from include.codebashing_lms.ledger.versions import Ledger, after_entry, version_at, write_entry, write_version
from include.codebashing_lms.staging.files import StagedPath, create_exclusive_json, remove_stale_partial_files
from include.codebashing_lms.staging.layout import DESTINATION, JOURNAL, VERSIONS
from include.codebashing_lms.staging.scratch import scratch_folder

log = logging.getLogger(__name__)

KEPT_VERSIONS = 10
RECENT = 20  # entries that are searched for the same delivery
REBUILD = (
    "trigger the DAG codebashing_lms_admin with the action rebuild, or run "
    "python -m include.codebashing_lms rebuild-ledger --connector FILE --staging DIR"
)


@dataclass(frozen=True)
class Journal(Sequence[EntryMetadata]):
    """Metadata of the entries of a journal, the oldest first; their rows are not read."""

    folder: StagedPath
    numbers: list[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, at: Any) -> Any:
        return read_entry_metadata(read_metadata(numbered(self.folder, self.numbers[at])))


def entries(folder: StagedPath) -> Journal:
    """Return the metadata of the journal's entries; each entry is read when it is asked for."""
    return Journal(folder / JOURNAL, numbers_without_gaps(folder / JOURNAL))


def open_ledger(folder: StagedPath) -> Ledger:
    """Return the newest ledger; entries that a killed writer left unfolded are folded in."""
    journal, versions = numbers_of(folder)
    if not journal and not versions and DESTINATION not in names_in(folder):
        return Ledger(0)
    require_complete_journal(folder, journal, versions)
    if not versions:
        raise StagingError(
            f"The ledger in {folder} is gone, but its journal is there: without it every row would be sent "
            f"again. Nothing was sent. Rebuild it: {REBUILD}"
        )
    newest, last = version(folder, versions[-1]), journal[-1] if journal else 0
    if newest.number == last:
        return newest
    with scratch_folder() as scratch:
        return create_version(folder, folded(folder, newest, last, scratch))


def numbers_of(folder: StagedPath) -> tuple[list[int], list[int]]:
    """Return the numbers of entries and versions; another writer adds an entry before its version."""
    versions, journal = numbers(folder / VERSIONS), numbers_without_gaps(folder / JOURNAL)
    if journal and not versions:
        versions = [number for number in numbers(folder / VERSIONS) if number <= journal[-1]]
    return journal, versions


def require_complete_journal(folder: StagedPath, journal: list[int], versions: list[int]) -> None:
    """Raise StagingError for a journal with gaps, or one that ends before the newest version."""
    last = journal[-1] if journal else 0
    whole = not has_gaps(journal) if journal else versions == [0]
    if not whole or (versions and versions[-1] > last):
        raise StagingError(
            f"Entries are missing from the journal in {folder / JOURNAL}: what was sent to the LMS is "
            "not known for certain. Nothing was sent. Bring them back from a backup."
        )


def folded(folder: StagedPath, ledger: Ledger, upto: int, scratch: Path) -> Ledger:
    """Fold the entries that follow a ledger, up to a number, into it; the result is in `scratch`."""
    for number in range(ledger.number + 1, upto + 1):
        before = ledger.file
        ledger = after_entry(ledger, numbered(folder / JOURNAL, number), scratch / f"{number:06d}.parquet")
        if isinstance(before, Path) and before.parent == scratch:
            before.unlink()
    return ledger


def version(folder: StagedPath, number: int) -> Ledger:
    """Return a version that is in the folder."""
    return version_at(numbered(folder / VERSIONS, number), number)


def create_version(folder: StagedPath, ledger: Ledger) -> Ledger:
    """Publish a version that was folded; another writer's version with that number has the same content."""
    target = numbered(folder / VERSIONS, ledger.number)
    if str(ledger.file) != str(target):
        create(target, cast(Path, ledger.file))
    return replace(ledger, file=target)


def append(
    folder: StagedPath, ledger: Ledger, rows: Iterable[pa.Table], unchanged: RowMask, meta: EntryMetadata
) -> Ledger:
    """Add an entry to the journal; return the ledger after it.

    :param rows: rows that were sent, one per learner and course, as in schema.SENT: with `refusal` where the
        LMS refused a row, with `baseline` where the LMS knows a row without it. Iterated more than once.
    :param unchanged: which rows of `ledger` were found unchanged.
    :param meta: metadata as in schema.py. An entry whose `delivery` is in the journal already is not added.
    :raises LedgerConflictError: another writer appended since `ledger` was opened.
    """
    if any(entry["delivery"] == meta["delivery"] for entry in islice(reversed(entries(folder)), RECENT)):
        return open_ledger(folder)
    numbered_meta = entry_metadata(ledger.number + 1, {"when": datetime.now(UTC).isoformat(), **meta})
    with scratch_folder() as scratch:
        entry = scratch / "entry.parquet"
        write_entry(entry, rows, unchanged, numbered_meta)
        after = after_entry(ledger, entry, scratch / "version.parquet")
        if ledger.number == 0:
            create_version(folder, write_version(scratch / "none.parquet", 0, []))
        if not create(numbered(folder / JOURNAL, after.number), entry):
            there = read_entry_metadata(read_metadata(numbered(folder / JOURNAL, after.number)))
            if there["delivery"] == meta["delivery"]:  # the answer of an object store may have been lost
                return open_ledger(folder)
            raise LedgerConflictError(
                f"Another run wrote journal entry {after.number} since this one opened the ledger. "
                "Its rows have to be compared again."
            )
        after = create_version(folder, after)
    create_exclusive_json(folder / DESTINATION, meta["destination"])
    _prune(folder)
    log.info("Journal entry %s: %s rows after it, %s unchanged", after.number, len(after), unchanged.sum())
    return after


def _prune(folder: StagedPath) -> None:
    """Remove old versions, except the one that the journal begins at, and files of killed writers."""
    journal, versions = numbers_of(folder)
    for number in versions[:-KEPT_VERSIONS]:
        if number != begins_at(journal, versions):
            remove(numbered(folder / VERSIONS, number))
    for name in (JOURNAL, VERSIONS):
        remove_stale_partial_files(folder / name)


def begins_at(journal: list[int], versions: list[int]) -> int | None:
    """Return the version that the journal begins at: the empty one, unless old entries were purged."""
    if journal[0] == 1:
        return 0
    return min((number for number in versions if number >= journal[0] - 1), default=None)

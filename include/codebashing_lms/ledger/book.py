"""Opening a ledger and appending to its journal."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pyarrow as pa

from include.codebashing_lms.errors import LedgerMovedError, StagingError
from include.codebashing_lms.ledger.fold import fold
from include.codebashing_lms.ledger.rows import (
    EMPTY,
    FORMAT,
    LEDGER,
    Entry,
    Seen,
    conform,
    facts_of,
    from_metadata,
    new_entry,
    to_metadata,
)
from include.codebashing_lms.ledger.store import (
    consecutive,
    create,
    holes,
    names_in,
    numbered,
    numbers,
    read,
    read_metadata,
    remove,
)
from include.codebashing_lms.staging import StagedPath, create_json, remove_old_parts

log = logging.getLogger(__name__)

DESCRIPTION = "destination.json"
KEPT_VERSIONS = 10
RECENT = 20  # entries among which the same delivery is looked for
REBUILD = (
    "trigger the DAG codebashing_lms_admin with the action rebuild, or run "
    "python -m include.codebashing_lms rebuild-ledger --connector FILE --staging DIR"
)


@dataclass(frozen=True)
class Ledger:
    """The last word per learner and course, after so many entries of the journal."""

    number: int
    table: pa.Table

    @property
    def is_empty(self) -> bool:
        """Tell whether the journal has no entry: the LMS was never told anything."""
        return self.number == 0


@dataclass(frozen=True)
class Journal(Sequence[dict[str, Any]]):
    """What the entries of a journal are about, the oldest first; their rows are not read."""

    folder: StagedPath
    numbers: list[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, at: Any) -> Any:
        return facts_of(read_metadata(numbered(self.folder, self.numbers[at])))


def entries(folder: StagedPath) -> Journal:
    """Return what the journal's entries are about; each is read when it is asked for."""
    return Journal(folder / "journal", consecutive(folder / "journal"))


def open_ledger(folder: StagedPath) -> Ledger:
    """Return the ledger as it is now; entries that a killed writer left unfolded are folded in."""
    journal, versions = numbers_of(folder)
    if not journal and not versions and DESCRIPTION not in names_in(folder):
        return Ledger(0, EMPTY)
    refuse_a_cut_journal(folder, journal, versions)
    if not versions:
        raise StagingError(
            f"The ledger in {folder} is gone, but its journal is there: without it every row would be sent "
            f"again. Nothing was sent. Rebuild it: {REBUILD}"
        )
    newest = Ledger(versions[-1], read_version(folder, versions[-1]))
    ledger = folded(folder, newest, journal[-1] if journal else 0)
    if ledger.number > newest.number:
        create_version(folder, ledger)
    return ledger


def numbers_of(folder: StagedPath) -> tuple[list[int], list[int]]:
    """Return the numbers of entries and versions; others may be writing, the entry before its version."""
    versions, journal = numbers(folder / "versions"), consecutive(folder / "journal")
    if journal and not versions:
        versions = [number for number in numbers(folder / "versions") if number <= journal[-1]]
    return journal, versions


def refuse_a_cut_journal(folder: StagedPath, journal: list[int], versions: list[int]) -> None:
    """Raise StagingError for a journal with holes, or one that ends before the newest version."""
    last = journal[-1] if journal else 0
    whole = not holes(journal) if journal else versions == [0]
    if not whole or (versions and versions[-1] > last):
        raise StagingError(
            f"Entries are missing from the journal in {folder / 'journal'}: what the LMS was told is not "
            "known for certain. Nothing was sent. Bring them back from a backup."
        )


def folded(folder: StagedPath, ledger: Ledger, upto: int) -> Ledger:
    """Return a ledger with the entries that follow it, up to a number."""
    table = ledger.table
    for number in range(ledger.number + 1, upto + 1):
        table = fold(table, _entry(folder, number))
    return Ledger(upto, table)


def _entry(folder: StagedPath, number: int) -> Entry:
    return from_metadata(*read(numbered(folder / "journal", number)))


def read_version(folder: StagedPath, number: int) -> pa.Table:
    """Return the table of a version; an older one may lack columns."""
    return conform(read(numbered(folder / "versions", number))[0], LEDGER)


def create_version(folder: StagedPath, ledger: Ledger) -> None:
    """Write a version; another writer's of the same number has the same content."""
    create(numbered(folder / "versions", ledger.number), ledger.table, version_metadata(ledger))


def version_metadata(ledger: Ledger) -> dict[str, str]:
    """Return the metadata of a version's file."""
    return {"format": FORMAT, "number": str(ledger.number)}


def append(folder: StagedPath, ledger: Ledger, told: pa.Table, seen: Seen, meta: dict[str, Any]) -> Ledger:
    """Add an entry to the journal; return the ledger after it.

    :param told: what the LMS was told, a row per learner and course; with `refusal` where it refused one,
        with `baseline` where it knew one beforehand.
    :param seen: which rows of `ledger` were found unchanged.
    :param meta: kind, as_of, destination, delivery (an ID that no other entry has; appending it again changes
        nothing) and what else is to be remembered.
    :raises LedgerMovedError: somebody else appended since `ledger` was opened.
    """
    if any(entry["delivery"] == meta["delivery"] for entry in islice(reversed(entries(folder)), RECENT)):
        return open_ledger(folder)
    when = datetime.now(UTC).isoformat()
    entry = new_entry(ledger.number + 1, told, seen, {"when": when, **meta})
    after = Ledger(ledger.number + 1, fold(ledger.table, entry))
    if ledger.number == 0:
        create_version(folder, ledger)
    if not create(numbered(folder / "journal", after.number), entry.rows, to_metadata(entry)):
        return _after_another(folder, after.number, meta)
    create_version(folder, after)
    create_json(folder / DESCRIPTION, meta["destination"])
    _prune(folder)
    log.info("Journal entry %s: %s rows told, %s found unchanged", after.number, len(told), int(seen.sum()))
    return after


def _after_another(folder: StagedPath, number: int, meta: dict[str, Any]) -> Ledger:
    """Our own entry may be there without our knowing: a store's answer was lost on the way."""
    there = facts_of(read_metadata(numbered(folder / "journal", number)))
    if there["delivery"] == meta["delivery"]:
        return open_ledger(folder)
    raise LedgerMovedError(
        f"Another run wrote journal entry {number} since this one opened the ledger. "
        "What is to be told has to be decided anew."
    )


def _prune(folder: StagedPath) -> None:
    """Remove old versions, but for the one that the journal begins at, and what killed writers left."""
    journal, versions = numbers_of(folder)
    for number in versions[:-KEPT_VERSIONS]:
        if number != begins_at(journal, versions):
            remove(numbered(folder / "versions", number))
    for name in ("journal", "versions"):
        remove_old_parts(folder / name)


def begins_at(journal: list[int], versions: list[int]) -> int | None:
    """Return the version that the journal goes on from: the empty one, unless old entries were purged."""
    if journal[0] == 1:
        return 0
    return min((number for number in versions if number >= journal[0] - 1), default=None)

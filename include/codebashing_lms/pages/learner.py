"""Why is this learner not there? What Codebashing said, and what the LMS was told, in one timeline.

Not every run is opened: between two that say the same, nothing is looked for. Progress does not fall, so a
learner's years are a handful of changes, found by halving. What the LMS was told comes from the journal, of
which every entry is looked at.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.ledger import ledgers
from include.codebashing_lms.ledger.rows import facts_of
from include.codebashing_lms.ledger.store import consecutive, numbered
from include.codebashing_lms.pages.runs import Cache, Run, Runs
from include.codebashing_lms.pages.whereabouts import Guess, Said, Wanted, where
from include.codebashing_lms.pages.words import NOTHING_TO_SEND, on_day, reason, spoken
from include.codebashing_lms.staging import StagedPath, local_copy
from include.codebashing_lms.transform.rows import STATUSES

PATIENCE = 2.0  # seconds to open runs, several times what it takes; what is not reached is said
SOON = timedelta(hours=6)
LONGEST = 320  # characters of an e-mail address
CACHED_ROWS = 300_000
NAMES = ["employee_id", "email"]

GOOD, QUIET, WAITING, ACT = "good", "quiet", "waiting", "act"
_hashes_of = Cache(2_000)


@dataclass(frozen=True)
class Event:
    """One thing that was said or told.

    :param until: as-of of the last run that said the same, where there are several.
    :param runs: how many runs lie from the first to the last that said it.
    """

    at: datetime
    tone: str
    title: str
    text: str = ""
    until: datetime | None = None
    runs: int = 1
    run_key: str | None = None


@dataclass(frozen=True)
class Found:
    """What is known of a learner, the newest first.

    :param opened: how many of the `runs` were opened; `whole` tells whether time sufficed.
    """

    names: tuple[str, ...]
    verdict: str
    tone: str
    events: tuple[Event, ...]
    opened: int
    runs: int
    whole: bool


@dataclass
class _Search:
    """One search: what is opened is remembered."""

    runs: Sequence[Run]
    wanted: Wanted
    one_record: bool
    give_up: float
    guess: Guess = field(default_factory=Guess)
    said: dict[int, tuple[Said, ...]] = field(default_factory=dict)
    whole: bool = True

    def at(self, number: int) -> tuple[Said, ...]:
        """Return what a run says of the learner."""
        if number not in self.said:
            self.said[number] = where(self.runs[number], self.wanted, self.guess, self.one_record)
        return self.said[number]

    def changes(self, first: int, last: int) -> None:
        """Open the runs between two until those next to each other differ, or all between say the same."""
        if last - first < 2 or _same(self.at(first), self.at(last)):
            return
        if time.monotonic() > self.give_up:
            self.whole = False
            return
        middle = (first + last) // 2
        self.at(middle)
        self.changes(first, middle)
        self.changes(middle, last)


def find(runs: Runs, who: str, one_record: bool, patience: float = PATIENCE) -> Found:
    """Return everything about the learner of an e-mail address or employee ID."""
    read = [run for run in runs.all if run.manifest["provenance"] != "rendered"]
    wanted = _wanted(who)
    search = _Search(read, wanted, one_record, time.monotonic() + patience)
    search.wanted = _also_known_as(search)
    if read:
        search.at(0), search.at(len(read) - 1)
        search.changes(0, len(read) - 1)
        _look_between(search)
    told = list(_told(runs.home, search.wanted))
    events = sorted([*_statements(search), *told], key=lambda one: one.at, reverse=True)
    verdict, tone = _verdict(search, told)
    names = tuple(sorted(search.wanted.emails | search.wanted.ids))
    return Found(names, verdict, tone, tuple(events), len(search.said), len(read), search.whole)


def _wanted(who: str) -> Wanted:
    name = who.strip()[:LONGEST]
    return Wanted(frozenset({name.lower()} if "@" in name else ()), frozenset({name} if name else ()))


def _also_known_as(search: _Search) -> Wanted:
    """Add the other name of somebody whose progress was told under one of them last."""
    told = [one for one in search.at(0) if one.place == "emitted"] if search.runs else []
    emails = {one.email.lower() for one in told if one.email}
    ids = {one.employee_id for one in told if one.employee_id}
    return Wanted(search.wanted.emails | emails, search.wanted.ids | ids)


def _look_between(search: _Search) -> None:
    """Somebody who is in neither the oldest nor the newest run may be in one between: try some of them."""
    if any(search.said.values()):
        return
    step = max(1, len(search.runs) // 8)
    for number in range(step, len(search.runs) - 1, step):
        if time.monotonic() > search.give_up:
            search.whole = False
            return
        if search.at(number):
            search.changes(0, number)
            search.changes(number, len(search.runs) - 1)
            return


def _same(one: tuple[Said, ...], other: tuple[Said, ...]) -> bool:
    return one == other


def _statements(search: _Search) -> list[Event]:
    """Return an event for each stretch of runs that say the same; runs are numbered from the newest."""
    events: list[Event] = []
    numbers = sorted(search.said)
    at = 0
    while at < len(numbers):
        end = at
        while end + 1 < len(numbers) and _same(search.said[numbers[at]], search.said[numbers[end + 1]]):
            end += 1
        newest, oldest = search.runs[numbers[at]], search.runs[numbers[end]]
        tone, title, text = _in_words(search.said[numbers[at]])
        until = newest.as_of if newest is not oldest else None
        events.append(
            Event(oldest.as_of, tone, title, text, until, numbers[end] - numbers[at] + 1, newest.key)
        )
        at = end + 1
    return events


def _in_words(said: tuple[Said, ...]) -> tuple[str, str, str]:
    """Return tone, title and text of what a run says."""
    if not said:
        return QUIET, "Codebashing did not name this learner", ""
    aside = [one for one in said if one.place == "set_aside"]
    if aside:
        first = reason(aside[0].reason)
        return ACT, f"Set aside: {_singular(aside[0].reason)}", f"{first.actor}: {first.remedy}"
    sendable = [one for one in said if one.place == "emitted"]
    if sendable:
        return QUIET, "Codebashing said", "; ".join(_progress(one) for one in sendable)
    why = said[0]
    if why.place == "merged":
        return WAITING, "The same learner twice", "The better record counts."
    return QUIET, "Nothing to send", NOTHING_TO_SEND.get(why.reason, spoken(why.reason)) + "."


def _singular(name: str) -> str:
    """Return a reason about one learner: the words of the list are about several."""
    return {
        "missing_employee_id": "no employee ID",
        "invalid_employee_id": "an employee ID that cannot be one",
        "conflicting_employee_id": "several people claim this employee ID",
        "changed_identity": "may have become somebody else",
        "invalid_email": "an e-mail address that cannot be one",
        "unmapped_user": "the LMS's user key is not known",
        "refused": "the LMS refused it",
        "unmapped_course": "the course is not in the course map",
        "invalid_count": "a lesson count that cannot be one",
        "invalid_percentage": "a percentage that cannot be one",
        "missing_completed_date": "finished without a completion date",
    }.get(name, spoken(name))


def _progress(one: Said) -> str:
    percent = f"{(one.hundredths or 0) / 100:.2f}".rstrip("0").rstrip(".")
    when = f" on {on_day(one.completed_at)}" if one.completed_at and one.status == "completed" else ""
    return f"{one.course or 'course'} {percent} %, {spoken(one.status)}{when}"


def _told(home: StagedPath, wanted: Wanted) -> Iterable[Event]:
    """Give an event for each entry of the journal that tells of the learner."""
    names = sorted(wanted.emails | {one.lower() for one in wanted.ids})
    hashes = _hashed(pa.array(names, pa.string()))
    for ledger in ledgers(home):
        for number in consecutive(ledger / "journal"):
            path = numbered(ledger / "journal", number)
            if not _may_tell(path, hashes):
                continue
            yield from _entry(path, wanted)


def _entry(path: StagedPath, wanted: Wanted) -> Iterable[Event]:
    with local_copy(path) as copy, pq.ParquetFile(copy) as file:
        table = file.read(use_threads=False)
    facts = facts_of({key.decode(): value.decode() for key, value in table.schema.metadata.items()})
    if facts["kind"] not in ("delivery", "baseline"):
        return
    rows = [row for row in table.to_pylist() if wanted.is_meant(row["email"], row["employee_id"])]
    for row in rows:
        yield _told_event(row, facts)


def _told_event(row: dict[str, Any], facts: dict[str, Any]) -> Event:
    at = parse_instant(str(facts["as_of"])) or datetime.now(UTC)
    when = parse_instant(str(facts.get("when") or facts["as_of"])) or at
    said = Said(
        "emitted",
        "",
        row["course"] or "",
        None,
        None,
        row["hundredths"],
        STATUSES[row["status"]],
        row["completed_at"] and row["completed_at"].replace(tzinfo=UTC),
    )
    under = f" (as {row['user_key'] or row['employee_id']}, course {row['course_id']})"
    if row.get("refusal"):
        return Event(at, ACT, "The LMS refused", f"{_progress(said)}{under}: {row['refusal']}")
    if row.get("baseline"):
        return Event(at, QUIET, "Known to the LMS already", _progress(said) + under)
    verdict = f" {facts['verdict'][0].upper()}{facts['verdict'][1:]}" if facts.get("verdict") else " Sent"
    later = f" on {on_day(when)}" if when - at > SOON else ""
    return Event(at, GOOD, "The LMS was told", f"{_progress(said)}{under}.{verdict}{later}.")


def _may_tell(path: StagedPath, hashes: npt.NDArray[np.uint64]) -> bool:
    """Tell whether an entry may be about the learner: it never changes, so its names' hashes stay known."""

    def names() -> npt.NDArray[np.uint64] | None:
        with local_copy(path) as copy, pq.ParquetFile(copy) as file:
            if file.metadata.num_rows > CACHED_ROWS:
                return None
            table = file.read(NAMES, use_threads=False)
        texts = [pc.unique(pc.utf8_lower(table[name])).drop_null() for name in NAMES]
        return np.concatenate([_hashed(one) for one in texts])

    known = _hashes_of.get(str(path), names)
    return known is None or bool(np.isin(hashes, known).any())


def _hashed(texts: pa.Array) -> npt.NDArray[np.uint64]:
    hashed: npt.NDArray[np.uint64] = pd.util.hash_array(
        texts.to_numpy(zero_copy_only=False), categorize=False
    )
    return hashed


def _verdict(search: _Search, told: list[Event]) -> tuple[str, str]:
    """Return the answer in a sentence, and its tone."""
    now = search.said.get(0, ())
    last = max((one.at for one in told if one.tone == GOOD), default=None)
    if not any(search.said.values()) and not told:
        where_to = (
            "in any run" if search.whole else f"in the {len(search.said)} runs that could be opened in time"
        )
        return f"Nobody of this name was found {where_to}.", WAITING
    if not now:
        ever = "The LMS was told about them before." if last else "The LMS was never told about them."
        return f"The last answer of Codebashing does not name this learner. {ever}", WAITING
    aside = next((one for one in now if one.place == "set_aside"), None)
    if aside:
        known = reason(aside.reason)
        return f"Set aside: {_singular(aside.reason)}. {known.remedy}", ACT
    if any(one.place == "emitted" for one in now):
        return (
            ("The LMS was told.", GOOD) if last else ("In the file, but the LMS was not told yet.", WAITING)
        )
    why = now[0]
    words = NOTHING_TO_SEND.get(why.reason, spoken(why.reason))
    return f"Nothing to send: {words}.", QUIET

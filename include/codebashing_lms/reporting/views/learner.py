"""Why is this learner not there? What Codebashing said, and what the LMS was told, in one timeline.

Not every run is opened: between two that say the same, nothing is looked for. Progress does not fall, so a
learner's years are a handful of changes, found by halving. What the LMS was told comes from the journal, of
which every entry is looked at.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from include.codebashing_lms.reporting.views.learner_journal import Event, journal_events, progress
from include.codebashing_lms.reporting.views.learner_records import (
    LearnerQuery,
    LearnerRecord,
    SearchHint,
    records_in_run,
)
from include.codebashing_lms.reporting.views.run_status import ACT, GOOD, QUIET, WAITING
from include.codebashing_lms.reporting.views.runs import Run, Runs
from include.codebashing_lms.reporting.wording import nothing_to_send, on_day, reason

TIME_BUDGET = 2.0  # seconds to open runs, several times what it takes; what is not reached is said
LONGEST = 320  # characters of an e-mail address


@dataclass(frozen=True)
class LearnerAnswer:
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
    wanted: LearnerQuery
    one_record: bool
    give_up: float
    guess: SearchHint = field(default_factory=SearchHint)
    said: dict[int, tuple[LearnerRecord, ...]] = field(default_factory=dict)
    whole: bool = True

    def at(self, number: int) -> tuple[LearnerRecord, ...]:
        """Return what a run says of the learner."""
        if number not in self.said:
            self.said[number] = records_in_run(self.runs[number], self.wanted, self.guess, self.one_record)
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


def answer_learner(runs: Runs, who: str, one_record: bool, patience: float = TIME_BUDGET) -> LearnerAnswer:
    """Return everything about the learner of an e-mail address or employee ID."""
    read = [run for run in runs.all if run.manifest.provenance != "rendered"]
    wanted = _wanted(who)
    search = _Search(read, wanted, one_record, time.monotonic() + patience)
    search.wanted = _also_known_as(search)
    if read:
        search.at(0), search.at(len(read) - 1)
        search.changes(0, len(read) - 1)
        _look_between(search)
    told = list(journal_events(runs.home, search.wanted))
    events = sorted([*_statements(search), *told], key=lambda one: one.at, reverse=True)
    verdict, tone = _verdict(search, told)
    names = tuple(sorted(search.wanted.emails | search.wanted.ids))
    return LearnerAnswer(names, verdict, tone, tuple(events), len(search.said), len(read), search.whole)


def _wanted(who: str) -> LearnerQuery:
    name = who.strip()[:LONGEST]
    return LearnerQuery(frozenset({name.lower()} if "@" in name else ()), frozenset({name} if name else ()))


def _also_known_as(search: _Search) -> LearnerQuery:
    """Add the other name of somebody whose progress was told under one of them last."""
    told = [one for one in search.at(0) if one.place == "emitted"] if search.runs else []
    emails = {one.email.lower() for one in told if one.email}
    ids = {one.employee_id for one in told if one.employee_id}
    return LearnerQuery(search.wanted.emails | emails, search.wanted.ids | ids)


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


def _same(one: tuple[LearnerRecord, ...], other: tuple[LearnerRecord, ...]) -> bool:
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


def _in_words(said: tuple[LearnerRecord, ...]) -> tuple[str, str, str]:
    """Return tone, title and text of what a run says."""
    if not said:
        return QUIET, "Codebashing did not name this learner", ""
    aside = [one for one in said if one.place == "set_aside"]
    if aside:
        first = reason(aside[0].reason)
        return ACT, f"Set aside: {first.of_one}", f"{first.actor}: {first.remedy}"
    sendable = [one for one in said if one.place == "emitted"]
    if sendable:
        return QUIET, "Codebashing said", "; ".join(progress(one) for one in sendable)
    why = said[0]
    if why.place == "merged":
        return WAITING, "The same learner twice", "The better record counts."
    return QUIET, "Nothing to send", nothing_to_send(why.reason) + "."


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
        return f"Set aside: {known.of_one}. {known.remedy}", ACT
    if any(one.place == "emitted" for one in now):
        if last is None:
            return "In the file, but the LMS was not told yet.", WAITING
        return f"The LMS was told, last on {on_day(last)}.", GOOD
    why = now[0]
    words = nothing_to_send(why.reason)
    return f"Nothing to send: {words}.", QUIET

"""Why is this learner not there? The newest run, the journal, and since when.

The newest run has the learner's records of today, and since when the learner is set aside. The journal has
what the LMS was sent, and when.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from include.codebashing_lms.reporting.views.learner_journal import Event, journal_events
from include.codebashing_lms.reporting.views.learner_records import LearnerQuery, LearnerRecord, newest_records
from include.codebashing_lms.reporting.views.run_status import ACT, GOOD, QUIET, WAITING
from include.codebashing_lms.reporting.views.runs import Runs
from include.codebashing_lms.reporting.wording import nothing_to_send, on_day, reason
from include.codebashing_lms.transform.records.dispositions import Group

LONGEST = 320  # characters of an e-mail address


@dataclass(frozen=True)
class LearnerAnswer:
    """What is known of a learner.

    :param names: the names that were searched: the given one, and the other one of an emitted record.
    :param events: the newest first.
    """

    names: tuple[str, ...]
    sentence: str
    tone: str
    events: tuple[Event, ...]


def answer_learner(runs: Runs, who: str) -> LearnerAnswer:
    """Return what is known of the learner of an e-mail address or employee ID."""
    read = [run for run in runs.all if run.manifest.provenance != "rendered"]
    name = who.strip()[:LONGEST]
    query = LearnerQuery(frozenset({name.lower()} if "@" in name else ()), frozenset({name} if name else ()))
    records = newest_records(read, query) if read else ()
    query = _with_other_name(query, records)
    sent = list(journal_events(runs.home, query))
    sentence, tone = _answer(records, sent)
    names = tuple(sorted(query.emails | query.ids))
    newest = [Event(read[0].as_of, *_describe(records), read[0].key)] if read and (records or sent) else []
    events = sorted([*newest, *sent], key=lambda event: event.at, reverse=True)
    return LearnerAnswer(names, sentence, tone, tuple(events))


def _with_other_name(query: LearnerQuery, records: Sequence[LearnerRecord]) -> LearnerQuery:
    """Add address and employee ID of emitted records: the journal may have the learner under either."""
    emitted = [record for record in records if record.group is Group.EMITTED]
    emails = {record.email.lower() for record in emitted if record.email}
    ids = {record.employee_id for record in emitted if record.employee_id}
    return LearnerQuery(query.emails | emails, query.ids | ids)


def _describe(records: Sequence[LearnerRecord]) -> tuple[str, str, str]:
    if not records:
        return QUIET, "Not in the answer of Codebashing", ""
    for record in _of_group(records, Group.SET_ASIDE):
        meaning = reason(record.reason)
        return ACT, f"Set aside: {meaning.of_one}", f"{meaning.actor}: {meaning.remedy}"
    emitted = _of_group(records, Group.EMITTED)
    if emitted:
        return QUIET, "Read from Codebashing", "; ".join(record.progress for record in emitted)
    return QUIET, "Nothing to send", f"{nothing_to_send(_first_withheld(records).reason)}."


def _answer(records: Sequence[LearnerRecord], sent: Sequence[Event]) -> tuple[str, str]:
    last = max((event.at for event in sent if event.tone == GOOD), default=None)
    if not records and not sent:
        return "Nobody of this name was found in the newest run and in the journal.", WAITING
    if not records:
        ever = f"was sent to the LMS, last on {on_day(last)}" if last else "was never sent to the LMS"
        return f"The last answer of Codebashing does not name this learner. Progress {ever}.", WAITING
    for record in _of_group(records, Group.SET_ASIDE):
        meaning = reason(record.reason)
        since = f" since {record.since}" if record.since else ""
        return f"Set aside{since}: {meaning.of_one}. {meaning.remedy}", ACT
    if not _of_group(records, Group.EMITTED):
        return f"Nothing to send: {nothing_to_send(_first_withheld(records).reason)}.", QUIET
    if last is None:
        return "In the file, but not sent to the LMS yet.", WAITING
    return f"Sent to the LMS, last on {on_day(last)}.", GOOD


def _first_withheld(records: Sequence[LearnerRecord]) -> LearnerRecord:
    return next(iter(_of_group(records, Group.WITHHELD)), records[0])


def _of_group(records: Sequence[LearnerRecord], group: Group) -> list[LearnerRecord]:
    return [record for record in records if record.group is group]

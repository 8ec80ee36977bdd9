"""What the LMS was told about one learner, from the journal: every entry is looked at, few are read.

An entry never changes, so the names in it are kept as hashes, and the next search opens only those it needs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.numbered_files import numbered, numbers_without_gaps
from include.codebashing_lms.ledger.schema import read_entry_metadata
from include.codebashing_lms.reporting.views.learner_records import LearnerQuery, LearnerRecord, places
from include.codebashing_lms.reporting.views.run_status import ACT, GOOD, QUIET
from include.codebashing_lms.reporting.views.runs import Cache
from include.codebashing_lms.reporting.wording import humanize, on_day
from include.codebashing_lms.staging.files import StagedPath, local_copy
from include.codebashing_lms.staging.layout import JOURNAL
from include.codebashing_lms.transform.records.columns import STATUSES

SOON = timedelta(hours=6)
CACHED_ROWS = 300_000
NAMES = ["employee_id", "email"]

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


def journal_events(home: StagedPath, wanted: LearnerQuery) -> Iterable[Event]:
    """Give an event for each entry of the journal that tells of the learner."""
    names = sorted(wanted.emails | {one.lower() for one in wanted.ids})
    hashes = _hashed(pa.array(names, pa.string()))
    for ledger in ledgers(home):
        for number in numbers_without_gaps(ledger / JOURNAL):
            path = numbered(ledger / JOURNAL, number)
            if not _may_tell(path, hashes):
                continue
            yield from _entry(path, wanted)


def _entry(path: StagedPath, wanted: LearnerQuery) -> Iterable[Event]:
    """Give an event for each row of an entry that is about the learner."""
    with local_copy(path) as copy, pq.ParquetFile(copy) as file:
        facts = read_entry_metadata(
            {key.decode(): value.decode() for key, value in file.metadata.metadata.items()}
        )
        if facts["kind"] not in ("delivery", "refusal", "baseline"):
            return
        for group in range(file.num_row_groups):
            at = places(file.read_row_group(group, NAMES, use_threads=False), wanted)
            if len(at):
                rows = file.read_row_group(group, use_threads=False).take(at)
                late = facts["kind"] == "refusal"  # the others in it were told before
                told = [row for row in rows.to_pylist() if row["refusal"] or not late]
                yield from (_sent_event(row, facts) for row in told)


def _sent_event(row: dict[str, Any], facts: dict[str, Any]) -> Event:
    at = parse_instant(str(facts["as_of"])) or datetime.now(UTC)
    when = parse_instant(str(facts.get("when") or facts["as_of"])) or at
    if row["status"] is None:  # a reject list names nothing else
        return Event(at, ACT, "The LMS refused", f"{row['course'] or 'course'}: {row['refusal']}")
    said = LearnerRecord(
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
        return Event(at, ACT, "The LMS refused", f"{progress(said)}{under}: {row['refusal']}")
    if row.get("baseline"):
        return Event(at, QUIET, "Known to the LMS already", progress(said) + under)
    verdict = f" {facts['known'][0].upper()}{facts['known'][1:]}" if facts.get("known") else " Sent"
    later = f" on {on_day(when)}" if when - at > SOON else ""
    return Event(at, GOOD, "The LMS was told", f"{progress(said)}{under}.{verdict}{later}.")


def _may_tell(path: StagedPath, hashes: npt.NDArray[np.uint64]) -> bool:
    """Tell whether an entry may be about the learner: it never changes, so its names' hashes stay known."""

    def names() -> npt.NDArray[np.uint64] | None:
        """Return the hashes of all names in the entry, None where they are too many to keep."""
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


def progress(one: LearnerRecord) -> str:
    """Return how far somebody has come on a course."""
    percent = f"{(one.hundredths or 0) / 100:.2f}".rstrip("0").rstrip(".")
    when = f" on {on_day(one.completed_at)}" if one.completed_at and one.status == "completed" else ""
    return f"{one.course or 'course'} {percent} %, {humanize(one.status)}{when}"

"""What the LMS was sent about one learner, from the journal.

An entry of the journal never changes. The hashes of its names are kept, so that the next search opens only
the entries that may name the learner.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from cachetools import LRUCache, cached

from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.numbered_files import numbered, numbers_without_gaps
from include.codebashing_lms.ledger.schema import read_entry_metadata
from include.codebashing_lms.reporting.views.learner_records import NAMES, LearnerQuery, describe_progress, rows_of
from include.codebashing_lms.reporting.views.run_status import ACT, GOOD, QUIET
from include.codebashing_lms.reporting.wording import on_day
from include.codebashing_lms.staging.files import StagedPath, local_copy
from include.codebashing_lms.staging.layout import JOURNAL
from include.codebashing_lms.transform.records.columns import STATUSES

SOON = timedelta(hours=6)  # a delivery that follows its as-of this closely needs no date of its own
CACHED_ROWS = 300_000


@dataclass(frozen=True)
class Event:
    """One event in the learner's timeline.

    :param at: the as-of of the run or of the delivery.
    :param run_key: the run to link to.
    """

    at: datetime
    tone: str
    title: str
    text: str = ""
    run_key: str | None = None


def journal_events(home: StagedPath, query: LearnerQuery) -> Iterator[Event]:
    """Yield an event for each row of the journal that is about the learner."""
    names = sorted(query.emails | {one.lower() for one in query.ids})
    hashes = _hashed(pa.array(names, pa.string()))
    for ledger in ledgers(home):
        for number in numbers_without_gaps(ledger / JOURNAL):
            path = numbered(ledger / JOURNAL, number)
            known = _name_hashes(path)
            if known is None or np.isin(hashes, known).any():
                yield from _entry_events(path, query)


def _entry_events(path: StagedPath, query: LearnerQuery) -> Iterator[Event]:
    with local_copy(path) as copy, pq.ParquetFile(copy) as file:
        metadata = {key.decode(): value.decode() for key, value in file.metadata.metadata.items()}
        entry = read_entry_metadata(metadata)
        if entry["kind"] not in ("delivery", "refusal", "baseline"):
            return
        refusals_only = entry["kind"] == "refusal"  # an earlier entry has the other rows of the delivery
        for row in rows_of(file, query):
            if row["refusal"] or not refusals_only:
                yield _event(row, entry)


def _event(row: dict[str, Any], entry: dict[str, Any]) -> Event:
    at = parse_instant(str(entry["as_of"])) or datetime.now(UTC)
    if row["status"] is None:  # a list of refused rows names nothing else
        return Event(at, ACT, "The LMS refused", f"{row['course'] or 'course'}: {row['refusal']}")
    progress = describe_progress(row["course"], row["hundredths"], STATUSES[row["status"]], row["completed_at"])
    target = f"{progress} (as {row['user_key'] or row['employee_id']}, course {row['course_id']})"
    if row.get("refusal"):
        return Event(at, ACT, "The LMS refused", f"{target}: {row['refusal']}")
    if row.get("baseline"):
        return Event(at, QUIET, "Known to the LMS already", target)
    status = entry.get("verdict") or "sent"
    sent_at = parse_instant(str(entry.get("when") or entry["as_of"])) or at
    later = f" on {on_day(sent_at)}" if sent_at - at > SOON else ""
    return Event(at, GOOD, "Sent to the LMS", f"{target}. {status[0].upper()}{status[1:]}{later}.")


@cached(LRUCache(2_000), key=str, lock=Lock())
def _name_hashes(path: StagedPath) -> npt.NDArray[np.uint64] | None:
    with local_copy(path) as copy, pq.ParquetFile(copy) as file:
        if file.metadata.num_rows > CACHED_ROWS:
            return None
        table = file.read(NAMES, use_threads=False)
    texts = [pc.unique(pc.utf8_lower(table[name])).drop_null() for name in NAMES]
    return np.concatenate([_hashed(one) for one in texts])


def _hashed(texts: pa.Array) -> npt.NDArray[np.uint64]:
    hashed: npt.NDArray[np.uint64] = pd.util.hash_array(texts.to_numpy(zero_copy_only=False), categorize=False)
    return hashed

"""The columns of ledger and journal, and an entry of the journal.

Metadata of an entry, a JSON object in the footer of its file:

kind         one of KINDS
number       its number in the journal, from 1
delivery     an ID that no other entry has
as_of        instant that its rows are true for
when         instant at which it was written
destination  who the LMS is, as in destination.json
rows         number of rows
unchanged    number of rows of the ledger that were found unchanged
verdict      what is known of a delivery, in words for people
since        completions before it count as known to the LMS; from the last answer to first_delivery or reset
version      of a roll-back, the entry that the ledger was rolled back to

A delivery and an action of the admin DAG add what they keep: file, checksum, run, person, reason.
"""

import base64
import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.errors import StagingError

FORMAT = "2"
KINDS = ("delivery", "observation", "refusal", "baseline", "reset", "rollback", "resend")
INSTANT = pa.timestamp("us")  # UTC

KEY = ("employee_id", "course")
VALUES = ("user_key", "course_id", "email", "hundredths", "status", "lessons_total")
DATE = ("completed_at", "completed_is_day")

LEDGER = pa.schema(
    [
        ("employee_id", pa.string()),
        ("course", pa.string()),  # slug, "" when the source named none
        ("user_key", pa.string()),
        ("course_id", pa.string()),
        ("email", pa.string()),
        ("hundredths", pa.int32()),
        ("status", pa.int8()),
        ("completed_at", INSTANT),  # the first date that was sent; see transform/records/dates.py
        ("completed_is_day", pa.bool_()),
        ("lessons_total", pa.int64()),
        ("sent_at", INSTANT),  # as-of when it was last sent; empty: the next load sends it again
        ("valid_at", INSTANT),  # latest as-of at which it was sent or found unchanged
        ("baseline", pa.bool_()),  # known from an export of the LMS, never sent
        ("refusals", pa.int8()),  # how often in a row the LMS refused it for the same reason
        ("refusal", pa.string()),
        ("refused_at", INSTANT),  # as-of of the refused row
        ("refused_as", pa.int64()),  # fingerprint of the refused row
    ]
)
SENT = pa.schema([LEDGER.field(name) for name in (*KEY, *VALUES, *DATE, "refusal", "refused_as", "baseline")])
EMPTY = LEDGER.empty_table()

EntryMetadata = dict[str, Any]
RowMask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Entry:
    """An entry of the journal, or its part about some employees.

    :param rows: rows that were sent, or count as known; of a resend, learners and courses; of a roll-back,
        the ledger to go back to.
    :param unchanged: which rows of the ledger before it were found unchanged at its as-of.
    """

    meta: EntryMetadata
    rows: pa.Table
    unchanged: RowMask

    @property
    def kind(self) -> str:
        """Return one of KINDS."""
        return str(self.meta["kind"])

    @property
    def as_of(self) -> pa.Scalar:
        """Return the instant that its rows are true for, as columns hold it."""
        instant = parse_instant(self.meta["as_of"])
        return pa.scalar(instant.replace(tzinfo=None) if instant else None, INSTANT)


def entry_metadata(number: int, meta: EntryMetadata) -> EntryMetadata:
    """Return the metadata of an entry as the journal keeps it."""
    as_of = meta["as_of"]
    exact = as_of.astimezone(UTC).isoformat() if isinstance(as_of, datetime) else as_of
    return {**meta, "format": FORMAT, "number": number, "as_of": exact}


def schema_of(meta: EntryMetadata) -> pa.Schema:
    """Return the columns of an entry's rows."""
    return LEDGER if meta["kind"] == "rollback" else SENT


def align_to_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns of a schema; a missing column is empty."""
    have = set(table.column_names)
    columns = [
        table[field.name].cast(field.type) if field.name in have else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def to_footer(meta: EntryMetadata, unchanged: RowMask) -> dict[str, str]:
    """Return all of an entry but its rows as metadata of its file: one read of the footer gives them."""
    packed = base64.b64encode(zlib.compress(np.packbits(unchanged).tobytes())).decode()
    entry = json.dumps(meta, ensure_ascii=False)
    return {"entry": entry, "unchanged": packed, "ledger_rows": str(len(unchanged))}


def read_unchanged(footer: dict[str, str]) -> RowMask:
    """Return which rows of the ledger before it an entry found unchanged."""
    packed = np.frombuffer(zlib.decompress(base64.b64decode(footer["unchanged"])), dtype=np.uint8)
    return np.unpackbits(packed, count=int(footer["ledger_rows"])).astype(np.bool_)


def read_entry_metadata(footer: dict[str, str]) -> EntryMetadata:
    """Return the metadata of an entry; raise StagingError for a kind that this version does not know."""
    meta: EntryMetadata = json.loads(footer["entry"])
    if meta["kind"] not in KINDS:
        raise StagingError(
            f"Journal entry {meta['number']} is of a kind this version does not know: "
            "it was written by a newer one. Install that again."
        )
    return meta

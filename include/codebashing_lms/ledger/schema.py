"""The columns of the ledger and of what was told, and an entry of the journal."""

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
INSTANT = pa.timestamp("us")

KEY = ("employee_id", "course")
VALUES = ("user_key", "course_id", "email", "hundredths", "status", "lessons_total")

LEDGER = pa.schema(
    [
        ("employee_id", pa.string()),
        ("course", pa.string()),  # slug, "" when the source named none
        ("user_key", pa.string()),
        ("course_id", pa.string()),
        ("email", pa.string()),
        ("hundredths", pa.int32()),
        ("status", pa.int8()),
        ("completed_at", INSTANT),  # the first date that was told
        ("lessons_total", pa.int64()),
        ("sent_at", INSTANT),  # as-of of the last telling; empty: to be told again
        ("valid_at", INSTANT),  # latest as-of at which it was told or found unchanged
        ("baseline", pa.bool_()),  # known from an export of the LMS, never sent
        ("refusals", pa.int8()),  # how often in a row the LMS refused it for the same reason
        ("refusal", pa.string()),
        ("refused_at", INSTANT),  # as-of of what it refused
        ("refused_as", pa.int64()),  # fingerprint of what it refused
    ]
)
SENT = pa.schema(
    [LEDGER.field(name) for name in (*KEY, *VALUES, "completed_at", "refusal", "refused_as", "baseline")]
)
EMPTY = LEDGER.empty_table()

Seen = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Entry:
    """An entry of the journal, or what it says of some employees.

    :param meta: what it is about: kind, number, delivery, as_of and whatever its writer adds.
    :param rows: what was told; of a roll-back, the ledger that stands again; of a resend, whose.
    :param seen: which rows of the ledger before it were found unchanged at its as-of.
    """

    meta: dict[str, Any]
    rows: pa.Table
    seen: Seen

    @property
    def kind(self) -> str:
        """Return what sort of entry it is, one of KINDS."""
        return str(self.meta["kind"])

    @property
    def as_of(self) -> pa.Scalar:
        """Return the instant its rows are true for, as columns hold it."""
        instant = parse_instant(self.meta["as_of"])
        return pa.scalar(instant.replace(tzinfo=None) if instant else None, INSTANT)


def entry_metadata(number: int, meta: dict[str, Any]) -> dict[str, Any]:
    """Return what an entry is about as the journal keeps it."""
    as_of = meta["as_of"]
    exact = as_of.astimezone(UTC).isoformat() if isinstance(as_of, datetime) else as_of
    return {**meta, "format": FORMAT, "number": number, "as_of": exact}


def schema_of(facts: dict[str, Any]) -> pa.Schema:
    """Return the columns of an entry's rows."""
    return LEDGER if facts["kind"] == "rollback" else SENT


def align_to_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns of a schema; what is missing is empty."""
    have = set(table.column_names)
    columns = [
        table[field.name].cast(field.type) if field.name in have else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def to_metadata(facts: dict[str, Any], seen: Seen) -> dict[str, str]:
    """Return all of an entry but its rows as the metadata of its file, which one read of the footer gives."""
    packed = base64.b64encode(zlib.compress(np.packbits(seen).tobytes())).decode()
    return {
        "entry": json.dumps(facts, ensure_ascii=False),
        "unchanged": packed,
        "ledger_rows": str(len(seen)),
    }


def seen_of(metadata: dict[str, str]) -> Seen:
    """Return which rows of the ledger before it an entry found unchanged."""
    packed = np.frombuffer(zlib.decompress(base64.b64decode(metadata["unchanged"])), dtype=np.uint8)
    return np.unpackbits(packed, count=int(metadata["ledger_rows"])).astype(np.bool_)


def read_entry_metadata(metadata: dict[str, str]) -> dict[str, Any]:
    """Return what an entry is about."""
    facts: dict[str, Any] = json.loads(metadata["entry"])
    if facts["kind"] not in KINDS:
        raise StagingError(
            f"Journal entry {facts['number']} is of a kind this version does not know: "
            "it was written by a newer one. Install that again."
        )
    return facts

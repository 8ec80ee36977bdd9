"""How an entry of the journal changes the ledger: one pure function, the same result on every machine.

The result is the same for all rows at once and for the rows of some employees. A row of the ledger keeps its
position; new rows follow in the order of the entry. The last entry about a learner and course decides the
values, with these exceptions:

- The first completion date stays.
- `valid_at` never goes back.
- A row that the LMS refused changes the columns about refusals only.
- A row that is sent again where the LMS may still refuse it is not refused now, but the count goes on.
- A baseline (an export of the LMS) does not overwrite what was sent after the export was made.
- An observation does not change `sent_at`.
- A resend clears `sent_at` and the count of refusals, so that the next load sends the row again.
- A reset empties the ledger first.
- A roll-back replaces the ledger with an earlier one.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.ledger.schema import (
    DATE,
    EMPTY,
    INSTANT,
    KEY,
    LEDGER,
    SENT,
    VALUES,
    Entry,
    align_to_schema,
)

MAX_REFUSALS = 127  # as many as the column holds


def fold(table: pa.Table, entry: Entry) -> pa.Table:
    """Return rows of the ledger after the entry's rows about the same employees."""
    if entry.kind == "rollback":
        return entry.rows
    if entry.kind == "reset":
        return apply_rows(EMPTY, entry)
    if entry.kind == "resend":
        return mark_for_resend(table, entry)
    return apply_rows(mark_unchanged(table, entry), entry)


def mark_unchanged(table: pa.Table, entry: Entry) -> pa.Table:
    """Return the ledger with the later of `valid_at` and as-of where the entry found rows unchanged."""
    if not entry.unchanged.any():
        return table
    known = flat(table["valid_at"])
    valid_at = pc.if_else(pa.array(entry.unchanged), pc.max_element_wise(known, entry.as_of), known)
    return table.set_column(table.column_names.index("valid_at"), LEDGER.field("valid_at"), valid_at)


def mark_for_resend(table: pa.Table, entry: Entry) -> pa.Table:
    """Return the ledger without `sent_at` and refusals of the entry's rows; all other values stay."""
    named = pc.is_valid(positions(table, entry.rows))
    for name, value in (("sent_at", None), ("refusals", 0)):
        field = LEDGER.field(name)
        column = pc.if_else(named, pa.scalar(value, field.type), flat(table[name]))
        table = table.set_column(table.column_names.index(name), field, column)
    return table


def apply_rows(table: pa.Table, entry: Entry) -> pa.Table:
    """Return the ledger with the rows of an entry in it."""
    if not len(entry.rows):
        return table
    position = positions(table, entry.rows)
    known = pc.is_valid(position)
    at = pa.array(np.flatnonzero(known))
    rows = pc.drop_null(position)
    is_new = np.ones(len(entry.rows), dtype=np.bool_)
    is_new[rows] = False
    new_rows = entry.rows if is_new.all() else entry.rows.filter(pa.array(is_new))
    again = updated(table.take(at), entry.rows.take(rows), entry)
    first = updated(align_to_schema(new_rows.select(KEY), LEDGER), new_rows, entry)
    columns = [_with(table[name], known, again[name], first[name]) for name in LEDGER.names]
    return pa.Table.from_arrays(columns, schema=LEDGER)


def _with(column: pa.ChunkedArray, known: pa.Array, again: pa.Array, first: pa.Array) -> pa.ChunkedArray:
    """Replace the values of known rows and append those of new rows; an unchanged column is not copied."""
    if len(again) and not again.equals(flat(column.filter(known))):
        column = pa.chunked_array([pc.replace_with_mask(flat(column), known, again)])
    return pa.chunked_array([*column.chunks, first], first.type) if len(first) else column


def positions(table: pa.Table, rows: pa.Table) -> pa.Array:
    """Return for each row of the ledger the position of the same learner and course in `rows`, or null."""
    courses = pc.unique(rows["course"])
    keys = _keys(flat(rows["employee_id"]), flat(rows["course"]), courses)
    if pc.count_distinct(keys, mode="all").as_py() < len(rows) or keys.null_count:
        raise StagingError("A journal entry names a learner and course twice, or none. Nothing was written.")
    return pc.index_in(_keys(flat(table["employee_id"]), flat(table["course"]), courses), value_set=keys)


def _keys(employee_id: pa.Array, course: pa.Array, courses: pa.Array) -> pa.Array:
    """Return learner and course as one text, null for a course that is not in `courses`.

    The course stands first, as a number: texts that look alike when joined stay apart.
    """
    number = pc.cast(pc.index_in(course, value_set=courses), pa.string())
    return pc.binary_join_element_wise(number, employee_id, ":")


def flat(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def updated(before: pa.Table, rows: pa.Table, entry: Entry) -> dict[str, pa.Array]:
    """Return the columns of the ledger after an entry, for some rows of the entry.

    :param before: the ledger's values of the same learners and courses; empty where these are new.
    """
    old = {name: flat(before[name]) for name in LEDGER.names}
    new = {name: flat(rows[name]) for name in SENT.names}
    refused = pc.is_valid(new["refusal"])
    in_baseline = pc.fill_null(new["baseline"], entry.kind == "baseline")
    newer = pc.fill_null(pc.greater(old["valid_at"], entry.as_of), False)
    accepted = pc.and_not(pc.invert(refused), pc.and_(in_baseline, newer))

    def if_accepted(value: pa.Array, otherwise: pa.Array) -> pa.Array:
        return value if pc.all(accepted).as_py() else pc.if_else(accepted, value, otherwise)

    columns = new | {name: if_accepted(new[name], old[name]) for name in VALUES}
    has_date = pc.is_valid(old["completed_at"])  # the first date stands
    columns |= {name: pc.if_else(has_date, old[name], if_accepted(new[name], old[name])) for name in DATE}
    latest = pc.max_element_wise(old["valid_at"], entry.as_of)
    columns["valid_at"] = if_accepted(latest, old["valid_at"])
    columns["sent_at"] = old["sent_at"]
    columns["baseline"] = was_baseline = pc.fill_null(old["baseline"], False)
    if entry.kind != "observation":
        columns["sent_at"] = if_accepted(pa.repeat(entry.as_of, len(rows)), old["sent_at"])
        never_sent = pc.or_(was_baseline, pc.is_null(old["sent_at"]))
        columns["baseline"] = if_accepted(pc.and_(in_baseline, never_sent), was_baseline)
    return columns | _refusals(old, new, entry)


def _refusals(old: dict[str, pa.Array], new: dict[str, pa.Array], entry: Entry) -> dict[str, pa.Array]:
    """Return the columns about refusals; former ones stay where the LMS may still refuse a row sent again."""
    refused = pc.is_valid(new["refusal"])
    names = ("refusal", "refused_as", "refusals")
    stays = bool(entry.meta.get("refusals_to_come"))
    former = {name: old[name] if stays else pa.nulls(len(refused), LEDGER.field(name).type) for name in names}
    same = pc.fill_null(pc.equal(old["refusal"], new["refusal"]), False)
    times = pc.if_else(same, pc.fill_null(old["refusals"], 0), 0)
    limit, one = pa.scalar(MAX_REFUSALS - 1, pa.int8()), pa.scalar(1, pa.int8())
    once_more = pc.add(pc.min_element_wise(times, limit), one)
    refusals = pc.if_else(refused, once_more, pc.fill_null(former["refusals"], 0))
    return {
        "refusal": pc.coalesce(new["refusal"], former["refusal"]),
        "refused_as": pc.if_else(refused, new["refused_as"], former["refused_as"]),
        "refusals": pc.cast(refusals, pa.int8()),
        "refused_at": pc.if_else(refused, entry.as_of, pa.scalar(None, INSTANT)),
    }

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

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.ledger.schema import DATE, EMPTY, INSTANT, LEDGER, VALUES, Entry

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
    again = RowUpdate(lambda name: flat(table[name].take(at)), entry.rows.take(rows), entry)
    first = RowUpdate(None, entry.rows if is_new.all() else entry.rows.filter(pa.array(is_new)), entry)
    columns = [_with(table[name], known, again.column(name), first.column(name)) for name in LEDGER.names]
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


@dataclass(frozen=True)
class RowUpdate:
    """Rows of an entry, with the ledger's values of the same learners and courses.

    :param before: gives a column of the ledger for these rows; None when they are new.
    """

    before: Callable[[str], pa.Array] | None
    rows: pa.Table
    entry: Entry

    def column(self, name: str) -> pa.Array:
        """Return a column of the ledger for these rows after the entry."""
        if name in VALUES:
            return self._if_accepted(self.new(name), self.old(name))
        if name in DATE:
            return self._of_first_date(name)
        rule: Callable[[], pa.Array] = getattr(self, f"_{name}", lambda: self.new(name))
        return rule()

    def new(self, name: str) -> pa.Array:
        """Return a column of the entry."""
        return flat(self.rows[name])

    def old(self, name: str) -> pa.Array:
        """Return a column of the ledger before the entry."""
        if self.before is None:
            return pa.nulls(len(self.rows), LEDGER.field(name).type)
        return self.before(name)

    @cached_property
    def in_baseline(self) -> pa.Array:
        """Return which rows count as known to the LMS without having been sent."""
        return pc.fill_null(self.new("baseline"), self.entry.kind == "baseline")

    @cached_property
    def accepted(self) -> pa.Array:
        """Return which rows take the values of the entry."""
        newer = pc.fill_null(pc.greater(self.old("valid_at"), self.entry.as_of), False)
        return pc.and_not(pc.is_null(self.new("refusal")), pc.and_(self.in_baseline, newer))

    def _if_accepted(self, new: pa.Array, otherwise: pa.Array) -> pa.Array:
        return new if pc.all(self.accepted).as_py() else pc.if_else(self.accepted, new, otherwise)

    def _of_first_date(self, name: str) -> pa.Array:
        """Return a column of the first date: the ledger's, else that of the entry."""
        old = self.old(name)
        return pc.if_else(pc.is_valid(self.old("completed_at")), old, self._if_accepted(self.new(name), old))

    def _sent_at(self) -> pa.Array:
        old = self.old("sent_at")
        if self.entry.kind == "observation":
            return old
        return self._if_accepted(pa.repeat(self.entry.as_of, len(self.rows)), old)

    def _valid_at(self) -> pa.Array:
        old = self.old("valid_at")
        return self._if_accepted(pc.max_element_wise(old, self.entry.as_of), old)

    def _baseline(self) -> pa.Array:
        old = pc.fill_null(self.old("baseline"), False)
        if self.entry.kind == "observation":
            return old
        never_sent = pc.or_(old, pc.is_null(self.old("sent_at")))
        return self._if_accepted(pc.and_(self.in_baseline, never_sent), old)

    @cached_property
    def refused(self) -> pa.Array:
        """Return which rows the LMS refused."""
        return pc.is_valid(self.new("refusal"))

    def _former(self, name: str) -> pa.Array:
        if self.entry.meta.get("refusals_to_come"):
            return self.old(name)
        return pa.nulls(len(self.rows), LEDGER.field(name).type)

    def _refusal(self) -> pa.Array:
        return pc.coalesce(self.new("refusal"), self._former("refusal"))

    def _refused_as(self) -> pa.Array:
        return pc.if_else(self.refused, self.new("refused_as"), self._former("refused_as"))

    def _refusals(self) -> pa.Array:
        same = pc.fill_null(pc.equal(self.old("refusal"), self.new("refusal")), False)
        before = pc.if_else(same, pc.fill_null(self.old("refusals"), 0), 0)
        limit, one = pa.scalar(MAX_REFUSALS - 1, pa.int8()), pa.scalar(1, pa.int8())
        once_more = pc.add(pc.min_element_wise(before, limit), one)
        otherwise = pc.fill_null(self._former("refusals"), 0)
        return pc.cast(pc.if_else(self.refused, once_more, otherwise), pa.int8())

    def _refused_at(self) -> pa.Array:
        return pc.if_else(self.refused, self.entry.as_of, pa.scalar(None, INSTANT))

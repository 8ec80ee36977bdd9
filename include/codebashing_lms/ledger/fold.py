"""How an entry of the journal changes the ledger: one pure function, the same result on every machine.

It is the same whether it sees all rows or those of some employees. Rows keep their place; new ones follow in
the order of the entry. The ledger says what the LMS was told last,
so the last entry has the word, except that
- a completion date, once told, stays;
- `valid_at` never goes back;
- a row the LMS refused changes nothing but what is known of refusals; told again where it may still be
  refused, it is not refused now, but the count goes on;
- a baseline (an export of the LMS) does not overwrite what was told after it was made;
- an observation is no telling;
- a resend takes the instant of the last telling and the count of refusals from rows: they are told again.
A reset empties the ledger, a roll-back brings an earlier one back whole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.ledger.schema import EMPTY, INSTANT, LEDGER, VALUES, Entry

MANY = 127  # as many refusals as the column holds


def fold(table: pa.Table, entry: Entry) -> pa.Table:
    """Return rows of the ledger after what an entry says of the same employees."""
    if entry.kind == "rollback":
        return entry.rows
    if entry.kind == "reset":
        return apply_rows(EMPTY, entry)
    if entry.kind == "resend":
        return mark_for_resend(table, entry)
    return apply_rows(mark_unchanged(table, entry), entry)


def mark_unchanged(table: pa.Table, entry: Entry) -> pa.Table:
    """Return the ledger with the later of `valid_at` and as-of where rows were found as they were told."""
    if not entry.seen.any():
        return table
    known = flat(table["valid_at"])
    valid_at = pc.if_else(pa.array(entry.seen), pc.max_element_wise(known, entry.as_of), known)
    return table.set_column(table.column_names.index("valid_at"), LEDGER.field("valid_at"), valid_at)


def mark_for_resend(table: pa.Table, entry: Entry) -> pa.Table:
    """Return the ledger without the instant of telling of some rows; their last word and first date stand."""
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
    place = positions(table, entry.rows)
    known = pc.is_valid(place)
    at = pa.array(np.flatnonzero(known))
    rows = pc.drop_null(place)
    is_new = np.ones(len(entry.rows), dtype=np.bool_)
    is_new[rows] = False
    again = RowUpdate(lambda name: flat(table[name].take(at)), entry.rows.take(rows), entry)
    first = RowUpdate(None, entry.rows if is_new.all() else entry.rows.filter(pa.array(is_new)), entry)
    columns = [_with(table[name], known, again.column(name), first.column(name)) for name in LEDGER.names]
    return pa.Table.from_arrays(columns, schema=LEDGER)


def _with(column: pa.ChunkedArray, known: pa.Array, again: pa.Array, first: pa.Array) -> pa.ChunkedArray:
    """Put rows told again in their places and new ones behind; a column without news is not copied."""
    if len(again) and not again.equals(flat(column.filter(known))):
        column = pa.chunked_array([pc.replace_with_mask(flat(column), known, again)])
    return pa.chunked_array([*column.chunks, first], first.type) if len(first) else column


def positions(table: pa.Table, told: pa.Table) -> pa.Array:
    """Return for each row of the ledger which of the told rows is about the same learner and course."""
    courses = pc.unique(told["course"])
    wanted = _keys(flat(told["employee_id"]), flat(told["course"]), courses)
    if pc.count_distinct(wanted, mode="all").as_py() < len(told) or wanted.null_count:
        raise StagingError("A journal entry names a learner and course twice, or none. Nothing was written.")
    return pc.index_in(_keys(flat(table["employee_id"]), flat(table["course"]), courses), value_set=wanted)


def _keys(employee_id: pa.Array, course: pa.Array, courses: pa.Array) -> pa.Array:
    """Return learner and course as one text; null for another course. The number keeps them apart."""
    number = pc.cast(pc.index_in(course, value_set=courses), pa.string())
    return pc.binary_join_element_wise(number, employee_id, ":")


def flat(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


@dataclass(frozen=True)
class RowUpdate:
    """Rows that are told, beside what the ledger has about the same learners and courses.

    :param before: gives a column of the ledger for them, None when they are new.
    """

    before: Callable[[str], pa.Array] | None
    told: pa.Table
    entry: Entry

    def column(self, name: str) -> pa.Array:
        """Return a column of the ledger for these rows, after the telling."""
        if name in VALUES:
            return self._where_taken(self.new(name), self.old(name))
        rule: Callable[[], pa.Array] = getattr(self, f"_{name}", lambda: self.new(name))
        return rule()

    def new(self, name: str) -> pa.Array:
        """Return a column as it was told."""
        return flat(self.told[name])

    def old(self, name: str) -> pa.Array:
        """Return a column as it was before."""
        if self.before is None:
            return pa.nulls(len(self.told), LEDGER.field(name).type)
        return self.before(name)

    @cached_property
    def known_beforehand(self) -> pa.Array:
        """Return which rows the LMS was not sent, but has."""
        return pc.fill_null(self.new("baseline"), self.entry.kind == "baseline")

    @cached_property
    def taken(self) -> pa.Array:
        """Return which rows the LMS took, so that its word is the entry's now."""
        newer = pc.fill_null(pc.greater(self.old("valid_at"), self.entry.as_of), False)
        return pc.and_not(pc.is_null(self.new("refusal")), pc.and_(self.known_beforehand, newer))

    def _where_taken(self, then: pa.Array, otherwise: pa.Array) -> pa.Array:
        return then if pc.all(self.taken).as_py() else pc.if_else(self.taken, then, otherwise)

    def _at(self) -> pa.Array:
        return pa.repeat(self.entry.as_of, len(self.told))

    def _completed_at(self) -> pa.Array:
        old = self.old("completed_at")
        return pc.coalesce(old, self._where_taken(self.new("completed_at"), old))

    def _sent_at(self) -> pa.Array:
        old = self.old("sent_at")
        return old if self.entry.kind == "observation" else self._where_taken(self._at(), old)

    def _valid_at(self) -> pa.Array:
        old = self.old("valid_at")
        return self._where_taken(pc.max_element_wise(old, self.entry.as_of), old)

    def _baseline(self) -> pa.Array:
        old = pc.fill_null(self.old("baseline"), False)
        if self.entry.kind == "observation":
            return old
        never_sent = pc.or_(old, pc.is_null(self.old("sent_at")))
        return self._where_taken(pc.and_(self.known_beforehand, never_sent), old)

    @cached_property
    def refused(self) -> pa.Array:
        """Return which rows the LMS refused."""
        return pc.is_valid(self.new("refusal"))

    def _afterwards(self, name: str) -> pa.Array:
        """Return what is left of former refusals when a row is told again."""
        if self.entry.meta.get("refusals_to_come"):
            return self.old(name)
        return pa.nulls(len(self.told), LEDGER.field(name).type)

    def _refusal(self) -> pa.Array:
        return pc.coalesce(self.new("refusal"), self._afterwards("refusal"))

    def _refused_as(self) -> pa.Array:
        return pc.if_else(self.refused, self.new("refused_as"), self._afterwards("refused_as"))

    def _refusals(self) -> pa.Array:
        same = pc.fill_null(pc.equal(self.old("refusal"), self.new("refusal")), False)
        before = pc.if_else(same, pc.fill_null(self.old("refusals"), 0), 0)
        once_more = pc.add(
            pc.min_element_wise(before, pa.scalar(MANY - 1, pa.int8())), pa.scalar(1, pa.int8())
        )
        otherwise = pc.fill_null(self._afterwards("refusals"), 0)
        return pc.cast(pc.if_else(self.refused, once_more, otherwise), pa.int8())

    def _refused_at(self) -> pa.Array:
        return pc.if_else(self.refused, self.entry.as_of, pa.scalar(None, INSTANT))

"""The rows of a run beside the ledger, a slice at a time, so that memory does not grow with the rows."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.changes import Decision, Memory, Rules, Verdict, decide

SLICE = 25_000


class Comparison:
    """Decides all rows of rows.parquet.

    :param ledger: the last words, as the ledger has them.
    """

    def __init__(self, rows: Path, ledger: pa.Table, rules: Rules) -> None:
        self.rows, self.ledger, self.rules = rows, ledger, rules

    def decisions(self) -> Iterator[Decision]:
        """Give the rows in their order, decided."""
        self._note_addresses()
        rules = self._with_held()
        for table in self._slices():
            yield self._decide(table, rules)

    def _note_addresses(self) -> None:
        """Note which rows of the ledger have an address that is in the run: a million are hashed once."""
        addresses = pc.unique(pc.utf8_lower(self._one_a_learner("email"))).drop_null()
        self._still_there = pc.is_in(self.ledger["email"], value_set=addresses)

    def _with_held(self) -> Rules:
        """Return the rules with those employees held who are in doubt by rows in several slices."""
        apart = _often(self._one_a_learner("employee_id"))
        found = [part for table in self._slices() if len(part := _of(table, apart))] if len(apart) else []
        if not found:
            return self.rules
        rows = self._decide(pa.concat_tables(found), self.rules).rows
        doubted = rows.loc[rows["verdict"] == Verdict.CHANGED_IDENTITY, "employee_id"]
        return Rules(**(vars(self.rules) | {"held": frozenset(doubted)}))

    def _decide(self, table: pa.Table, rules: Rules) -> Decision:
        told_ids, told_emails = self.ledger["employee_id"], self.ledger["email"]
        places = pa.array(_places(told_ids, pc.unique(table["employee_id"])))
        told = self.ledger.take(places)
        emails = pc.unique(pc.utf8_lower(table["email"])).drop_null()
        namesakes = self.ledger.select(["email", "employee_id"]).take(pa.array(_places(told_emails, emails)))
        still_there = pc.unique(told["email"].filter(self._still_there.take(places))).to_pylist()
        known = told.to_pandas().assign(place=places.to_numpy())
        return decide(table.to_pandas(), Memory(known, namesakes.to_pandas(), frozenset(still_there)), rules)

    def _slices(self, columns: list[str] | None = None) -> Iterator[pa.Table]:
        with pq.ParquetFile(self.rows, pre_buffer=False) as file:
            for batch in file.iter_batches(SLICE, columns=columns, use_threads=False):
                yield _plain(pa.Table.from_batches([batch]))

    def _one_a_learner(self, name: str) -> pa.ChunkedArray:
        """Return a column of all rows, once for those that stand together in a slice with the same value."""
        chunks = [chunk for table in self._slices([name]) for chunk in table[name].chunks]
        runs = [pc.run_end_encode(chunk).values for chunk in chunks]  # noqa: PD011 (of Arrow, not of pandas)
        return pa.chunked_array(runs, pa.string())


def _plain(table: pa.Table) -> pa.Table:
    """Return a table with texts instead of numbered texts."""
    fields = [
        pa.field(one.name, pa.string() if pa.types.is_dictionary(one.type) else one.type)
        for one in table.schema
    ]
    return table.cast(pa.schema(fields))


def _places(column: pa.ChunkedArray, values: pa.Array) -> npt.NDArray[np.int64]:
    return np.flatnonzero(pc.is_in(column, value_set=values).to_numpy()).astype(np.int64)


def _of(table: pa.Table, ids: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table["employee_id"], value_set=ids))


def _often(values: pa.ChunkedArray) -> pa.Array:
    """Return the values that stand more than once."""
    encoded = values.combine_chunks().dictionary_encode()
    return encoded.dictionary.filter(pa.array(np.bincount(encoded.indices.to_numpy()) > 1))


@dataclass
class Summary:
    """What the decisions of a run add up to."""

    seen: npt.NDArray[np.bool_]
    sent: int = 0
    verdicts: Counter[int] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    corrections: int = 0
    learners: int = 0
    fell: int = 0
    oldest: datetime | None = None
    growth: dict[tuple[str, int, int], int] = field(default_factory=dict)

    def add(self, decision: Decision) -> None:
        """Count the rows of a decision."""
        rows = decision.rows
        sent = rows[decision.send]
        self.seen[rows.loc[rows["verdict"] == Verdict.UNCHANGED, "place"]] = True
        self.sent += len(sent)
        self.verdicts.update(rows["verdict"].tolist())
        self.statuses.update(sent["status"].tolist())
        self.warnings.update(decision.warnings)
        self.corrections += len(decision.to_correct())
        self.learners += rows["employee_id"].nunique()
        self.fell += decision.fell
        for one in decision.growth:
            course = one["course"], one["lessons_were"], one["lessons_are"]
            self.growth[course] = self.growth.get(course, 0) + one["learners"]
        dates = sent["completed_at"].dropna()
        if len(dates):
            first = pd.Timestamp(dates.min()).to_pydatetime()
            self.oldest = min(first, self.oldest or first)

    def course_growth(self) -> list[dict[str, Any]]:
        """Return the courses that gained lessons under finished learners, for the manifest."""
        return [
            {"course": course, "lessons_were": before, "lessons_are": now, "learners": learners}
            for (course, before, now), learners in sorted(self.growth.items())
        ]

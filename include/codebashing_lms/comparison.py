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
        addresses = pc.unique(pc.utf8_lower(self._column("email"))).drop_null()
        ids = self._column("employee_id")
        rules = self._with_held(_apart(ids), addresses)
        for table in self._slices():
            yield self._decide(table, addresses, rules)

    def _with_held(self, apart: pa.Array, addresses: pa.Array) -> Rules:
        """Return the rules with those employees held who are in doubt by rows in several slices."""
        found = [part for table in self._slices() if len(part := _of(table, apart))] if len(apart) else []
        if not found:
            return self.rules
        rows = self._decide(pa.concat_tables(found), addresses, self.rules).rows
        doubted = rows.loc[rows["verdict"] == Verdict.CHANGED_IDENTITY, "employee_id"]
        return Rules(**(vars(self.rules) | {"held": frozenset(doubted)}))

    def _decide(self, table: pa.Table, addresses: pa.Array, rules: Rules) -> Decision:
        told_ids, told_emails = self.ledger["employee_id"], self.ledger["email"]
        places = _places(told_ids, pc.unique(table["employee_id"]))
        told = self.ledger.take(pa.array(places))
        emails = pc.unique(pc.utf8_lower(table["email"])).drop_null()
        namesakes = self.ledger.select(["email", "employee_id"]).take(pa.array(_places(told_emails, emails)))
        before = pc.unique(told["email"]).drop_null()
        still_there = before.filter(pc.is_in(before, value_set=addresses)).to_pylist()
        memory = Memory(told.to_pandas().assign(place=places), namesakes.to_pandas(), frozenset(still_there))
        return decide(table.to_pandas(), memory, rules)

    def _slices(self, columns: list[str] | None = None) -> Iterator[pa.Table]:
        with pq.ParquetFile(self.rows, pre_buffer=False) as file:
            for batch in file.iter_batches(SLICE, columns=columns, use_threads=False):
                yield _plain(pa.Table.from_batches([batch]))

    def _column(self, name: str) -> pa.ChunkedArray:
        parts = [part for table in self._slices([name]) for part in table[name].chunks]
        return pa.chunked_array(parts, pa.string())


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


def _apart(ids: pa.ChunkedArray) -> pa.Array:
    """Return the employees whose rows do not all stand together in one slice."""
    if not len(ids):
        return pa.array([], pa.string())
    encoded = ids.combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy()
    starts = np.append(True, np.diff(codes) != 0)
    starts[::SLICE] = True
    often = np.bincount(codes[starts], minlength=len(encoded.dictionary)) > 1
    return encoded.dictionary.filter(pa.array(often))


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

"""Any entries in any order: the same ledger from the journal, each learner once, time forwards."""

import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.codebashing_lms.ledger.journal import append, open_ledger
from include.codebashing_lms.ledger.maintenance import rebuild
from include.codebashing_lms.ledger.schema import KEY
from tests.ledger.journal_entries import day, meta, noon, row, rows

LEARNERS = st.tuples(st.sampled_from(["1", "01", "1:0", "é"]), st.sampled_from(["", "java", "0:java"]))
ROWS = st.builds(
    lambda key, percent, done, is_day, refusal, baseline: row(
        *key,
        percent,
        completed_at=done and noon(done),
        completed_is_day=bool(done) and is_day,
        refusal=refusal,
        refused_as=len(refusal) if refusal else None,
        baseline=baseline,
    ),
    key=LEARNERS,
    percent=st.sampled_from([0, 50, 100]),
    done=st.none() | st.integers(1, 28),
    is_day=st.booleans(),
    refusal=st.none() | st.sampled_from(["no such user", "closed"]),
    baseline=st.none() | st.booleans(),
)
ENTRIES = st.tuples(
    st.sampled_from(["delivery", "delivery", "observation", "baseline", "refusal", "resend"]),
    st.integers(1, 28),
    st.lists(ROWS, max_size=6, unique_by=lambda one: (one["employee_id"], one["course"])),
    st.lists(st.booleans(), min_size=12, max_size=12),
)


def by_key(ledger):
    return {(one["employee_id"], one["course"]): one for one in ledger.table.to_pylist()}


def expected(before, entry):
    """Apply the entry to a dictionary, one row after the other: the same rules, written differently."""
    kind, as_of, given, mask = entry
    after = {key: dict(known) for key, known in before.items()}
    if kind == "resend":
        named = {tuple(one[name] for name in KEY) for one in given}
        again = {"sent_at": None, "refusals": 0}
        return {key: known | (again if key in named else {}) for key, known in after.items()}
    for known, unchanged in zip(after.values(), mask, strict=False):
        if unchanged:
            known["valid_at"] = max(known["valid_at"] or noon(as_of), noon(as_of))
    for one in given:
        key = tuple(one[name] for name in KEY)
        blank = dict.fromkeys(next(iter(before.values()), None) or BLANK) | {"baseline": False, "refusals": 0}
        after[key] = row_after(after.get(key, blank | dict(zip(KEY, key, strict=True))), one, kind, noon(as_of))
    return after


BLANK = dict.fromkeys(
    ["user_key", "course_id", "email", "hundredths", "status", "completed_at", "lessons_total", "sent_at"]
    + ["refused_at", "refused_as", "completed_is_day"]
    + ["valid_at", "baseline", "refusals", "refusal", *KEY]
)


def row_after(row, one, kind, as_of):
    if one["refusal"]:
        again = row["refusals"] if one["refusal"] == row["refusal"] else 0
        about = {"refused_at": as_of, "refused_as": one["refused_as"]}
        return row | about | {"refusal": one["refusal"], "refusals": again + 1}
    row = row | {"refusal": None, "refusals": 0, "refused_at": None, "refused_as": None}
    in_baseline = kind == "baseline" if one["baseline"] is None else one["baseline"]
    if in_baseline and row["valid_at"] and row["valid_at"] > as_of:
        return row
    never_sent = row["baseline"] or row["sent_at"] is None
    new = {name: one[name] for name in ("user_key", "course_id", "email", "hundredths", "status", "lessons_total")}
    first = row if row["completed_at"] else one
    new |= {name: first[name] for name in ("completed_at", "completed_is_day")}
    new["valid_at"] = max(row["valid_at"] or as_of, as_of)
    if kind != "observation":
        new |= {"sent_at": as_of, "baseline": in_baseline and never_sent}
    return row | new


@contextmanager
def few_rows_at_once(rows):
    """Compare and fold so few rows at once that there are portions and lines enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("include.codebashing_lms.ledger.buckets.AT_ONCE", rows)
        patch.setattr("include.codebashing_lms.streaming.partition.CHUNK", rows)
        yield


@settings(max_examples=60, deadline=None)
@given(st.lists(ENTRIES, min_size=1, max_size=6), st.sampled_from([1, 3, 100_000]))
def test_any_history(history, at_once):
    with tempfile.TemporaryDirectory() as name, few_rows_at_once(at_once):
        folder = Path(name)
        ledger = {}
        for number, entry in enumerate(history):
            kind, as_of, given, unchanged = entry
            before = open_ledger(folder)
            mask = np.resize(np.array(unchanged), len(before.table))
            after = append(folder, before, [rows(*given)], mask, meta(day(as_of), kind, number=number))
            ledger = expected(ledger, entry)
            assert by_key(after) == ledger
            keys = list(zip(*(after.table[name].to_pylist() for name in KEY), strict=True))
            assert len(set(keys)) == len(keys)
            assert [key for key in keys if key in by_key(before)] == list(by_key(before))
            ledger = {key: ledger[key] for key in keys}
            for key, earlier in by_key(before).items():
                later = ledger[key]
                assert earlier["valid_at"] is None or earlier["valid_at"] <= later["valid_at"]
                assert earlier["completed_at"] in (None, later["completed_at"])
        written = after.table
        assert open_ledger(folder).table.equals(written)
        (folder / "versions" / f"{after.number:06d}.parquet").unlink()
        with few_rows_at_once(2):
            assert rebuild(folder).table.equals(written)

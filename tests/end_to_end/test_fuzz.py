"""A little of what `make fuzz` does."""

from tests.end_to_end.fuzz import fuzz


def test_two_thousand_hostile_records():
    found = fuzz(2_000, seed=20261123)
    assert (found.records, found.snapshots, found.damaged) == (2_000, 5, 1)
    assert (
        min(found.dispositions[name] for name in ("emitted", "set_aside.invalid_employee_id", "withheld.no_course"))
        > 10
    )

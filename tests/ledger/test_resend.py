"""Rows that a person wants sent again: they are marked, and all other values stay."""

from include.codebashing_lms.ledger.journal import open_ledger
from include.codebashing_lms.ledger.maintenance import rebuild
from tests.ledger.journal_entries import add_entry, noon, row, row_of


def test_a_resend_clears_sent_at_and_nothing_else(tmp_path):
    before = add_entry(tmp_path, 1, row("1", percent=100), row("2"), row("1", "go"))
    after = add_entry(tmp_path, 5, {"employee_id": "1", "course": "java"}, kind="resend")
    assert row_of(after, "1") == {**row_of(before, "1"), "sent_at": None}
    assert [row_of(after, *one) for one in (("2",), ("1", "go"))] == [
        row_of(before, *one) for one in (("2",), ("1", "go"))
    ]
    assert after.table["employee_id"].to_pylist() == before.table["employee_id"].to_pylist()


def test_a_resend_lets_the_lms_refuse_anew(tmp_path):
    add_entry(tmp_path, 1, row("1", refusal="no such user"))
    after = add_entry(tmp_path, 5, {"employee_id": "1", "course": "java"}, kind="resend")
    assert (row_of(after, "1")["refusals"], row_of(after, "1")["refusal"]) == (0, "no such user")


def test_the_next_delivery_ends_a_resend_and_the_first_date_stays(tmp_path):
    add_entry(tmp_path, 1, row("1", percent=100))
    add_entry(tmp_path, 5, {"employee_id": "1", "course": "java"}, kind="resend")
    found = row_of(add_entry(tmp_path, 6, row("1", percent=100, completed_at=noon(6))), "1")
    assert (found["sent_at"], found["completed_at"]) == (noon(6), noon(1))


def test_a_resend_is_folded_from_the_journal_again(tmp_path):
    add_entry(tmp_path, 1, row("1"), row("2"))
    add_entry(tmp_path, 2, {"employee_id": "2", "course": "java"}, kind="resend")
    newest = open_ledger(tmp_path).table
    for version in (tmp_path / "versions").iterdir():
        version.unlink()
    assert rebuild(tmp_path).table.equals(newest)

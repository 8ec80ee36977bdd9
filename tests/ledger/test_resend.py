"""Rows that a person wants told again: they are marked, and nothing else about them is forgotten."""

from include.codebashing_lms.ledger.journal import open_ledger
from include.codebashing_lms.ledger.maintenance import rebuild
from tests.ledger.journal_entries import noon, row, said, tell


def test_a_resend_takes_the_instant_of_telling_and_nothing_else(tmp_path):
    before = tell(tmp_path, 1, row("1", percent=100), row("2"), row("1", "go"))
    after = tell(tmp_path, 5, {"employee_id": "1", "course": "java"}, kind="resend")
    assert said(after, "1") == {**said(before, "1"), "sent_at": None}
    assert [said(after, *one) for one in (("2",), ("1", "go"))] == [
        said(before, *one) for one in (("2",), ("1", "go"))
    ]
    assert after.table["employee_id"].to_pylist() == before.table["employee_id"].to_pylist()


def test_a_resend_lets_the_lms_refuse_anew(tmp_path):
    tell(tmp_path, 1, row("1", refusal="no such user"))
    after = tell(tmp_path, 5, {"employee_id": "1", "course": "java"}, kind="resend")
    assert (said(after, "1")["refusals"], said(after, "1")["refusal"]) == (0, "no such user")


def test_the_next_telling_ends_it_and_the_first_date_stands(tmp_path):
    tell(tmp_path, 1, row("1", percent=100))
    tell(tmp_path, 5, {"employee_id": "1", "course": "java"}, kind="resend")
    word = said(tell(tmp_path, 6, row("1", percent=100, completed_at=noon(6))), "1")
    assert (word["sent_at"], word["completed_at"]) == (noon(6), noon(1))


def test_it_is_folded_from_the_journal_again(tmp_path):
    tell(tmp_path, 1, row("1"), row("2"))
    tell(tmp_path, 2, {"employee_id": "2", "course": "java"}, kind="resend")
    newest = open_ledger(tmp_path).table
    for version in (tmp_path / "versions").iterdir():
        version.unlink()
    assert rebuild(tmp_path).table.equals(newest)

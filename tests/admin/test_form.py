"""A form that makes no sense is refused before anything is read."""

import pytest

from include.codebashing_lms.admin.form import AdminForm, check
from include.codebashing_lms.errors import ConnectorError


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"action": "delete"}, "Action must be one of first_delivery, reset"),
        ({"action": "reset", "reason": None}, "Reset needs a reason: it is kept in the journal with your name"),
        ({"action": "reset", "course": "java"}, "Reset has no use for course: leave it empty"),
        ({"action": "purge", "number": 0}, "Purge has no use for number"),
        ({"action": "first_delivery"}, "First_delivery needs an answer: all, since, baseline"),
        ({"action": "first_delivery", "answer": "some"}, "First_delivery needs an answer"),
        ({"action": "first_delivery", "answer": "since"}, "First_delivery needs since"),
        ({"action": "first_delivery", "answer": "baseline"}, "First_delivery needs file"),
        ({"action": "first_delivery", "answer": "all", "file": "x"}, "The answer all has no use for file"),
        ({"action": "resend"}, "Resend needs to know which rows"),
        ({"action": "resend", "number": 1}, "Resend has no use for number"),
        ({"action": "settle", "delivery": "x"}, "Settle needs found"),
        ({"action": "settle", "delivery": "x", "found": "lost"}, "Found must be one of taken, not_taken"),
    ],
)
def test_refused(answers, message):
    with pytest.raises(ConnectorError) as refused:
        check(AdminForm(**{"run_id": "manual__1", "reason": "because", **answers}))
    assert message in str(refused.value)
    assert "Nothing was changed." in str(refused.value)


@pytest.mark.parametrize(
    "answers",
    [
        {"action": "rebuild", "reason": None},
        {"action": "purge", "reason": None},
        {"action": "roll_back"},
        {"action": "roll_back", "number": 0},
        {"action": "resend", "course": "java", "until": "2026-11-23"},
        {"action": "settle", "delivery": "x", "found": "taken"},
    ],
)
def test_accepted(answers):
    check(AdminForm(**{"run_id": "manual__1", "reason": "because", **answers}))

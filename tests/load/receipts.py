"""Receipts to try things with."""

from typing import Any

from include.codebashing_lms.load.receipt import Receipt, State


def receipt(state: State = State.SENDING, **changes: Any) -> Receipt:
    """Return the receipt of one file with one row, with changes."""
    whole = {
        "connector": "acme",
        "connector_sha256": "0",
        "package_version": "1",
        "run_id": "run",
        "clear_number": 0,
        "triggered_by": None,
        "skipped_guards": [],
        "reason": None,
        "method": "folder",
        "rows": 1,
        "refused": 0,
        "refusals_to_come": True,
        "file": "acme.csv",
        "bytes": 84,
        "sha256": "c0ffee",
        "as_of": "2026-11-23T05:15:02Z",
        "provenance": "live",
        "learners": {"read": 1, "known": 1},
        "sending_since": "2026-11-23T05:16:00Z",
        "where": "/drop/acme.csv",
        "destination": {},
    }
    return Receipt(state=state, **{**whole, **changes})

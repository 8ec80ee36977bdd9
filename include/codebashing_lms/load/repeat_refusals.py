"""Rows that the LMS refuses again and again.

A refused row goes again with the next run. A row that was refused three times for the same reason waits for a
person, until its values change, or HR or the admin DAG allow another try.
"""

import hashlib
import json
import re
from typing import Any

import numpy as np
import pandas as pd

OFTEN = 3
NUMBERS = re.compile(r"\d+")
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|“[^”]*”|«[^»]*»|`[^`]*`")
# The columns that may be the reason why the LMS refuses a row.
CONCERNED = (
    "user_key", "course_id", "course_title", "email", "hundredths", "status", "completed_at",
    "completed_is_day", "accepted",
)  # fmt: skip
BITS = 6  # hexadecimal digits times two: small enough for columns that pandas makes floats of


def normalize_reason(reason: str) -> str:
    """Return a reason without numbers and quoted names, which differ from row to row."""
    return NUMBERS.sub("0", QUOTED.sub("…", " ".join(reason.split())))


def fingerprints(rows: pd.DataFrame) -> list[int]:
    """Return for each row a number that changes with every value that the LMS may have refused."""
    columns = (rows[name].tolist() for name in CONCERNED)
    return [_fingerprint(values) for values in zip(*columns, strict=True)]


def _fingerprint(values: tuple[Any, ...]) -> int:
    texts = ["" if pd.isna(value) else str(value) for value in values]
    return int.from_bytes(hashlib.sha256(json.dumps(texts).encode()).digest()[:BITS])


def refused_too_often(known: pd.DataFrame, same_as_ledger: Any) -> Any:
    """Return which rows the LMS refused often enough with their present values.

    :param known: rows beside the ledger, see delta.py.
    :param same_as_ledger: which rows have the ledger's values. It decides about refusals that a person
        recorded, as these have no fingerprint.
    """
    often = (known["ledger_refusals"] >= OFTEN).to_numpy()
    concerned = known[often].assign(email=known.loc[often, "lower_email"])
    before = concerned["ledger_refused_as"].to_numpy(dtype=float)
    same = before == np.array(fingerprints(concerned), dtype=float)
    found = often.copy()
    found[often] = np.where(np.isnan(before), same_as_ledger[often], same)
    return found

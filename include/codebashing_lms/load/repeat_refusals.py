"""What the LMS did not take: whom it was about, and when it is worth trying again.

A refused row goes again with the next run. Refused three times for the same reason it waits for a person,
until what would be sent is another row, or HR or the admin DAG say something.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

OFTEN = 3
NUMBERS = re.compile(r"\d+")
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|“[^”]*”|«[^»]*»|`[^`]*`")
# What of a row may be the reason why the LMS refuses it.
CONCERNED = (
    "user_key", "course_id", "course_title", "email", "hundredths", "status", "completed_at", "accepted",
)  # fmt: skip
BITS = 6  # hexadecimal digits times two: small enough for columns that pandas makes floats of


def normalize_reason(reason: str) -> str:
    """Return a reason without what differs from row to row: numbers and quoted names."""
    return NUMBERS.sub("0", QUOTED.sub("…", " ".join(reason.split())))


def fingerprints(rows: pd.DataFrame) -> list[int]:
    """Return for each row a number that changes with whatever the LMS may have refused it for."""
    return [_fingerprint(values) for values in _values(rows)]


def _values(rows: pd.DataFrame) -> Iterator[Any]:
    return zip(*(rows[name].tolist() for name in CONCERNED), strict=True)


def _fingerprint(values: tuple[Any, ...]) -> int:
    texts = ["" if pd.isna(value) else str(value) for value in values]
    return int.from_bytes(hashlib.sha256(json.dumps(texts).encode()).digest()[:BITS])


def refused_too_often(known: pd.DataFrame, as_told: Any) -> Any:
    """Tell which rows, beside what was told of them, the LMS refused often enough as they are now.

    :param as_told: which rows are as they were told; of refusals that a person recorded no more is known.
    """
    often = (known["ledger_refusals"] >= OFTEN).to_numpy()
    concerned = known[often].assign(email=known.loc[often, "person"])
    before = concerned["ledger_refused_as"].to_numpy(dtype=float)
    same = before == np.array(fingerprints(concerned), dtype=float)
    found = often.copy()
    found[often] = np.where(np.isnan(before), as_told[often], same)
    return found

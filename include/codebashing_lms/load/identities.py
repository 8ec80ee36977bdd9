"""Learners who may have become somebody else: an address or an employee ID that changed its owner."""

from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

ADDRESSES = pa.schema([("email", pa.string()), ("employee_id", pa.string())])

# E-mail addresses that the run has under other employee IDs than the ledger, with the IDs of the ledger.
ReassignedAddresses = dict[str, list[str]]


def reassigned_addresses(run: pa.Table, ledger: pa.Table) -> ReassignedAddresses:
    """Return the addresses that run and ledger have under different employee IDs.

    :param run: the columns ADDRESSES, each pair at least once; `ledger` has the same columns.
    """
    run_pairs, ledger_pairs = (pc.binary_join_element_wise(*one.columns, "\0") for one in (run, ledger))
    come = run["email"].filter(pc.invert(pc.is_in(run_pairs, value_set=ledger_pairs)))
    gone = ledger["email"].filter(pc.invert(pc.is_in(ledger_pairs, value_set=run_pairs)))
    changed = pa.chunked_array([*come.chunks, *gone.chunks], pa.string())
    concerned = pc.and_(pc.is_in(ledger["email"], value_set=changed), pc.is_in(ledger["email"], value_set=run["email"]))
    found: ReassignedAddresses = {}
    pairs = (one.to_pylist() for one in ledger.filter(concerned).columns)
    for email, employee_id in zip(*pairs, strict=True):
        found.setdefault(email, []).append(employee_id)
    return found


def has_new_address(known: pd.DataFrame) -> Any:
    """Return which rows have another e-mail address than the ledger, where both have one."""
    both = (known["lower_email"].notna() & known["ledger_email"].notna()).to_numpy()
    return both & differs(known["lower_email"], known["ledger_email"])


def in_doubt(known: pd.DataFrame, reassigned: ReassignedAddresses, accepted: AbstractSet[str]) -> Any:
    """Return which rows are of a learner who may have become somebody else.

    :param known: rows beside the ledger, see delta.py; all rows of each learner.
    :param accepted: lower-case e-mail addresses that HR accepted.
    """
    not_accepted = ~known["lower_email"].isin(list(accepted)).to_numpy()
    still_there = known["ledger_email"].isin(list(reassigned)).to_numpy()
    doubtful = has_new_address(known) & (still_there | known["fell"].to_numpy()) & not_accepted
    new_id = _has_new_id(known, reassigned) & not_accepted
    return known["employee_id"].isin(known.loc[doubtful | new_id, "employee_id"]).to_numpy()


def _has_new_id(known: pd.DataFrame, reassigned: ReassignedAddresses) -> Any:
    found = known["lower_email"].isin(list(reassigned)).to_numpy(copy=True)
    pairs = zip(known.loc[found, "lower_email"], known.loc[found, "employee_id"], strict=True)
    found[found] = [employee_id not in reassigned[email] for email, employee_id in pairs]
    return found


def differs(now: pd.Series, ledger: pd.Series) -> Any:
    """Return where two columns differ; an absent value equals an absent value."""
    same = (now == ledger).fillna(False).to_numpy(dtype=np.bool_)
    return ~same & ~(now.isna() & ledger.isna()).to_numpy()

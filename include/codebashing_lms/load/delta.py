"""What a run has to tell the LMS, given what it was told before.

Decided in `load`, as of delivery: rows come from transform, the ledger is the last word per learner and
course. A completion, once told, stands with its first date; nothing older overwrites anything newer.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import pandas as pd

from include.codebashing_lms.load.repeat_refusals import refused_too_often
from include.codebashing_lms.transform.records.columns import DONE, STATUSES, statuses
from include.codebashing_lms.transform.records.dispositions import Disposition

COMPLETED = STATUSES.index("completed")


class Change(IntEnum):
    """What becomes of a row in load."""

    NEW = 0
    CHANGED = 1
    UNCHANGED = 2
    STALE = 3
    CHANGED_IDENTITY = 4
    BEFORE_START = 5
    REFUSED_WAITING = 6
    REFUSED = 7

    @property
    def disposition(self) -> Disposition:
        """Return what becomes of the row's record where only changes are sent."""
        return Disposition.EMITTED if self in (Change.NEW, Change.CHANGED) else Disposition[self.name]


@dataclass(frozen=True)
class DeltaRules:
    """What decides besides the rows.

    :param as_of: the instant the rows are true for, in UTC without zone, as columns hold it.
    :param full: send every row that may be sent, not only new and changed ones.
    :param accepted: lower-case e-mail addresses whose change of identity HR accepted.
    :param since: completions before it count as known to the LMS already.
    :param email_matters: a changed e-mail address is a change of the row.
    :param whole_percent: the LMS is told whole percents; a change within one is none.
    """

    as_of: np.datetime64
    full: bool
    accepted: frozenset[str] = frozenset()
    since: np.datetime64 | None = None
    email_matters: bool = False
    whole_percent: bool = False


# Of e-mail addresses that are in run and ledger, but not with the same employee IDs, those of the ledger.
ReassignedAddresses = dict[str, list[str]]


@dataclass
class Delta:
    """The rows with their verdicts, and what is to be said about them.

    `rows` has the values as they are to be told, `verdict`, `place` (row in the ledger, -1: none), and what
    was told before in columns that begin with `ledger_`.
    """

    rows: pd.DataFrame
    send: Any
    warnings: Counter[str] = field(default_factory=Counter)
    growth: list[dict[str, Any]] = field(default_factory=list)
    fell: int = 0

    def count(self, verdict: Change) -> int:
        """Return how many rows have a verdict."""
        return int((self.rows["verdict"] == verdict).sum())

    def to_correct(self) -> pd.DataFrame:
        """Return the rows to send that the LMS knows under another course id or user key."""
        rows = self.rows[self.send & (self.rows["verdict"] == Change.CHANGED)]
        same = (rows["course_id"] == rows["ledger_course_id"]) & (rows["user_key"] == rows["ledger_user_key"])
        moved: pd.DataFrame = rows.loc[~same & rows["ledger_course_id"].notna()]
        return moved


def compute_delta(
    rows: pd.DataFrame, told: pd.DataFrame, reassigned: ReassignedAddresses, rules: DeltaRules
) -> Delta:
    """Compare all rows of some employees with what was told of them before.

    :param told: the ledger's rows of these employees; `place` is their place in the ledger.
    """
    warnings: Counter[str] = Counter()
    known = rows.pipe(join_ledger, told, rules)
    growth = grown_courses(known)
    learners_fell = int(known.loc[known["fell"], "employee_id"].nunique())
    known = (
        known.pipe(keep_completions, warnings)
        .pipe(classify_changes, rules)
        .pipe(hold_changed_identities, reassigned, rules, warnings)
    )
    sendable = [Change.NEW, Change.CHANGED, *([Change.UNCHANGED] if rules.full else [])]
    send = known["verdict"].isin(sendable).to_numpy()
    return Delta(known, send, +warnings, growth, learners_fell)


def join_ledger(rows: pd.DataFrame, told: pd.DataFrame, rules: DeltaRules) -> pd.DataFrame:
    """Put beside each row what was told of it before, whether that is newer, and its place in the ledger."""
    status = statuses(rows)
    now = rows.assign(status=status, person=rows["email"].str.lower())
    before = told.drop(columns="place").add_prefix("ledger_").assign(place=told["place"])
    known: pd.DataFrame = now.merge(
        before,
        how="left",
        left_on=["employee_id", "course"],
        right_on=["ledger_employee_id", "ledger_course"],
        validate="1:1",
    )
    known["place"] = known["place"].fillna(-1).astype(np.int64)
    known["older"] = (known["ledger_valid_at"] > rules.as_of).to_numpy(dtype=np.bool_)
    less = (known["hundredths"] < known["ledger_hundredths"]).to_numpy(dtype=np.bool_)
    known["fell"] = less & ~known["older"]
    return known


def grown_courses(known: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the courses that gained lessons and left finished learners unfinished."""
    concerned = known[
        (known["ledger_status"] == COMPLETED)
        & (known["hundredths"] < DONE)
        & (known["lessons_total"] > known["ledger_lessons_total"])
    ]
    by = ["course", "ledger_lessons_total", "lessons_total"]
    groups = concerned.groupby(by).size().reset_index(name="learners")
    columns = (groups[name].tolist() for name in [*by, "learners"])
    return [
        {"course": course, "lessons_were": int(before), "lessons_are": int(now), "learners": int(learners)}
        for course, before, now, learners in zip(*columns, strict=True)
    ]


def keep_completions(known: pd.DataFrame, warnings: Counter[str]) -> pd.DataFrame:
    """Let a completion that was told stand, with its first date."""
    stands = (known["ledger_status"] == COMPLETED).to_numpy()
    below = known["hundredths"].to_numpy() < DONE
    first, now = known["ledger_completed_at"], known["completed_at"]
    again = stands & ~below & (now > first).to_numpy()
    warnings["fell_below_100"] += int((stands & below & ~known["older"]).sum())
    warnings["completed_again"] += int(again.sum())
    return known.assign(
        hundredths=np.where(stands, DONE, known["hundredths"]),
        status=np.where(stands, COMPLETED, known["status"]),
        started=np.where(stands, True, known["started"]),
        completed_at=now.where(~(stands & first.notna()), first).where(~(stands & below), first),
    )


def classify_changes(known: pd.DataFrame, rules: DeltaRules) -> pd.DataFrame:
    """Tell new from changed, unchanged and stale rows."""
    new = (known["place"] < 0).to_numpy()
    refused = known["ledger_refused_at"].notna().to_numpy()
    changed = ~new & known["ledger_sent_at"].isna().to_numpy()  # a person asked for it
    step = 100 if rules.whole_percent else 1
    changed |= _differs(known["hundredths"] // step, known["ledger_hundredths"] // step)
    for name in ("status", "completed_at", "course_id", "user_key"):
        changed |= _differs(known[name], known[f"ledger_{name}"])
    if rules.email_matters:
        # an export of the LMS names nobody's address: that the LMS has none does not follow
        not_known = (known["ledger_baseline"].eq(True) & known["ledger_email"].isna()).to_numpy(
            dtype=np.bool_
        )
        changed |= _differs(known["person"], known["ledger_email"]) & ~not_known
    before = (
        new & (known["completed_at"] < rules.since).to_numpy() if rules.since is not None else new & False
    )
    waiting = refused & (known["ledger_refused_at"] > rules.as_of).to_numpy()
    known = known.assign(accepted=known["person"].isin(rules.accepted))
    hopeless = refused & refused_too_often(known, ~changed)
    changed |= refused
    verdicts = {
        Change.BEFORE_START: before,
        Change.NEW: new,
        Change.STALE: changed & known["older"],
        Change.REFUSED_WAITING: waiting,
        Change.REFUSED: hopeless,
        Change.CHANGED: changed,
    }
    verdict = np.select(list(verdicts.values()), list(verdicts), Change.UNCHANGED)
    return known.assign(verdict=verdict)


def _differs(now: pd.Series, told: pd.Series) -> Any:
    same = (now == told).fillna(False).to_numpy(dtype=np.bool_)
    return ~same & ~(now.isna() & told.isna()).to_numpy()


def hold_changed_identities(
    known: pd.DataFrame, reassigned: ReassignedAddresses, rules: DeltaRules, warnings: Counter[str]
) -> pd.DataFrame:
    """Hold learners who may have become somebody else, until HR accepts them."""
    accepted = known["person"].isin(rules.accepted).to_numpy()
    both = (known["person"].notna() & known["ledger_email"].notna()).to_numpy()
    moved = both & _differs(known["person"], known["ledger_email"])
    still_there = known["ledger_email"].isin(list(reassigned)).to_numpy()
    doubtful = moved & (still_there | known["fell"].to_numpy()) & ~accepted
    new_id = _under_other_ids(known, reassigned) & ~accepted
    held = known["employee_id"].isin(known.loc[doubtful | new_id, "employee_id"]).to_numpy()
    warnings["email_changed"] += int(known.loc[moved & ~held, "employee_id"].nunique())
    former = {email: ids[0] for email, ids in reassigned.items()}
    return known.assign(
        verdict=np.where(held, Change.CHANGED_IDENTITY, known["verdict"]),
        former_id=known["person"].where(held).map(former),
    )


def _under_other_ids(known: pd.DataFrame, reassigned: ReassignedAddresses) -> Any:
    """Tell which rows have an address that the ledger knows, but not under the ID it comes with now."""
    found = known["person"].isin(list(reassigned)).to_numpy(copy=True)
    pairs = zip(known.loc[found, "person"], known.loc[found, "employee_id"], strict=True)
    found[found] = [employee_id not in reassigned[email] for email, employee_id in pairs]
    return found

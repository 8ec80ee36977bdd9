"""Which rows of a run the LMS is sent, given what the ledger says that it knows.

Load compares at the moment of delivery, as the ledger moves between the tasks of a run. A completion that the
LMS knows stays with its first date; an older value never replaces a newer one.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from enum import IntEnum
from typing import Any

import numpy as np
import pandas as pd

from include.codebashing_lms.load.completions import COMPLETED, keep_completions
from include.codebashing_lms.load.identities import ReassignedAddresses, differs, has_new_address, in_doubt
from include.codebashing_lms.load.repeat_refusals import refused_too_often
from include.codebashing_lms.transform.manifest import CourseGrowth
from include.codebashing_lms.transform.records.columns import DONE, statuses
from include.codebashing_lms.transform.records.dispositions import Disposition


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
    """What the delta depends on besides rows and ledger.

    :param as_of: the instant the rows are true for, in UTC without zone, as columns hold it.
    :param full: send every row that may be sent, not only new and changed ones.
    :param accepted: lower-case e-mail addresses with a change of identity that HR accepted.
    :param since: completions before it count as known to the LMS already.
    :param zone: time zone in which the LMS reads dates.
    :param email_matters: a changed e-mail address is a change of the row.
    :param whole_percent: the LMS gets whole percents; a change within a percent is none.
    """

    as_of: np.datetime64
    full: bool
    accepted: frozenset[str] = frozenset()
    since: np.datetime64 | None = None
    zone: tzinfo = UTC
    email_matters: bool = False
    whole_percent: bool = False


@dataclass
class Delta:
    """Rows of a run with their changes.

    `rows` has the values to send, `change` (a Change), `ledger_index` (row in the ledger, -1: none), and the
    ledger's values in columns that begin with `ledger_`.

    :param send: which rows are sent.
    :param fell: how many learners have a lower percentage than the ledger.
    """

    rows: pd.DataFrame
    send: Any
    warnings: Counter[str] = field(default_factory=Counter)
    growth: list[CourseGrowth] = field(default_factory=list)
    fell: int = 0

    def to_correct(self) -> pd.DataFrame:
        """Return the rows to send that the LMS knows under another course id or user key."""
        rows = self.rows[self.send & (self.rows["change"] == Change.CHANGED)]
        same = (rows["course_id"] == rows["ledger_course_id"]) & (rows["user_key"] == rows["ledger_user_key"])
        other: pd.DataFrame = rows.loc[~same & rows["ledger_course_id"].notna()]
        return other


def compute_delta(
    rows: pd.DataFrame, ledger: pd.DataFrame, reassigned: ReassignedAddresses, rules: DeltaRules
) -> Delta:
    """Compare all rows of some employees with the ledger.

    :param ledger: the ledger's rows of these employees, with their numbers in the column `index`.
    """
    warnings: Counter[str] = Counter()
    known = rows.pipe(join_ledger, ledger, rules)
    growth = grown_courses(known)
    learners_fell = int(known.loc[known["fell"], "employee_id"].nunique())
    known = (
        known.pipe(keep_completions, rules.zone, warnings)
        .pipe(classify_changes, rules)
        .pipe(hold_changed_identities, reassigned, rules, warnings)
    )
    sendable = [Change.NEW, Change.CHANGED, *([Change.UNCHANGED] if rules.full else [])]
    send = known["change"].isin(sendable).to_numpy()
    return Delta(known, send, +warnings, growth, learners_fell)


def join_ledger(rows: pd.DataFrame, ledger: pd.DataFrame, rules: DeltaRules) -> pd.DataFrame:
    """Put beside each row what the ledger has; add whether the ledger is newer, and where the row fell."""
    now = rows.assign(status=statuses(rows), lower_email=rows["email"].str.lower())
    known: pd.DataFrame = now.merge(
        ledger.add_prefix("ledger_"),
        how="left",
        left_on=["employee_id", "course"],
        right_on=["ledger_employee_id", "ledger_course"],
        validate="1:1",
    )
    known["ledger_index"] = known["ledger_index"].fillna(-1).astype(np.int64)
    known["older"] = (known["ledger_valid_at"] > rules.as_of).to_numpy(dtype=np.bool_)
    less = (known["hundredths"] < known["ledger_hundredths"]).to_numpy(dtype=np.bool_)
    known["fell"] = less & ~known["older"]
    return known


def grown_courses(known: pd.DataFrame) -> list[CourseGrowth]:
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
        CourseGrowth(course, int(before), int(now), int(learners))
        for course, before, now, learners in zip(*columns, strict=True)
    ]


def classify_changes(known: pd.DataFrame, rules: DeltaRules) -> pd.DataFrame:
    """Add the change of each row."""
    new = (known["ledger_index"] < 0).to_numpy()
    refused = known["ledger_refused_at"].notna().to_numpy()
    changed = ~new & known["ledger_sent_at"].isna().to_numpy()  # a person asked for it
    step = 100 if rules.whole_percent else 1
    changed |= differs(known["hundredths"] // step, known["ledger_hundredths"] // step)
    for name in ("status", "completed_at", "course_id", "user_key"):
        changed |= differs(known[name], known[f"ledger_{name}"])
    if rules.email_matters:
        # an export of the LMS has no addresses; the LMS itself may have them
        exported = known["ledger_baseline"].eq(True) & known["ledger_email"].isna()
        changed |= differs(known["lower_email"], known["ledger_email"]) & ~exported.to_numpy(dtype=np.bool_)
    before_start = new & False
    if rules.since is not None:
        before_start = new & (known["completed_at"] < rules.since).to_numpy()
    known = known.assign(accepted=known["lower_email"].isin(rules.accepted))
    changes = {
        Change.BEFORE_START: before_start,
        Change.NEW: new,
        Change.STALE: (changed | refused) & known["older"],
        Change.REFUSED_WAITING: refused & (known["ledger_refused_at"] > rules.as_of).to_numpy(),
        Change.REFUSED: refused & refused_too_often(known, ~changed),
        Change.CHANGED: changed | refused,
    }
    return known.assign(change=np.select(list(changes.values()), list(changes), Change.UNCHANGED))


def hold_changed_identities(
    known: pd.DataFrame, reassigned: ReassignedAddresses, rules: DeltaRules, warnings: Counter[str]
) -> pd.DataFrame:
    """Hold learners who may have become somebody else, until HR accepts them."""
    held = in_doubt(known, reassigned, rules.accepted)
    warnings["email_changed"] += int(known.loc[has_new_address(known) & ~held, "employee_id"].nunique())
    former = {email: ids[0] for email, ids in reassigned.items()}
    return known.assign(
        change=np.where(held, Change.CHANGED_IDENTITY, known["change"]),
        former_id=known["lower_email"].where(held).map(former),
    )

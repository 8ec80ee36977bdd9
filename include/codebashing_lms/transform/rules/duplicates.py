"""Rules over the whole snapshot: learners that share an employee ID, and courses that share an LMS course."""

from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.codebashing_lms.transform.lms_file.courses import Courses, course_texts
from include.codebashing_lms.transform.records.columns import Ints, text_array
from include.codebashing_lms.transform.records.dates import Dates
from include.codebashing_lms.transform.records.dispositions import Disposition
from include.codebashing_lms.transform.records.spool import Spool

NOBODY = -1


class EmployeeIds:
    """The employee IDs of all learners with emitted records, to find IDs that several learners have."""

    def __init__(self) -> None:
        self._columns: list[pa.Array] = []

    def add(self, learners: pd.DataFrame, records: pd.DataFrame) -> None:
        """Add the IDs of one batch."""
        left = np.zeros(len(learners), dtype=np.bool_)
        left[records["learner"].to_numpy()[records["disposition"].to_numpy() == Disposition.EMITTED]] = True
        self._columns.append(pa.array(learners.loc[left, "employee_id"], pa.string()))

    def shared(self) -> set[str]:
        """Return the IDs that several learners have."""
        ids = pa.chunked_array(self._columns, pa.string()).combine_chunks()
        self._columns.clear()
        encoded = ids.dictionary_encode()
        often = np.bincount(encoded.indices.to_numpy(), minlength=len(encoded.dictionary)) > 1
        return set(encoded.dictionary.filter(pa.array(often)).to_pylist())


def resolve_duplicates(spool: Spool, shared: set[str], courses: Courses, zone: tzinfo, best: bool) -> pd.Series:
    """Return the dispositions that the whole snapshot changes, by the records' numbers in the snapshot.

    :param zone: time zone in which days begin.
    :param best: in a conflict the better learner stands, instead of none.
    """
    records = _gather(spool, shared, zone)
    if records.empty:
        return pd.Series(dtype=np.int8)
    resolved = records.pipe(flag_conflicts, best=best).pipe(merge_duplicates).pipe(merge_same_course, courses)
    return resolved.set_index("number")["disposition"]


def _gather(spool: Spool, shared: set[str], zone: tzinfo) -> pd.DataFrame:
    """Return the records of all learners that share an employee ID.

    `employee_id` and `person` are numbers; `item` is the learner's number in the snapshot.
    """
    found = list(_duplicate_batches(spool, shared, zone)) if shared else []
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _duplicate_batches(spool: Spool, shared: set[str], zone: tzinfo) -> Iterator[pd.DataFrame]:
    items = numbers = 0
    ids = pa.array(sorted(shared), pa.string())
    people: dict[str, int] = {}
    for learners, records in spool.batches():
        position = pc.index_in(text_array(learners["employee_id"]), value_set=ids)
        employee = position.fill_null(NOBODY).to_numpy()
        learner, disposition = records["learner"].to_numpy(), records["disposition"].to_numpy()
        at = np.flatnonzero((employee != NOBODY).take(learner) & (disposition == Disposition.EMITTED))
        if len(at):
            of_records: dict[Any, Any] = {name: records[name].to_numpy()[at] for name in records}
            who = learner[at]
            of_learners = {
                "number": numbers + at,
                "item": items + who,
                "employee_id": employee[who],
                "person": _persons(learners["email"], employee, items, people)[who],
                "active_at": Dates.of(learners, "active").beginnings(zone)[who],
            }
            yield with_completion_begin(pd.DataFrame({**of_records, **of_learners}), zone)
        items += len(learners)
        numbers += len(records)


def _persons(emails: pd.Series, employee: Ints, items: int, people: dict[str, int]) -> Ints:
    """Number people by their e-mail, whatever its case; two people without an e-mail are never the same.

    :param employee: NOBODY for learners that share no ID.
    :param people: those met before, with their numbers.
    """
    persons = np.full(len(emails), NOBODY)
    sharing = np.flatnonzero(employee != NOBODY)
    for at, email in zip(sharing.tolist(), emails.iloc[sharing].tolist(), strict=True):
        key = email.lower() if isinstance(email, str) else f"\0{items + at}"
        persons[at] = people.setdefault(key, len(people))
    return persons


def flag_conflicts(records: pd.DataFrame, best: bool) -> pd.DataFrame:
    """Set aside all records of an ID that several people claim; under `best` keep those of the better one."""
    by_id = records.groupby("employee_id", sort=False)["person"]
    conflict = by_id.transform("nunique") > 1
    if best:
        ranked = records.sort_values(
            ["hundredths", "active_at", "item"], ascending=[False, False, True], na_position="last"
        )
        standing = ranked.drop_duplicates("employee_id").set_index("employee_id")["person"]
        conflict &= records["person"] != records["employee_id"].map(standing)
    return records.assign(
        disposition=np.where(conflict, np.int8(Disposition.CONFLICTING_EMPLOYEE_ID), records["disposition"])
    )


def merge_duplicates(records: pd.DataFrame) -> pd.DataFrame:
    """Keep one record a learner and course: the higher percentage, then later activity, then the first."""
    return _merge(records, "course", ["hundredths", "active_at", "number"], [False, False, True])


def with_completion_begin(records: pd.DataFrame, zone: tzinfo) -> pd.DataFrame:
    """Return records with the instant of completion, or with the first one of its day."""
    return records.assign(completion_begin=Dates.of(records, "completed").beginnings(zone))


def merge_same_course(records: pd.DataFrame, courses: Courses) -> pd.DataFrame:
    """Keep one record a learner and LMS course: the higher percentage, then the earlier completion."""
    named = records.assign(lms_course=course_texts(courses.lms_ids(), records["course"].to_numpy()))
    order = ["hundredths", "completion_begin", "number"]
    merged = _merge(named, "lms_course", order, [False, True, True])
    return merged.drop(columns="lms_course")


def _merge(records: pd.DataFrame, course: str, order: list[str], ascending: Iterable[bool]) -> pd.DataFrame:
    left = records[records["disposition"] == Disposition.EMITTED]
    ranked = left.sort_values(order, ascending=list(ascending), na_position="last", kind="stable")
    losing = ranked.index[ranked.duplicated(["employee_id", course])]
    disposition = records["disposition"].copy()
    disposition.loc[losing] = Disposition.DUPLICATE
    return records.assign(disposition=disposition)


def has_shared_course(courses: Courses) -> bool:
    """Return whether the course map gives two slugs the same LMS course."""
    ids = [entry.id for slug in courses.course_map if (entry := courses.entry(slug))]
    return len(set(ids)) < len(ids)

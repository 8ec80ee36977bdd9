"""Lists for people that need the ledger: rows to correct, held identities, refused rows, deferred rows."""

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.load.delta import Change, Delta
from include.codebashing_lms.staging.files import StagedPath, atomic_write, local_copy
from include.codebashing_lms.staging.layout import SET_ASIDE
from include.codebashing_lms.transform.lists import LEFT_OUT, escape_formulas
from include.codebashing_lms.transform.records.dispositions import Disposition, Group

CHANGED_IDENTITY, REFUSED = Disposition.CHANGED_IDENTITY, Disposition.REFUSED
DEFERRED = {change: change.disposition.reason for change in (Change.STALE, Change.REFUSED_WAITING)}
CORRECTIONS = {  # column: its header in to_correct.csv
    "employee_id": "employee_id",
    "email": "email",
    "ledger_course_id": "told_course_id",
    "ledger_user_key": "told_user_key",
    "course_id": "course_id",
    "user_key": "user_key",
}


class Corrections:
    """to_correct.csv: rows that the LMS still has under another course id or user key."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._csv = csv.writer(self._file)
        self._csv.writerow(CORRECTIONS.values())

    def __enter__(self) -> "Corrections":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, delta: Delta) -> None:
        """List the rows that the LMS has under another course id or user key."""
        self._csv.writerows(map(escape_formulas, delta.to_correct()[list(CORRECTIONS)].to_numpy().tolist()))


class SetAsideByLoad:
    """Lines of set_aside.csv that need the ledger: changed identities with old and new, repeated refusals."""

    def __init__(self) -> None:
        self.held: dict[Any, list[Any]] = {}
        self.refused: list[list[Any]] = []

    def add(self, delta: Delta) -> None:
        """Take up learners who may have become somebody else, and rows that were refused too often."""
        held = delta.rows[delta.rows["change"] == Change.CHANGED_IDENTITY]
        for (employee_id, email), records in held.groupby(["employee_id", "email"], sort=False, dropna=False):
            before = [*records["ledger_email"].dropna().unique(), *records["former_id"].dropna().unique()]
            detail = f"{CHANGED_IDENTITY.meaning.detail} (sent before: {', '.join(before)})"
            line = self.held.setdefault(
                (employee_id, str(email)), [CHANGED_IDENTITY.reason, detail, email, employee_id, "", 0]
            )
            line[-1] += len(records)
        rows = delta.rows[delta.rows["change"] == Change.REFUSED]
        columns = (rows[name] for name in ("ledger_refusal", "email", "employee_id", "course"))
        for reason, *names in zip(*columns, strict=True):
            self.refused.append([REFUSED.reason, REFUSED.meaning.detail.format(reason=reason), *names, 1])

    def write(self, folder: StagedPath) -> None:
        """Add the lines to the run's set_aside.csv; a second try replaces those of the first."""
        with (
            local_copy(folder / SET_ASIDE) as copy,
            copy.open(encoding="utf-8", newline="") as before,
            atomic_write(folder / SET_ASIDE) as part,
            part.open("w", encoding="utf-8", newline="") as file,
        ):
            lines = csv.writer(file)
            ours = (CHANGED_IDENTITY.reason, REFUSED.reason)
            lines.writerows(line for line in csv.reader(before) if line and line[0] not in ours)
            lines.writerows(map(escape_formulas, [*self.held.values(), *self.refused]))


class DeferredRows:
    """left_out.parquet with stale rows, and with rows that wait as the LMS refused newer values.

    :param before: the file as transform wrote it, or as an earlier try of load left it.
    """

    def __init__(self, path: Path, before: Path) -> None:
        self._parquet = pq.ParquetWriter(path, LEFT_OUT)
        with pq.ParquetFile(before) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                ours = pc.is_in(table["reason"], value_set=pa.array(list(DEFERRED.values())))
                self._write(table.filter(pc.invert(ours)))

    def __enter__(self) -> "DeferredRows":
        return self

    def __exit__(self, *_: object) -> None:
        self._parquet.close()

    def add(self, delta: Delta) -> None:
        """List the rows that are not sent now."""
        rows = delta.rows[delta.rows["change"].isin(list(DEFERRED))]
        columns = {
            "place": [Group.WITHHELD.value] * len(rows),
            "reason": [DEFERRED[change] for change in rows["change"]],
            "email": rows["email"],
            "employee_id": rows["employee_id"],
            "course": rows["course"],
            "percent_complete": rows["hundredths"] / 100,
        }
        self._write(pa.table(columns, schema=LEFT_OUT))

    def _write(self, table: pa.Table) -> None:
        if len(table):
            self._parquet.write_table(table)

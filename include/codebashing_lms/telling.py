"""From a run's rows and the ledger to what is sent: the file, lists for people, the manifest's last word."""

import csv
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from include.codebashing_lms.changes import Decision, Rules, Verdict, decide, utc
from include.codebashing_lms.connector import Connector, Course
from include.codebashing_lms.people import Locate, read_people
from include.codebashing_lms.staging import StagedPath, local_copy, new_file, read_json, sha256_of, write_json
from include.codebashing_lms.transform.listings import LEFT_OUT, SET_ASIDE_COLUMNS, harmless
from include.codebashing_lms.transform.progress import Courses
from include.codebashing_lms.transform.rows import STATUSES, CsvRows

TOLD = ("employee_id", "course", "user_key", "course_id", "email", "hundredths", "status", "completed_at",
        "lessons_total")  # fmt: skip
CHANGED_IDENTITY_REMEDY = (
    "the LMS knows this e-mail address or this employee ID as another person; "
    "ask HR, and put the answer into identity.people"
)
CORRECTIONS = ("employee_id", "email", "told_course_id", "told_user_key", "course_id", "user_key")


def is_full(connector: Connector, chosen: str | None) -> bool:
    """Tell whether a run sends every sendable row: by the form, the connector file, or the profile."""
    by_profile = "full" if connector.lms.options.emits == "snapshot" else "changes"
    return (chosen or connector.delivery.send or by_profile) == "full"


def decide_rows(
    connector: Connector,
    rows: Path,
    ledger: pa.Table,
    as_of: datetime,
    full: bool,
    since: datetime | None,
    locate: Locate,
) -> Decision:
    """Compare rows.parquet with the ledger."""
    people = read_people(connector.identity.people, locate)
    rules = Rules(
        as_of=utc(as_of),
        full=full,
        accepted=frozenset(email for email, person in people.items() if person.action == "accept"),
        since=utc(since) if since else None,
        email_is_sent="email" in {column.source for column in connector.lms.options.columns},
    )
    return decide(_frame(pq.read_table(rows)), _frame(ledger), rules)


def _frame(table: pa.Table) -> pd.DataFrame:
    plain = pa.schema(
        [
            pa.field(field.name, pa.string() if pa.types.is_dictionary(field.type) else field.type)
            for field in table.schema
        ]
    )
    frame: pd.DataFrame = table.cast(plain).to_pandas()
    return frame


def told_rows(decision: Decision, verdicts: tuple[Verdict, ...] = (Verdict.NEW, Verdict.CHANGED)) -> pa.Table:
    """Return what the journal keeps of a decision: the rows that are news to the LMS, as they are sent."""
    told = decision.rows.loc[decision.rows["verdict"].isin(verdicts), list(TOLD)]
    return pa.Table.from_pandas(told, preserve_index=False)


@dataclass(frozen=True)
class Sending:
    """What load writes to the run's folder before it sends."""

    connector: Connector
    folder: StagedPath
    name: str
    as_of: datetime

    def write(self, decision: Decision) -> dict[str, Any]:
        """Write the LMS file and the lists; return the completed manifest."""
        with ExitStack() as stack:
            file, told, corrections = (
                stack.enter_context(new_file(self.folder / one))
                for one in (self.name, "told.parquet", "to_correct.csv")
            )
            self._write_file(file, decision.rows[decision.send])
            pq.write_table(told_rows(decision), told, compression="zstd")
            _write_corrections(corrections, decision)
            size, sha256 = file.stat().st_size, sha256_of(file)
        _list_held(self.folder, decision)
        _list_stale(self.folder, decision)
        manifest = completed(read_json(self.folder / "manifest.json"), decision)
        manifest |= {"file": self.name, "bytes": size, "sha256": sha256}
        write_json(self.folder / "manifest.json", manifest)
        return manifest

    def _write_file(self, path: Path, rows: pd.DataFrame) -> None:
        lms = self.connector.lms
        named = rows[rows["course"] != ""].drop_duplicates("course")
        entries = zip(named["course"], named["course_id"], named["course_title"], strict=True)
        courses = Courses({slug: Course(id=id_, title=title or None) for slug, id_, title in entries})
        numbers = {slug: courses.number(slug) for slug in courses.course_map}
        records = rows.assign(
            learner=np.arange(len(rows)), course=rows["course"].map(numbers).fillna(-1).astype(np.int64)
        )
        with path.open("wb") as out:
            CsvRows(out, lms.options, ZoneInfo(lms.timezone), self.as_of, courses).write(records, rows)


def completed(manifest: dict[str, Any], decision: Decision) -> dict[str, Any]:
    """Return the manifest with what only load can know; its records still add up to what was read."""
    before = manifest.setdefault(
        "transformed", {key: manifest[key] for key in ("records", "warnings", "status")}
    )
    sent = int(decision.send.sum())
    records = {**before["records"], "emitted": sent}
    withheld = {
        "unchanged": len(decision.rows)
        - sent
        - decision.count(Verdict.STALE)
        - decision.count(Verdict.CHANGED_IDENTITY),
        "stale": decision.count(Verdict.STALE),
    }
    held = {"changed_identity": decision.count(Verdict.CHANGED_IDENTITY)}
    records["withheld"] = before["records"]["withheld"] | {name: n for name, n in withheld.items() if n}
    records["set_aside"] = before["records"]["set_aside"] | {name: n for name, n in held.items() if n}
    statuses = Counter(decision.rows.loc[decision.send, "status"])
    return manifest | {
        "records": records,
        "warnings": dict(sorted((Counter(before["warnings"]) + decision.warnings).items())),
        "status": {
            name: int(statuses[STATUSES.index(name)]) for name in ("completed", "in_progress", "not_started")
        },
        "course_growth": decision.growth,
        "to_correct": len(decision.to_correct()),
    }


def _write_corrections(path: Path, decision: Decision) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(CORRECTIONS)
        writer.writerows(map(harmless, decision.to_correct()[list(CORRECTIONS)].to_numpy().tolist()))


def _list_held(folder: StagedPath, decision: Decision) -> None:
    """Add the learners who may have become somebody else to set_aside.csv, with the old and the new."""
    held = decision.rows[decision.rows["verdict"] == Verdict.CHANGED_IDENTITY]
    with local_copy(folder / "set_aside.csv") as copy, copy.open(encoding="utf-8", newline="") as file:
        lines = [line for line in csv.reader(file) if line and line[0] != "changed_identity"]
    for (employee_id, email), records in held.groupby(["employee_id", "email"], sort=False, dropna=False):
        before = [*records["told_email"].dropna().unique(), *records["former_id"].dropna().unique()]
        detail = f"{CHANGED_IDENTITY_REMEDY} (told before: {', '.join(before)})"
        lines.append(harmless(["changed_identity", detail, email, employee_id, "", len(records)]))
    with new_file(folder / "set_aside.csv") as part, part.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines or [list(SET_ASIDE_COLUMNS)])


def _list_stale(folder: StagedPath, decision: Decision) -> None:
    """Add the rows that something newer had overtaken to left_out.parquet."""
    stale = decision.rows[decision.rows["verdict"] == Verdict.STALE]
    with local_copy(folder / "left_out.parquet") as copy:
        table = pq.read_table(copy)
    others = table.filter(pa.compute.not_equal(table["reason"], "stale"))
    columns = {
        "place": ["withheld"] * len(stale),
        "reason": ["stale"] * len(stale),
        "email": stale["email"],
        "employee_id": stale["employee_id"],
        "course": stale["course"],
        "percent_complete": stale["hundredths"] / 100,
    }
    with new_file(folder / "left_out.parquet") as part:
        pq.write_table(pa.concat_tables([others, pa.table(columns, schema=LEFT_OUT)]), part)

"""What load writes to the run's folder before it sends: LMS file, lists for people, completed manifest."""

import json
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.lists import PathResolver, read_people
from include.codebashing_lms.config.lms import Lms
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.load.compare import DeltaSummary, LedgerComparison
from include.codebashing_lms.load.delta import Change, Delta, DeltaRules
from include.codebashing_lms.load.lists import Corrections, DeferredRows, SetAsideByLoad
from include.codebashing_lms.load.manifest import complete_manifest
from include.codebashing_lms.load.sent_rows import SCHEMA
from include.codebashing_lms.staging.files import StagedPath, atomic_write, local_copy
from include.codebashing_lms.staging.layout import LEFT_OUT, SENT_ROWS, TO_CORRECT
from include.codebashing_lms.transform.lms_file.courses import Courses
from include.codebashing_lms.transform.lms_file.file_part import FilePart
from include.codebashing_lms.transform.lms_file.writer import LmsFile
from include.codebashing_lms.transform.manifest import Manifest, read_manifest, write_manifest
from include.codebashing_lms.transform.records.columns import utc64


def sends_full(connector: Connector, chosen: str | None) -> bool:
    """Return whether a run sends every sendable row: by the form, the connector file, or the profile."""
    contract = connector.lms.contract
    by_profile = "full" if contract.sends_full else "changes"
    full = (chosen or connector.delivery.send or by_profile) == "full"
    if full and contract.refuses_full:
        raise ConnectorError(
            f"{contract.profile} sends changes only: rows that it has the LMS would add again, or refuse. "
            "Nothing was sent. Choose changes in the form."
        )
    return full


def delta_rules(
    connector: Connector, as_of: datetime, full: bool, since: datetime | None, resolve: PathResolver
) -> DeltaRules:
    """Return what the delta depends on besides rows and ledger."""
    people = read_people(connector.identity.people, resolve)
    return DeltaRules(
        as_of=utc64(as_of),
        full=full,
        accepted=frozenset(email for email, person in people.items() if person.action == "accept"),
        since=utc64(since) if since else None,
        zone=connector.lms.zone,
        email_matters=_email_matters(connector),
        whole_percent=connector.lms.contract.whole_percent,
    )


def _email_matters(connector: Connector) -> bool:
    """Return whether a new address alone makes a row a changed row: the LMS gets the address."""
    contract = connector.lms.contract
    return contract.sends_full or "email" in contract.sources


@dataclass(frozen=True)
class LoadOutputs:
    """Writes the files of a load."""

    connector: Connector
    folder: StagedPath
    as_of: datetime

    def write(self, comparison: LedgerComparison) -> tuple[Manifest, DeltaSummary]:
        """Write the LMS file and the lists; return the completed manifest and the numbers of the delta."""
        set_aside = SetAsideByLoad()
        parts = self._write_rows(comparison, set_aside)
        set_aside.write(self.folder)
        before, summary = read_manifest(self.folder), comparison.summary
        manifest = complete_manifest(before, summary, parts)
        write_manifest(self.folder, manifest)
        self._remove({part.file for part in before.parts} - {part.file for part in parts})
        return manifest, summary

    def _write_rows(self, comparison: LedgerComparison, set_aside: SetAsideByLoad) -> list[FilePart]:
        """Write each row to the files and lists that it belongs to; return the files that are sent."""
        with ExitStack() as stack:
            # opened first, the LMS file appears last: by sent_rows.parquet a retry knows of this try
            rows = self._rows(stack)
            sent, corrections, left_out = (
                stack.enter_context(atomic_write(self.folder / one)) for one in (SENT_ROWS, TO_CORRECT, LEFT_OUT)
            )
            sent_rows = stack.enter_context(pq.ParquetWriter(sent, SCHEMA, compression="zstd"))
            to_correct = stack.enter_context(Corrections(corrections))
            earlier = stack.enter_context(local_copy(self.folder / LEFT_OUT))
            deferred = stack.enter_context(DeferredRows(left_out, earlier))
            for delta in comparison.deltas():
                rows.add(delta.rows[delta.send])
                sent_rows.write_table(_sent_rows(delta))
                for one in (to_correct, deferred, set_aside):
                    one.add(delta)
            return rows.file.close()

    def _rows(self, stack: ExitStack) -> "_FileRowWriter":
        lms, courses = self.connector.lms, Courses({})
        file = LmsFile(self.folder, lms.contract, lms.zone, self.as_of, courses)
        return _FileRowWriter(lms, courses, stack.enter_context(file))

    def _remove(self, names: set[str]) -> None:
        """Remove files of transform without a row that is sent."""
        for name in names:
            if (self.folder / name).exists():
                (self.folder / name).unlink()


@dataclass
class _FileRowWriter:
    """Writes rows to the LMS file; the courses get their numbers in the order in which they come."""

    lms: Lms
    courses: Courses
    file: LmsFile

    def add(self, rows: pd.DataFrame) -> None:
        """Write rows to the file."""
        named = rows[rows["course"] != ""].drop_duplicates("course")
        columns = [named[name] for name in ("course", "course_id", "course_title", "course_settings")]
        for slug, id_, title, settings in zip(*columns, strict=True):
            course = {"id": id_, "title": title or None, **json.loads(settings or "{}")}
            self.courses.course_map[slug] = self.lms.parse_course(course)
            self.courses.number(slug)
        numbers = rows["course"].map(self.courses.numbers).fillna(-1).astype(np.int64)
        # under `full` an unchanged row was sent before
        first = rows["ledger_sent_at"].where(rows["change"] == Change.UNCHANGED)
        records = rows.assign(learner=np.arange(len(rows)), course=numbers, first_sent_at=first)
        self.file.write(self.file.lines(records, rows))


def _sent_rows(delta: Delta) -> pa.Table:
    """Return the rows of sent_rows.parquet: sent rows in their order, and rows that count as known."""
    before_start = delta.rows["change"] == Change.BEFORE_START
    rows = delta.rows.assign(email=delta.rows["lower_email"], baseline=before_start, sent=delta.send)
    kept = rows[delta.send | before_start].assign(known=lambda one: one["change"] == Change.UNCHANGED)
    return pa.Table.from_pandas(kept[SCHEMA.names], SCHEMA, preserve_index=False)

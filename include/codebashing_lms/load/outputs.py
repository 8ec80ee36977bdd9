"""From a run's rows and the ledger to what is sent: the file, lists for people, the manifest's last word."""

import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.lists import PathResolver, read_people
from include.codebashing_lms.config.lms import Lms
from include.codebashing_lms.config.schema.validation import parse
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.ledger import schema as ledger_rows
from include.codebashing_lms.load.compare import DeltaSummary, LedgerComparison
from include.codebashing_lms.load.delta import Change, Delta, DeltaRules
from include.codebashing_lms.load.lists import (
    DEFERRED,
    Corrections,
    DeferredRows,
    HeldIdentities,
    RepeatedRefusals,
)
from include.codebashing_lms.staging.files import StagedPath, atomic_write, local_copy
from include.codebashing_lms.staging.layout import LEFT_OUT, SENT_ROWS, TO_CORRECT
from include.codebashing_lms.transform.lms_file.courses import Courses
from include.codebashing_lms.transform.lms_file.file_part import FilePart, first_part
from include.codebashing_lms.transform.lms_file.writer import LmsFile
from include.codebashing_lms.transform.manifest import (
    Manifest,
    TransformNumbers,
    read_manifest,
    write_manifest,
)
from include.codebashing_lms.transform.records.columns import STATUSES, utc64
from include.codebashing_lms.transform.records.dispositions import SET_ASIDE

TOLD = pa.schema(
    [field for field in ledger_rows.SENT if field.name not in ("refusal", "refused_as")]
    + [("course_title", pa.string()), ("accepted", pa.bool_()), ("sent", pa.bool_()), ("known", pa.bool_())]
)
ASIDE = {change: change.disposition.reason for change in Change if change.disposition in SET_ASIDE}


def sends_full(connector: Connector, chosen: str | None) -> bool:
    """Tell whether a run sends every sendable row: by the form, the connector file, or the profile."""
    contract = connector.lms.contract
    by_profile = "full" if contract.sends_full else "changes"
    full = (chosen or connector.delivery.send or by_profile) == "full"
    if full and contract.refuses_full:
        raise ConnectorError(
            f"{contract.profile} tells changes only: rows that it has the LMS would add again, or refuse. "
            "Nothing was sent. Choose changes in the form."
        )
    return full


def delta_rules(
    connector: Connector, as_of: datetime, full: bool, since: datetime | None, resolve: PathResolver
) -> DeltaRules:
    """Return what decides besides rows and ledger."""
    people = read_people(connector.identity.people, resolve)
    return DeltaRules(
        as_of=utc64(as_of),
        full=full,
        accepted=frozenset(email for email, person in people.items() if person.action == "accept"),
        since=utc64(since) if since else None,
        email_matters=_email_matters(connector),
        whole_percent=connector.lms.contract.whole_percent,
    )


def _email_matters(connector: Connector) -> bool:
    """Tell whether a new address alone makes a row worth telling; not where the LMS must not see it again."""
    contract = connector.lms.contract
    return contract.sends_full or "email" in contract.sources


@dataclass(frozen=True)
class LoadOutputs:
    """What load writes to the run's folder before it sends."""

    connector: Connector
    folder: StagedPath
    name: str
    as_of: datetime

    def write(self, comparison: LedgerComparison) -> tuple[Manifest, DeltaSummary]:
        """Write the LMS file and the lists; return the completed manifest and what it all adds up to."""
        held, refused = HeldIdentities(), RepeatedRefusals()
        parts = self._write_rows(comparison, [held, refused])
        held.list_in(self.folder)
        refused.list_in(self.folder)
        before, summary = read_manifest(self.folder), comparison.summary
        manifest = complete_manifest(before, summary, parts)
        write_manifest(self.folder, manifest)
        self._remove({part.file for part in before.parts} - {part.file for part in parts})
        return manifest, summary

    def _write_rows(self, comparison: LedgerComparison, lists: list[Any]) -> list[FilePart]:
        """Write what there is to say of each row; return the files that are sent."""
        with ExitStack() as stack:
            rows = self._rows(
                stack
            )  # first, as they appear last: by sent_rows.parquet a retry knows of this try
            told, corrections, left_out = (
                stack.enter_context(atomic_write(self.folder / one))
                for one in (SENT_ROWS, TO_CORRECT, LEFT_OUT)
            )
            told_rows = stack.enter_context(pq.ParquetWriter(told, TOLD, compression="zstd"))
            to_correct = stack.enter_context(Corrections(corrections))
            earlier = stack.enter_context(local_copy(self.folder / LEFT_OUT))
            not_now = stack.enter_context(DeferredRows(left_out, earlier))
            for delta in comparison.decisions():
                rows.add(delta.rows[delta.send])
                told_rows.write_table(_told(delta))
                for one in (to_correct, not_now, *lists):
                    one.add(delta)
            return rows.file.close()

    def _rows(self, stack: ExitStack) -> "_FileRowWriter":
        lms, courses = self.connector.lms, Courses({})
        file = LmsFile(self.folder, lms.contract, ZoneInfo(lms.timezone), self.as_of, courses)
        return _FileRowWriter(lms, courses, stack.enter_context(file))

    def _remove(self, names: set[str]) -> None:
        """Remove files that transform wrote and nothing of which is sent."""
        for name in names:
            if (self.folder / name).exists():
                (self.folder / name).unlink()


@dataclass
class _FileRowWriter:
    """Rows that know their course by name, into a file whose courses are numbered as they come."""

    lms: Lms
    courses: Courses
    file: LmsFile

    def add(self, rows: pd.DataFrame) -> None:
        """Write rows to the file."""
        named = rows[rows["course"] != ""].drop_duplicates("course")
        columns = [named[name] for name in ("course", "course_id", "course_title", "course_settings")]
        for slug, id_, title, settings in zip(*columns, strict=True):
            course = {"id": id_, "title": title or None, **json.loads(settings or "{}")}
            self.courses.course_map[slug] = parse(course, self.lms.course_type)
            self.courses.number(slug)
        numbers = rows["course"].map(self.courses.numbers).fillna(-1).astype(np.int64)
        as_told = rows["verdict"] == Change.UNCHANGED
        first = rows["ledger_sent_at"].where(as_told)  # under `full`: what stands was told before
        told = rows.assign(learner=np.arange(len(rows)), course=numbers, first_sent_at=first)
        self.file.write(self.file.lines(told, rows))


def _told(delta: Delta) -> pa.Table:
    """Return the rows that are sent, in their order, and those that count as known to the LMS already.

    What the journal keeps of them, sent_rows.py says.
    """
    beforehand = delta.rows["verdict"] == Change.BEFORE_START
    rows = delta.rows.assign(email=delta.rows["person"], baseline=beforehand, sent=delta.send)
    told = rows[delta.send | beforehand].assign(known=lambda one: one["verdict"] == Change.UNCHANGED)
    return pa.Table.from_pandas(told[TOLD.names], TOLD, preserve_index=False)


def complete_manifest(manifest: Manifest, summary: DeltaSummary, parts: list[FilePart]) -> Manifest:
    """Return the manifest with what only load can know; its records still add up to what was read."""
    before = manifest.transformed or TransformNumbers(manifest.records, manifest.warnings, manifest.status)
    verdicts = summary.verdicts
    not_now = {reason: verdicts[verdict] for verdict, reason in DEFERRED.items()}
    aside = {reason: verdicts[verdict] for verdict, reason in ASIDE.items()}
    elsewhere = sum(not_now.values()) + sum(aside.values())
    withheld = {"unchanged": verdicts.total() - summary.sent - elsewhere, **not_now}
    records = replace(
        before.records,
        emitted=summary.sent,
        withheld=before.records.withheld | {name: n for name, n in withheld.items() if n},
        set_aside=before.records.set_aside | {name: n for name, n in aside.items() if n},
    )
    return replace(
        manifest,
        **first_part(parts),
        parts=parts,
        records=records,
        warnings=dict(sorted((Counter(before.warnings) + summary.warnings).items())),
        status={
            name: summary.statuses[STATUSES.index(name)]
            for name in ("completed", "in_progress", "not_started")
        },
        transformed=before,
        course_growth=summary.course_growth(),
        to_correct=summary.corrections,
    )

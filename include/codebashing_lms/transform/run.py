"""The transform of one run: two passes over a snapshot, then the manifest and the guards."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from msgspec import UNSET

from include.codebashing_lms import __version__
from include.codebashing_lms.arrow_memory import give_memory_back
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.dates import file_name, iso
from include.codebashing_lms.errors import GuardError, RunDateError, ShapeError, StagingError
from include.codebashing_lms.people import Locate, read_course_map, read_people
from include.codebashing_lms.snapshot import check_sha256, read_chunks, read_item
from include.codebashing_lms.source_fields import fields_not_asked
from include.codebashing_lms.splitter import RecordSplitter
from include.codebashing_lms.staging import (
    StagedPath,
    local_copy,
    new_file,
    scratch_folder,
    sha256_of,
    write_json,
)
from include.codebashing_lms.transform import contested, guards
from include.codebashing_lms.transform.earlier import EarlierReading, EarlierSnapshot
from include.codebashing_lms.transform.fates import Fate
from include.codebashing_lms.transform.learners import IdentityRules, read_learners
from include.codebashing_lms.transform.listings import Listings
from include.codebashing_lms.transform.past import ASSUMPTIONS, Past, note_dates, note_people
from include.codebashing_lms.transform.progress import (
    Courses,
    course_records,
    judge_courses,
    judge_learners,
    keep_true_dates,
    primary_records,
)
from include.codebashing_lms.transform.reading import Batch, Keys, RecordReader
from include.codebashing_lms.transform.rows import CsvRows
from include.codebashing_lms.transform.spool import Spool
from include.codebashing_lms.transform.staged_rows import StagedRows
from include.codebashing_lms.transform.tally import Tally
from include.codebashing_lms.transform.values import DONE

STALE = timedelta(days=7)


@dataclass(frozen=True)
class RunFacts:
    """What a manifest says about its run besides numbers."""

    run_id: str | None
    triggered_by: str | None
    params: dict[str, Any]
    logical_date: datetime
    as_of: datetime
    extracted_at: datetime
    provenance: str
    connector_sha256: str
    fields: list[str] | None = None
    source_warnings: dict[str, int] = field(default_factory=dict)
    skip_guards: tuple[str, ...] = ()
    check_only: bool = False


def transform(
    connector: Connector,
    snapshot: StagedPath,
    snapshot_sha256: str | None,
    folder: StagedPath,
    facts: RunFacts,
    locate: Locate = Path,
    earlier: EarlierReading | None = None,
) -> dict[str, Any]:
    """Write the LMS file, set_aside.csv, left_out.parquet and manifest.json to the run's folder.

    :param snapshot_sha256: checksum that the snapshot must have; None for one that nobody noted.
    :param locate: finds the files that the connector names.
    :param earlier: for a reconstructed date, the nearest snapshot read before it.
    :return: a small summary without persons, for the next task.
    :raises RunDateError: the snapshot was read without asking for a key that is needed now.
    :raises ShapeError: a key that is needed is in no record.
    :raises GuardError: a guard is crossed; the files are there to look at.
    """
    _check_fields(connector, facts, snapshot)
    give_memory_back()
    judging = _Judging(connector, facts, locate)
    with scratch_folder() as scratch:
        spool = Spool(scratch)
        with _present(snapshot) as path:
            if snapshot_sha256:
                check_sha256(path, snapshot_sha256, f"The snapshot {snapshot.name}")
            judging.first_pass(path, spool)
            keys = sorted(_keys_there(path, connector.source.records_path)) if facts.check_only else []
        judging.look_back(earlier)
        manifest = judging.second_pass(spool, folder)
    manifest["snapshot"] = {"file": snapshot.name, "sha256": snapshot_sha256}
    crossed = guards.findings(connector.guards, judging.tally.census())
    manifest["guards"] = {"crossed": crossed, "skipped": list(facts.skip_guards)}
    if facts.check_only:
        without_id = judging.tally.learners_missing_id
        manifest["seen"] = {"keys": keys, "courses": judging.courses.slugs, "learners_without_id": without_id}
    write_json(folder / "manifest.json", manifest)
    if facts.provenance == "live":
        write_json(folder.parent.parent.parent / "courses_seen.json", {"courses": judging.courses.slugs})
    if not facts.check_only:
        _stop_without_ids(connector, judging.tally)
        guards.check(crossed, facts.skip_guards)
    return _summary(folder, manifest)


def _check_fields(connector: Connector, facts: RunFacts, snapshot: StagedPath) -> None:
    missing = fields_not_asked(connector, facts.fields)
    if missing:
        raise RunDateError(
            f"The snapshot {snapshot.name} was read without asking for {', '.join(missing)}, which the "
            "connector file needs by now. Leave this run, or bring back the connector file of that time and "
            "clear it."
        )


def _present(snapshot: StagedPath) -> Any:
    if not snapshot.exists():
        raise StagingError(f"The snapshot {snapshot.name} is not in the staging area.")
    return local_copy(snapshot)


def _stop_without_ids(connector: Connector, tally: Tally) -> None:
    if connector.identity.on_missing == "fail" and tally.learners_missing_id:
        raise GuardError(
            f"{tally.learners_missing_id} of {tally.learners} learners have no employee ID and "
            "identity.on_missing is fail. Nothing was sent. Ask the identity team for the SAML attribute, "
            "or choose set_aside."
        )


def _summary(folder: StagedPath, manifest: dict[str, Any]) -> dict[str, Any]:
    kept = ("file", "bytes", "sha256", "learners", "records", "status", "warnings", "as_of", "provenance")
    summary = {key: manifest[key] for key in kept}
    return {
        **summary,
        **_staged(folder, "manifest", "manifest.json"),
        **_staged(folder, "rows", "rows.parquet"),
    }


def _staged(folder: StagedPath, name: str, file: str) -> dict[str, str]:
    """Return a staged file's address and checksum, nothing for one that this run does not have."""
    if not (folder / file).exists():
        return {}
    with local_copy(folder / file) as copy:
        return {name: str(folder / file), f"{name}_sha256": sha256_of(copy)}


class _Judging:
    """What both passes share: the rules, the courses met, the numbers."""

    def __init__(self, connector: Connector, facts: RunFacts, locate: Locate) -> None:
        self.connector, self.facts = connector, facts
        self.keys = Keys(connector)
        self.reconstructed = facts.provenance == "reconstructed"
        self.rules = IdentityRules.of(connector.identity, read_people(connector.identity.people, locate))
        self.courses = Courses(read_course_map(connector.lms.course_map, locate))
        self.primary = connector.courses == "primary"
        self.listed = connector.courses if isinstance(connector.courses, list) else []
        wanted = [self.keys.employee_id, self.keys.email, self.keys.active_at]
        if self.primary:
            wanted += [self.keys.completed, self.keys.total, self.keys.course]
        wanted += [self.keys.created_at] if self.keys.created_at else []
        self.reader = RecordReader(connector, wanted, self.listed)
        self.unseen = set(self._needed())
        self.newest = np.datetime64("NaT", "us")
        self.warnings: Counter[str] = Counter(facts.source_warnings)
        self.past: Past | None = None
        self.looked_back: dict[str, Any] = {}
        self.ids = contested.EmployeeIds()
        self.tally = Tally()

    def _needed(self) -> list[str]:
        """Return the keys without which the file would be wrong, or wholly empty in a column."""
        keys = self.keys
        needed = [keys.employee_id] if self.connector.identity.on_missing != "use_email" else [keys.email]
        columns = {column.source for column in self.connector.lms.options.columns}
        needed += [keys.email] if "email" in columns else []
        needed += [keys.active_at] if "last_active_at" in columns else []
        if self.primary:
            needed += [keys.completed, keys.total]
            needed += [keys.course] if self.courses.course_map else []
        if self.reconstructed and keys.created_at:
            needed.append(keys.created_at)
        return needed + [keys.percentage_of(course) for course in self.listed]

    def first_pass(self, path: Path, spool: Spool) -> None:
        """Judge every record by itself, and keep the verdicts in the spool."""
        splitter = RecordSplitter(self.connector.source.records_path, self.reader.decode, read_item)
        objects = False
        for batch in self.reader.batches(read_chunks(path, splitter)):
            objects = objects or any(batch.is_object())
            self._see(batch)
            learners = read_learners(batch, self.keys, self.rules)
            if self.reconstructed:
                learners = note_people(learners, batch, self.keys)
            records = self._records(batch, learners)
            self.ids.add(learners, records)
            spool.append(learners, records)
        spool.close()
        if objects:
            self._guard_shape(path)

    def _see(self, batch: Batch) -> None:
        """Strike off the needed keys that a record holds."""
        for key in list(self.unseen):
            if any(value is not UNSET for value in batch.column(key)):
                self.unseen.discard(key)

    def _records(self, batch: Batch, learners: pd.DataFrame) -> pd.DataFrame:
        if self.primary:
            records = primary_records(batch, self.keys, self.courses)
        else:
            records = course_records(batch, self.keys, list(self.reader.courses), self.courses)
        records = records.pipe(judge_courses, self.courses).pipe(judge_learners, learners)
        self._warn(learners, records)
        records = keep_true_dates(records, self.facts.extracted_at, self.warnings)
        if self.reconstructed:
            records = note_dates(records, batch, self.keys, self.courses.slugs)
        return records.drop(columns=["date_odd", "too_much"])

    def _warn(self, learners: pd.DataFrame, records: pd.DataFrame) -> None:
        faultless = (learners["fate"] == Fate.EMITTED).to_numpy()[records["learner"].to_numpy()]
        name = "completed_exceeds_total" if self.primary else "percentage_over_100"
        self.warnings[name] += int((records["too_much"].to_numpy() & faultless).sum())
        self.warnings["invalid_last_active_at"] += int(learners["active_odd"].sum())
        self.newest = np.fmax(
            self.newest, np.fmax.reduce(learners["active_at"].to_numpy(), initial=self.newest)
        )

    def _guard_shape(self, path: Path) -> None:
        """Raise ShapeError for needed keys that no record holds; a listed course may be nowhere."""
        courses = {self.keys.percentage_of(course) for course in self.listed}
        self.warnings["course_not_in_snapshot"] += len(self.unseen & courses)
        missing = self.unseen - courses
        if self.connector.courses == "all" and not self.reader.courses:
            missing.add(self.keys.percentage_of("<course>"))
        if missing:
            there = ", ".join(sorted(_keys_there(path, self.connector.source.records_path))[:60])
            raise ShapeError(
                f"No record of the snapshot has {', '.join(sorted(missing))}. Keys that are there: {there}. "
                "Name the right ones in source.employee_id_field or source.keys. Nothing was sent."
            )

    def look_back(self, earlier: EarlierReading | None) -> None:
        """For a past date, read what the nearest earlier snapshot said."""
        if not self.reconstructed:
            return
        before = None
        if earlier and fields_not_asked(self.connector, earlier.fields):
            self.warnings["earlier_snapshot_not_comparable"] += 1
        elif earlier:
            before = EarlierSnapshot(earlier.read_at, self.courses, self.primary)
            with _present(earlier.snapshot) as path:
                check_sha256(path, earlier.sha256, f"The snapshot {earlier.snapshot.name}")
                before.read(path, self.connector, self.rules)
        self.past = Past(self.facts.as_of, self.primary, before)
        used = before and earlier and {"file": earlier.snapshot.name, "sha256": earlier.sha256}
        self.looked_back = {"earlier_snapshot": used, "assumptions": list(ASSUMPTIONS)}

    def second_pass(self, spool: Spool, folder: StagedPath) -> dict[str, Any]:
        """Settle what needs the whole snapshot, write the files, return the manifest."""
        shared = self.ids.shared()
        changed = contested.settle(spool, shared, self.courses, self.connector.identity.on_conflict == "best")
        lms, as_of = self.connector.lms, self.facts.as_of
        name = file_name(lms.options.file_name, as_of, ZoneInfo(lms.timezone))
        with ExitStack() as stack:
            part, set_aside, left_out = (
                stack.enter_context(new_file(folder / one))
                for one in (name, "set_aside.csv", "left_out.parquet")
            )
            listings = stack.enter_context(Listings(set_aside, left_out, self.courses, self.primary))
            out = stack.enter_context(part.open("wb"))
            writer = CsvRows(out, lms.options, ZoneInfo(lms.timezone), as_of, self.courses)
            rows = self._staged_rows(stack, folder)
            for learners, records in self._judged(spool, changed):
                self.tally.add(len(learners), records)
                emitted = records["fate"] == Fate.EMITTED
                writer.write(records[emitted], learners)
                if rows:
                    rows.add(records[emitted], learners)
                listings.add(with_learners(records[~emitted], learners))
            out.flush()
            size, sha256 = part.stat().st_size, sha256_of(part)
        return self._manifest(name, size, sha256)

    def _staged_rows(self, stack: ExitStack, folder: StagedPath) -> StagedRows | None:
        """Open rows.parquet, which only a run that may be delivered needs."""
        if self.facts.provenance == "rendered":
            return None
        part = stack.enter_context(new_file(folder / "rows.parquet"))
        return stack.enter_context(StagedRows(part, self.courses))

    def _judged(self, spool: Spool, changed: pd.Series) -> Any:
        """Give each batch with its final fates."""
        number = 0
        same_course = contested.shares_a_course(self.courses)
        for learners, records in spool.batches():
            here = changed[(changed.index >= number) & (changed.index < number + len(records))]
            fate = records["fate"].to_numpy(copy=True)
            fate[here.index.to_numpy() - number] = here.to_numpy()
            records = records.assign(fate=fate)
            if same_course:
                known = with_learners(records, learners).assign(number=np.arange(len(records)))
                records = contested.merge_same_course(known, self.courses)[records.columns]
            number += len(records)
            if self.past:
                learners, records = self._judge_past(self.past, learners, records)
            yield learners, self._judge_needs(records)

    def _judge_past(
        self, past: Past, learners: pd.DataFrame, records: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        learners, records, undated = past.cut(learners, past.judge(learners, records))
        self.warnings["completed_date_after_as_of"] += undated
        return learners, records

    def _judge_needs(self, records: pd.DataFrame) -> pd.DataFrame:
        """Apply what the profile needs of a record that nothing else speaks against."""
        options = self.connector.lms.options
        fate = records["fate"].to_numpy(copy=True)
        done = (records["hundredths"] == DONE).to_numpy()
        if options.emits == "completion":
            fate[(fate == Fate.EMITTED) & ~done] = Fate.BELOW_THRESHOLD
        if options.needs_completion_date:
            undated = records["completed_at"].isna().to_numpy()
            fate[(fate == Fate.EMITTED) & undated] = Fate.MISSING_COMPLETED_DATE
        return records.assign(fate=fate)

    def _looks_stale(self) -> bool:
        """Tell whether nobody was active for long before the reading; of a past date that is no wonder."""
        read_at = np.datetime64(self.facts.extracted_at.astimezone(UTC).replace(tzinfo=None), "us")
        return not self.reconstructed and bool(read_at - self.newest > np.timedelta64(STALE))

    def _manifest(self, name: str, size: int, sha256: str) -> dict[str, Any]:
        facts = self.facts
        self.warnings["source_looks_stale"] += self._looks_stale()
        return {
            "connector": self.connector.name,
            "connector_sha256": facts.connector_sha256,
            "package_version": __version__,
            "run_id": facts.run_id,
            "triggered_by": facts.triggered_by,
            "params": facts.params,
            "logical_date": iso(facts.logical_date),
            "as_of": iso(facts.as_of),
            "extracted_at": iso(facts.extracted_at),
            "provenance": facts.provenance,
            **self.looked_back,
            "fields": facts.fields,
            "profile": self.connector.lms.profile,
            "file": name,
            "bytes": size,
            "sha256": sha256,
            "learners": self.tally.learners,
            "records": self.tally.records(),
            "warnings": {name: count for name, count in sorted(self.warnings.items()) if count},
            "status": {name: self.tally.status[name] for name in ("completed", "in_progress", "not_started")},
        }


def with_learners(records: pd.DataFrame, learners: pd.DataFrame) -> pd.DataFrame:
    """Return records with the employee_id, email and active_at of their learners."""
    people = learners.iloc[records["learner"].to_numpy()].set_index(records.index)
    return records.assign(**{name: people[name] for name in ("employee_id", "email", "active_at")})


def _keys_there(path: Path, records_path: str | None) -> set[str]:
    """Return the keys of the first records, for a message."""
    splitter = RecordSplitter(records_path, decode=_undecoded, read_item=read_item)
    first = next((chunk for chunk in read_chunks(path, splitter) if chunk.count), None)
    return {key for record in (first.records if first else ()) if isinstance(record, dict) for key in record}


def _undecoded(array: memoryview) -> Any:
    raise ValueError("read each record alone")

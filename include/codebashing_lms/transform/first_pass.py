"""The first pass over a snapshot: decode every record and check it by itself."""

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.lists import PathResolver, read_course_map, read_people
from include.codebashing_lms.errors import ShapeError
from include.codebashing_lms.streaming.json_file import decode_leniently, read_chunks
from include.codebashing_lms.streaming.json_splitter import Chunk, RecordSplitter
from include.codebashing_lms.streaming.prefetch import prefetch
from include.codebashing_lms.transform.context import RunContext
from include.codebashing_lms.transform.decode.batches import Batch
from include.codebashing_lms.transform.decode.record_decoder import RecordDecoder
from include.codebashing_lms.transform.decode.source_keys import SourceKeys
from include.codebashing_lms.transform.lms_file.courses import Courses
from include.codebashing_lms.transform.records.columns import NO_INSTANT, utc64
from include.codebashing_lms.transform.records.dates import Dates
from include.codebashing_lms.transform.records.dispositions import Disposition
from include.codebashing_lms.transform.records.spool import Spool
from include.codebashing_lms.transform.rules.as_of import add_creation
from include.codebashing_lms.transform.rules.duplicates import EmployeeIds
from include.codebashing_lms.transform.rules.learners import IdentityRules, lost_zeros, read_learners
from include.codebashing_lms.transform.rules.progress import (
    check_courses,
    check_learners,
    course_records,
    keep_true_dates,
    primary_records,
)
from include.codebashing_lms.transform.rules.user_keys import UserKeys

STALE = timedelta(days=7)
DIGIT = re.compile(r"\d")


class FirstPass:
    """Reads a snapshot once, and keeps its rules, its courses and its warnings."""

    def __init__(self, connector: Connector, context: RunContext, resolve: PathResolver) -> None:
        self.connector, self.context = connector, context
        self.keys = SourceKeys(connector)
        self.reconstructed = context.provenance == "reconstructed"
        self.rules = IdentityRules.of(connector.identity, read_people(connector.identity.people, resolve))
        self.courses = Courses(read_course_map(connector.lms, resolve))
        self.user_keys = UserKeys.of(connector, resolve)
        self.primary = connector.courses == "primary"
        self.listed = connector.courses if isinstance(connector.courses, list) else []
        read_keys = [self.keys.employee_id, self.keys.email, self.keys.active_at]
        if self.primary:
            read_keys += [self.keys.completed, self.keys.total, self.keys.course]
        read_keys += [self.keys.created_at] if self.keys.created_at else []
        self.decoder = RecordDecoder(connector, read_keys, self.listed, self._required_keys())
        self.newest = NO_INSTANT
        self.warnings: Counter[str] = Counter(context.source_warnings)
        self.warnings.update(self.user_keys.warnings())
        self.ids = EmployeeIds()

    def _required_keys(self) -> list[str]:
        """Return the keys that the file requires: without one it would be wrong, or have an empty column."""
        keys = self.keys
        required = [keys.employee_id] if self.connector.identity.on_missing != "use_email" else [keys.email]
        columns = self.connector.lms.contract.sources
        required += [keys.email] if "email" in columns else []
        required += [keys.active_at] if "last_active_at" in columns else []
        if self.primary:
            required += [keys.completed, keys.total]
            required += [keys.course] if self.courses.course_map else []
        if self.reconstructed and keys.created_at:
            required.append(keys.created_at)
        return required + [keys.percentage_of(course) for course in self.listed]

    def read(self, path: Path, spool: Spool) -> None:
        """Check every record by itself, and keep the checked records in the spool."""
        splitter = RecordSplitter(self.connector.source.records_path, self.decoder.decode, decode_leniently)
        objects = False
        with prefetch(self.decoder.batches(read_chunks(path, splitter))) as batches:
            for batch in batches:
                objects = objects or bool(batch.objects.any())
                learners = read_learners(batch, self.keys, self.rules)
                self.warnings["people_lost_zeros"] += lost_zeros(batch, self.keys, self.rules.people)
                if self.reconstructed:
                    learners = add_creation(learners, batch, self.keys, self.warnings)
                records = self._records(batch, learners)
                self.ids.add(learners, records)
                spool.append(learners, records)
        spool.close()
        if objects:
            self._check_shape(path)

    def _records(self, batch: Batch, learners: pd.DataFrame) -> pd.DataFrame:
        if self.primary:
            records = primary_records(batch, self.keys, self.courses)
        else:
            records = course_records(batch, self.courses)
        records = records.pipe(check_courses, self.courses).pipe(check_learners, learners)
        self._warn(learners, records)
        records = keep_true_dates(records, self.context.extracted_at, self.keys.zone, self.warnings)
        return records.drop(columns=["date_odd", "too_much"])

    def _warn(self, learners: pd.DataFrame, records: pd.DataFrame) -> None:
        too_much = np.flatnonzero(records["too_much"].to_numpy())
        dispositions = learners["disposition"].to_numpy()[records["learner"].to_numpy()[too_much]]
        name = "completed_exceeds_total" if self.primary else "percentage_over_100"
        self.warnings[name] += int((dispositions == Disposition.EMITTED).sum())
        self.warnings["invalid_last_active_at"] += int(learners["active_odd"].sum())
        active_by = Dates.of(learners, "active").latest(self.keys.zone)
        self.newest = np.fmax.reduce(active_by, initial=self.newest)

    def _check_shape(self, path: Path) -> None:
        """Raise ShapeError for required keys that are in no record; a listed course may be in none."""
        courses = {self.keys.percentage_of(course) for course in self.listed}
        self.warnings["course_not_in_snapshot"] += len(self.decoder.unseen & courses)
        missing = self.decoder.unseen - courses
        if self.connector.courses == "all" and not self.decoder.slugs:
            missing.add(self.keys.percentage_of("<course>"))
        if missing:
            keys = ", ".join(sorted(first_keys(path, self.connector.source.records_path))[:60])
            raise ShapeError(
                f"No record of the snapshot has {', '.join(sorted(missing))}. Keys that are there: {keys}. "
                "Name the right ones in source.employee_id_field or source.keys. Nothing was sent."
            )

    def looks_stale(self) -> bool:
        """Return whether no learner was active for long before the reading; on a past date that is normal."""
        read_at = utc64(self.context.extracted_at)
        return not self.reconstructed and bool(read_at - self.newest > np.timedelta64(STALE))


def first_keys(path: Path, records_path: str | None) -> set[str]:
    """Return the keys of the first records, for a message, without keys that may be an address or an ID."""
    splitter = RecordSplitter(records_path, decode=_refuse_array, read_item=decode_leniently)
    first: Chunk = next(filter(len, read_chunks(path, splitter)), ())
    records = [record for record in first if isinstance(record, dict)]
    times = Counter(key for record in records for key in record)
    return {
        key
        for key, count in times.items()
        if "@" not in key and (count > 1 or len(records) == 1 or not DIGIT.search(key))
    }


def _refuse_array(array: memoryview) -> Any:
    raise ValueError("read each record alone")

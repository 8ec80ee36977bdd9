"""The second pass: what needs the whole snapshot is settled, and the files are written."""

from collections.abc import Generator, Iterable
from contextlib import ExitStack
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from include.codebashing_lms.staging.files import StagedPath, atomic_write
from include.codebashing_lms.staging.layout import LEFT_OUT, ROWS, SET_ASIDE
from include.codebashing_lms.streaming.prefetch import prefetch
from include.codebashing_lms.transform.counts import BatchCounts, LearnerStatistics, RecordCounts
from include.codebashing_lms.transform.first_pass import FirstPass
from include.codebashing_lms.transform.lists import RecordLists
from include.codebashing_lms.transform.lms_file.file_part import FilePart
from include.codebashing_lms.transform.lms_file.writer import LmsFile
from include.codebashing_lms.transform.records.dispositions import Disposition
from include.codebashing_lms.transform.records.spool import Spool
from include.codebashing_lms.transform.rows_file import RowsFile
from include.codebashing_lms.transform.rules import duplicates as contested
from include.codebashing_lms.transform.rules.as_of import AsOfRules
from include.codebashing_lms.transform.rules.profile_requirements import ProfileRequirements

Batches = Generator[tuple[pd.DataFrame, pd.DataFrame]]


class SecondPass:
    """Writes the files of a run and counts what became of its records.

    :param as_of_rules: the rules of a reconstructed date, None for every other.
    """

    def __init__(self, first_pass: FirstPass, as_of_rules: AsOfRules | None) -> None:
        self.first_pass, self.as_of_rules = first_pass, as_of_rules
        self.connector, self.context, self.courses = (
            first_pass.connector,
            first_pass.context,
            first_pass.courses,
        )
        self.contract = self.connector.lms.contract
        self.counts, self.statistics = RecordCounts(), LearnerStatistics()

    def write(self, spool: Spool, folder: StagedPath) -> list[FilePart]:
        """Resolve what needs the whole snapshot and write the files; return the parts of the LMS file."""
        shared = self.first_pass.ids.shared()
        changed = contested.resolve_duplicates(
            spool, shared, self.courses, self.connector.identity.on_conflict == "best"
        )
        self.first_pass.user_keys.note_shared(spool)
        contract, zone, as_of = self.contract, ZoneInfo(self.connector.lms.timezone), self.context.as_of
        with ExitStack() as stack:
            set_aside, left_out = (
                stack.enter_context(atomic_write(folder / one)) for one in (SET_ASIDE, LEFT_OUT)
            )
            labels = [column.label for column in contract.columns]
            lists = RecordLists(set_aside, left_out, self.courses, self.first_pass.primary, labels)
            listings = stack.enter_context(lists)
            file = stack.enter_context(LmsFile(folder, contract, zone, as_of, self.courses))
            needs = ProfileRequirements(contract, zone, as_of, file)
            rows = self._staged_rows(stack, folder)
            judged = self._judged(spool, changed, needs)
            told = stack.enter_context(prefetch(self._told(judged, listings)))
            for records, learners, lines in stack.enter_context(prefetch(_with_lines(told, file))):
                file.write(lines)
                if rows:
                    rows.add(records, learners)
            return file.close()

    def _told(self, judged: Batches, listings: RecordLists) -> Batches:
        """Count each batch and list what is not emitted; give the records that are, and their learners."""
        for learners, records in judged:
            counted = BatchCounts.of(len(learners), records)
            self.counts.add(counted)
            self.statistics.add(learners, counted)
            listings.add(records, learners)
            yield (
                records.iloc[np.flatnonzero(records["disposition"].to_numpy() == Disposition.EMITTED)],
                learners,
            )

    def _staged_rows(self, stack: ExitStack, folder: StagedPath) -> RowsFile | None:
        """Open rows.parquet, which only a run that may be delivered needs."""
        if self.context.provenance == "rendered":
            return None
        part = stack.enter_context(atomic_write(folder / ROWS))
        return stack.enter_context(RowsFile(part, self.courses))

    def _judged(self, spool: Spool, changed: pd.Series, needs: ProfileRequirements) -> Batches:
        """Give each batch with its final fates."""
        number = 0
        same_course = contested.shares_a_course(self.courses)
        for learners, records in spool.batches():
            here = changed[(changed.index >= number) & (changed.index < number + len(records))]
            disposition = records["disposition"].to_numpy(copy=True)
            disposition[here.index.to_numpy() - number] = here.to_numpy()
            records = records.assign(disposition=disposition)
            if same_course:
                known = with_learners(records, learners).assign(number=np.arange(len(records)))
                records = contested.merge_same_course(known, self.courses)[records.columns]
            number += len(records)
            if self.as_of_rules:
                learners, records = self._judge_past(self.as_of_rules, learners, records)
            learners = self.first_pass.user_keys.add_to(learners)
            yield learners, needs.judge(learners, records)

    def _judge_past(
        self, past: AsOfRules, learners: pd.DataFrame, records: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        learners, records, undated = past.cut(learners, past.judge(learners, records))
        self.first_pass.warnings["completed_date_after_as_of"] += undated
        return learners, records


def _with_lines(batches: Iterable[tuple[pd.DataFrame, pd.DataFrame]], file: LmsFile) -> Generator[Any]:
    """Give emitted records, their learners, and their lines in the file."""
    for records, learners in batches:
        yield records, learners, file.lines(records, learners)


def with_learners(records: pd.DataFrame, learners: pd.DataFrame) -> pd.DataFrame:
    """Return records with the employee_id, email and active_at of their learners."""
    at = records["learner"].to_numpy()
    return records.assign(
        **{name: learners[name].array.take(at) for name in ("employee_id", "email", "active_at")}
    )

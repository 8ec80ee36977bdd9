"""The second pass over a snapshot: resolve duplicates, apply the profile, write the files."""

from collections.abc import Generator, Iterable
from contextlib import ExitStack
from typing import Any

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
from include.codebashing_lms.transform.rules import duplicates
from include.codebashing_lms.transform.rules.as_of import AsOfRules
from include.codebashing_lms.transform.rules.profile_requirements import ProfileRequirements

Batches = Generator[tuple[pd.DataFrame, pd.DataFrame]]


class SecondPass:
    """Writes the files of a run and counts its records.

    :param as_of_rules: the rules of a reconstructed date, None for other dates.
    """

    def __init__(self, first_pass: FirstPass, as_of_rules: AsOfRules | None) -> None:
        self.first_pass, self.as_of_rules = first_pass, as_of_rules
        self.connector, self.context = first_pass.connector, first_pass.context
        self.courses = first_pass.courses
        self.contract = self.connector.lms.contract
        self.counts, self.statistics = RecordCounts(), LearnerStatistics()

    def write(self, spool: Spool, folder: StagedPath) -> list[FilePart]:
        """Resolve duplicates and write the files; return the parts of the LMS file."""
        contract, zone, as_of = self.contract, self.connector.lms.zone, self.context.as_of
        shared = self.first_pass.ids.shared()
        changed = duplicates.resolve_duplicates(
            spool, shared, self.courses, zone, self.connector.identity.on_conflict == "best"
        )
        self.first_pass.user_keys.note_shared(spool)
        self.first_pass.warnings["crosswalk_lost_zeros"] += self.first_pass.user_keys.lost_zeros
        with ExitStack() as stack:
            set_aside, left_out = (stack.enter_context(atomic_write(folder / one)) for one in (SET_ASIDE, LEFT_OUT))
            labels = [column.label for column in contract.columns]
            lists = stack.enter_context(RecordLists(set_aside, left_out, self.courses, self.first_pass.primary, labels))
            file = stack.enter_context(LmsFile(folder, contract, zone, as_of, self.courses))
            requirements = ProfileRequirements(contract, zone, as_of, file)
            rows = self._rows_file(stack, folder)
            checked = self._checked(spool, changed, requirements)
            emitted = stack.enter_context(prefetch(self._emitted(checked, lists)))
            for records, learners, lines in stack.enter_context(prefetch(_with_lines(emitted, file))):
                file.write(lines)
                if rows:
                    rows.add(records, learners)
            return file.close()

    def _emitted(self, checked: Batches, lists: RecordLists) -> Batches:
        for learners, records in checked:
            counts = BatchCounts.of(len(learners), records)
            self.counts.add(counts)
            self.statistics.add(learners, counts)
            lists.add(records, learners)
            emitted = np.flatnonzero(records["disposition"].to_numpy() == Disposition.EMITTED)
            yield records.iloc[emitted], learners

    def _rows_file(self, stack: ExitStack, folder: StagedPath) -> RowsFile | None:
        """Open rows.parquet for load; a run of the command line has no load."""
        if self.context.provenance == "rendered":
            return None
        part = stack.enter_context(atomic_write(folder / ROWS))
        return stack.enter_context(RowsFile(part, self.courses))

    def _checked(self, spool: Spool, changed: pd.Series, requirements: ProfileRequirements) -> Batches:
        number = 0
        same_course = duplicates.has_shared_course(self.courses)
        for learners, records in spool.batches():
            here = changed[(changed.index >= number) & (changed.index < number + len(records))]
            disposition = records["disposition"].to_numpy(copy=True)
            disposition[here.index.to_numpy() - number] = here.to_numpy()
            records = records.assign(disposition=disposition)
            if same_course:
                known = _with_learners(records, learners).assign(number=np.arange(len(records)))
                known = duplicates.with_completion_begin(known, self.connector.lms.zone)
                records = duplicates.merge_same_course(known, self.courses)[records.columns]
            number += len(records)
            if self.as_of_rules:
                learners, records = self._at_as_of(self.as_of_rules, learners, records)
            learners = self.first_pass.user_keys.add_to(learners)
            yield learners, requirements.apply(learners, records)

    def _at_as_of(
        self, rules: AsOfRules, learners: pd.DataFrame, records: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        records = rules.withhold_uncertain(learners, records)
        learners, records, undated = rules.hide_after_as_of(learners, records)
        self.first_pass.warnings["completed_date_after_as_of"] += undated
        return learners, records


def _with_lines(batches: Iterable[tuple[pd.DataFrame, pd.DataFrame]], file: LmsFile) -> Generator[Any]:
    for records, learners in batches:
        yield records, learners, file.lines(records, learners)


def _with_learners(records: pd.DataFrame, learners: pd.DataFrame) -> pd.DataFrame:
    at = records["learner"].to_numpy()
    return records.assign(**{name: learners[name].array.take(at) for name in ("employee_id", "email")})

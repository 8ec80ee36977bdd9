"""The second pass: what needs the whole snapshot is settled, and the files are written."""

from collections.abc import Generator, Iterable
from contextlib import ExitStack
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from include.codebashing_lms.ahead import ahead
from include.codebashing_lms.staging import StagedPath, new_file
from include.codebashing_lms.transform import contested
from include.codebashing_lms.transform.fates import Fate
from include.codebashing_lms.transform.figures import Figures
from include.codebashing_lms.transform.judging import Judging
from include.codebashing_lms.transform.listings import Listings
from include.codebashing_lms.transform.lms_file import LmsFile, of_first
from include.codebashing_lms.transform.needs import Needs
from include.codebashing_lms.transform.past import Past
from include.codebashing_lms.transform.spool import Spool
from include.codebashing_lms.transform.staged_rows import StagedRows
from include.codebashing_lms.transform.tally import Counted, Tally

Batches = Generator[tuple[pd.DataFrame, pd.DataFrame]]


class Writing:
    """Writes the files of a run and counts what became of its records.

    :param past: the rules of a reconstructed date, None for every other.
    """

    def __init__(self, judging: Judging, past: Past | None) -> None:
        self.judging, self.past = judging, past
        self.connector, self.facts, self.courses = judging.connector, judging.facts, judging.courses
        self.contract = self.connector.lms.contract
        self.tally, self.figures = Tally(), Figures()

    def write(self, spool: Spool, folder: StagedPath) -> dict[str, Any]:
        """Settle what needs the whole snapshot and write the files; return what the LMS file is."""
        shared = self.judging.ids.shared()
        changed = contested.settle(spool, shared, self.courses, self.connector.identity.on_conflict == "best")
        self.judging.user_keys.note_shared(spool)
        contract, zone, as_of = self.contract, ZoneInfo(self.connector.lms.timezone), self.facts.as_of
        with ExitStack() as stack:
            set_aside, left_out = (
                stack.enter_context(new_file(folder / one)) for one in ("set_aside.csv", "left_out.parquet")
            )
            labels = [column.label for column in contract.columns]
            lists = Listings(set_aside, left_out, self.courses, self.judging.primary, labels)
            listings = stack.enter_context(lists)
            file = stack.enter_context(LmsFile(folder, contract, zone, as_of, self.courses))
            needs = Needs(contract, zone, as_of, file)
            rows = self._staged_rows(stack, folder)
            judged = self._judged(spool, changed, needs)
            told = stack.enter_context(ahead(self._told(judged, listings)))
            for records, learners, lines in stack.enter_context(ahead(_with_lines(told, file))):
                file.write(lines)
                if rows:
                    rows.add(records, learners)
            parts = file.close()
        return {**of_first(parts), "parts": parts}

    def _told(self, judged: Batches, listings: Listings) -> Batches:
        """Count each batch and list what is not emitted; give the records that are, and their learners."""
        for learners, records in judged:
            counted = Counted.of(len(learners), records)
            self.tally.add(counted)
            self.figures.add(learners, counted)
            listings.add(records, learners)
            yield records.iloc[np.flatnonzero(records["fate"].to_numpy() == Fate.EMITTED)], learners

    def _staged_rows(self, stack: ExitStack, folder: StagedPath) -> StagedRows | None:
        """Open rows.parquet, which only a run that may be delivered needs."""
        if self.facts.provenance == "rendered":
            return None
        part = stack.enter_context(new_file(folder / "rows.parquet"))
        return stack.enter_context(StagedRows(part, self.courses))

    def _judged(self, spool: Spool, changed: pd.Series, needs: Needs) -> Batches:
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
            learners = self.judging.user_keys.add_to(learners)
            yield learners, needs.judge(learners, records)

    def _judge_past(
        self, past: Past, learners: pd.DataFrame, records: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        learners, records, undated = past.cut(learners, past.judge(learners, records))
        self.judging.warnings["completed_date_after_as_of"] += undated
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

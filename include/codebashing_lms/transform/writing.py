"""The second pass: what needs the whole snapshot is settled, and the files are written."""

from contextlib import ExitStack
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from include.codebashing_lms.dates import file_name
from include.codebashing_lms.staging import StagedPath, new_file, sha256_of
from include.codebashing_lms.transform import contested
from include.codebashing_lms.transform.fates import Fate
from include.codebashing_lms.transform.figures import Figures
from include.codebashing_lms.transform.judging import Judging
from include.codebashing_lms.transform.listings import Listings
from include.codebashing_lms.transform.past import Past
from include.codebashing_lms.transform.rows import CsvRows
from include.codebashing_lms.transform.spool import Spool
from include.codebashing_lms.transform.staged_rows import StagedRows
from include.codebashing_lms.transform.tally import Tally
from include.codebashing_lms.transform.values import DONE


class Writing:
    """Writes the files of a run and counts what became of its records.

    :param past: the rules of a reconstructed date, None for every other.
    """

    def __init__(self, judging: Judging, past: Past | None) -> None:
        self.judging, self.past = judging, past
        self.connector, self.facts, self.courses = judging.connector, judging.facts, judging.courses
        self.tally, self.figures = Tally(), Figures()

    def write(self, spool: Spool, folder: StagedPath) -> dict[str, Any]:
        """Settle what needs the whole snapshot and write the files; return what the LMS file is."""
        shared = self.judging.ids.shared()
        changed = contested.settle(spool, shared, self.courses, self.connector.identity.on_conflict == "best")
        lms, as_of = self.connector.lms, self.facts.as_of
        name = file_name(lms.contract.file_name, as_of, ZoneInfo(lms.timezone))
        with ExitStack() as stack:
            part, set_aside, left_out = (
                stack.enter_context(new_file(folder / one))
                for one in (name, "set_aside.csv", "left_out.parquet")
            )
            listings = stack.enter_context(Listings(set_aside, left_out, self.courses, self.judging.primary))
            out = stack.enter_context(part.open("wb"))
            writer = CsvRows(out, lms.contract, ZoneInfo(lms.timezone), as_of, self.courses)
            rows = self._staged_rows(stack, folder)
            for learners, records in self._judged(spool, changed):
                self.tally.add(len(learners), records)
                self.figures.add(learners, records)
                emitted = records["fate"] == Fate.EMITTED
                writer.write(records[emitted], learners)
                if rows:
                    rows.add(records[emitted], learners)
                listings.add(with_learners(records[~emitted], learners))
            out.flush()
            size, sha256 = part.stat().st_size, sha256_of(part)
        return {"file": name, "bytes": size, "sha256": sha256}

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
        self.judging.warnings["completed_date_after_as_of"] += undated
        return learners, records

    def _judge_needs(self, records: pd.DataFrame) -> pd.DataFrame:
        """Apply what the profile needs of a record that nothing else speaks against."""
        contract = self.connector.lms.contract
        fate = records["fate"].to_numpy(copy=True)
        done = (records["hundredths"] == DONE).to_numpy()
        if contract.emits == "completion":
            fate[(fate == Fate.EMITTED) & ~done] = Fate.BELOW_THRESHOLD
        if contract.needs_completion_date:
            undated = records["completed_at"].isna().to_numpy()
            fate[(fate == Fate.EMITTED) & undated] = Fate.MISSING_COMPLETED_DATE
        return records.assign(fate=fate)


def with_learners(records: pd.DataFrame, learners: pd.DataFrame) -> pd.DataFrame:
    """Return records with the employee_id, email and active_at of their learners."""
    people = learners.iloc[records["learner"].to_numpy()].set_index(records.index)
    return records.assign(**{name: people[name] for name in ("employee_id", "email", "active_at")})

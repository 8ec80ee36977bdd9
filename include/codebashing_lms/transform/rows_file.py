"""rows.parquet: every emitted record in the file's order, for load to compare with the ledger."""

from pathlib import Path
from types import TracebackType

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from include.codebashing_lms.transform.lms_file.courses import Courses
from include.codebashing_lms.transform.records.columns import Ints, text_array

TEXTS = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        *[(name, TEXTS) for name in ("employee_id", "user_key", "email")],
        *[(name, TEXTS) for name in ("course", "course_id", "course_title", "course_settings")],
        ("hundredths", pa.int32()),
        ("started", pa.bool_()),
        ("lessons_completed", pa.int64()),
        ("lessons_total", pa.int64()),
        ("completed_at", pa.timestamp("us")),  # see records/dates.py
        ("completed_is_day", pa.bool_()),
        ("active_at", pa.timestamp("us")),
        ("active_is_day", pa.bool_()),
    ]
)


class RowsFile:
    """Writes rows.parquet, batch by batch."""

    def __init__(self, path: Path, courses: Courses) -> None:
        self.courses = courses
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")

    def __enter__(self) -> "RowsFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._writer.close()

    def add(self, records: pd.DataFrame, learners: pd.DataFrame) -> None:
        """Write the emitted records of a batch."""
        if records.empty:
            return
        learner, course = records["learner"].to_numpy(), records["course"].to_numpy()
        entries = [self.courses.entry(slug) for slug in self.courses.slugs]
        columns = {
            "employee_id": _by_number(text_array(learners["employee_id"]), learner),
            "user_key": _by_number(text_array(learners["user_key"]), learner),
            "email": _by_number(text_array(learners["email"]), learner),
            "course": _of_course(self.courses.slugs, course),
            "course_id": _of_course(self.courses.lms_ids(), course),
            "course_title": _of_course([(entry and entry.title) or "" for entry in entries], course),
            "course_settings": _of_course([entry.settings_as_text() if entry else "" for entry in entries], course),
            "active_at": learners["active_at"].to_numpy()[learner],
            "active_is_day": learners["active_is_day"].to_numpy()[learner],
        }
        plain = {name: records[name].to_numpy() for name in SCHEMA.names if name not in columns}
        self._writer.write_table(pa.table({name: (columns | plain)[name] for name in SCHEMA.names}, SCHEMA))


def _of_course(texts: list[str], numbers: Ints) -> pa.DictionaryArray:
    return _by_number(pa.array([*texts, ""], pa.string()), np.where(numbers < 0, len(texts), numbers))


def _by_number(texts: pa.Array, numbers: Ints) -> pa.DictionaryArray:
    """Return a column of texts by their numbers; Parquet takes nulls among the numbers only."""
    absent = texts.is_null().to_numpy(zero_copy_only=False)[numbers]
    return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32), mask=absent), texts.fill_null(""))

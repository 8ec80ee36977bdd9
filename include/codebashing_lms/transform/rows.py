"""The rows of the LMS file, written by columns.

A CSV column of a batch is a short list of texts and each row's place in it. Rows are joined to lines in
Arrow, and the lines' buffer goes to the file: no cell passes through Python.
"""

import codecs
from datetime import UTC, datetime
from functools import cache, reduce
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.codebashing_lms.dates import format_instant, iso
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.profiles import Column, Contract
from include.codebashing_lms.transform.progress import Courses
from include.codebashing_lms.transform.values import DONE, Ints

STATUSES = ("not_started", "in_progress", "completed")
COUNT_SOURCES = ("lessons_completed", "lessons_total")
COURSE_SOURCES = ("course_id", "course_title")

Cells = tuple[pa.Array, Any]  # texts, and for each row the number of its text


class CsvRows:
    """Writes the header and the rows of one file.

    :param out: where the bytes go.
    :param contract: the columns, and the shape of the file.
    :param zone: time zone of every `date_format`.
    """

    def __init__(
        self, out: BinaryIO, contract: Contract, zone: ZoneInfo, as_of: datetime, courses: Courses
    ) -> None:
        self.out, self.columns, self.zone, self.as_of, self.courses = (
            out,
            contract.columns,
            zone,
            as_of,
            courses,
        )
        self.options = options = contract.file
        self._encoder = codecs.getincrementalencoder(options.encoding)()
        self._plain = options.plain
        self._special = (options.delimiter, '"', "\r", "\n")
        if options.bom and not "".encode(options.encoding):
            self._write("\ufeff")
        if options.header:
            only = np.zeros(1, dtype=np.int64)
            self._lines([(pa.array([column.label]), only) for column in self.columns])

    def write(self, records: pd.DataFrame, learners: pd.DataFrame) -> None:
        """Write the emitted records of a batch of learners."""
        if len(records):
            self._lines([self._cells(column, records, learners) for column in self.columns])

    def _cells(self, column: Column, records: pd.DataFrame, learners: pd.DataFrame) -> Cells:
        nothing = np.zeros(len(records), dtype=np.int64)
        if column.value is not None:
            return pa.array([column.value]), nothing
        source = str(column.source)
        if source == "as_of":
            return pa.array([self._instant(self.as_of, column.date_format)]), nothing
        if source == "completed_at":
            return self._instants(records["completed_at"], column.date_format)
        if source == "percent_complete":
            texts = _percent_texts(column.decimals, self.options.decimal_mark)
            return texts, records["hundredths"].to_numpy()
        if source == "status":
            return pa.array(STATUSES), statuses(records).to_numpy()
        if source in COUNT_SOURCES:
            return _counts(records[source].to_numpy())
        if source in COURSE_SOURCES:
            return self._of_course(source, records["course"].to_numpy())
        return self._of_learner(source, column, records["learner"].to_numpy(), learners)

    def _of_learner(self, source: str, column: Column, learner: Ints, learners: pd.DataFrame) -> Cells:
        if source == "last_active_at":
            texts, numbers = self._instants(learners["active_at"], column.date_format)
            return texts, numbers[learner]
        return text_array(learners[source]).fill_null(""), learner

    def _of_course(self, source: str, numbers: Ints) -> Cells:
        entries = [self.courses.entry(slug) for slug in self.courses.slugs]
        texts = [
            ((entry.id if source == "course_id" else entry.title) or "") if entry else "" for entry in entries
        ]
        return pa.array([*texts, ""], pa.string()), np.where(numbers < 0, len(texts), numbers)

    def _instants(self, instants: pd.Series, pattern: str | None) -> Cells:
        encoded = pa.array(instants.to_numpy()).dictionary_encode()
        known = [self._instant(one.replace(tzinfo=UTC), pattern) for one in encoded.dictionary.to_pylist()]
        numbers = encoded.indices.fill_null(len(known)).to_numpy()
        return pa.array([*known, ""], pa.string()), numbers

    def _instant(self, instant: datetime, pattern: str | None) -> str:
        return format_instant(instant, pattern, self.zone) if pattern else iso(instant)

    def _lines(self, cells: list[Cells]) -> None:
        """Join the columns to lines; quotes and the line's end are put to the few texts, not to every row."""
        texts = [self._quoted(column) for column, _ in cells]
        texts[-1] = pc.binary_join_element_wise(texts[-1], self.options.line_ending, "")
        columns = [column.take(pa.array(at)) for column, (_, at) in zip(texts, cells, strict=True)]
        self._write_buffer(pc.binary_join_element_wise(*columns, self.options.delimiter))

    def _quoted(self, texts: pa.Array) -> pa.Array:
        if self.options.quoting == "all":
            needed = pa.repeat(pa.scalar(True), len(texts))
        else:
            needed = reduce(pc.or_, (pc.match_substring(texts, special) for special in self._special))
            if len(self.columns) == 1:
                needed = pc.or_(needed, pc.equal(texts, ""))
            if not pc.any(needed).as_py():
                return texts
        doubled = pc.replace_substring(texts, '"', '""')
        return pc.if_else(needed, pc.binary_join_element_wise('"', doubled, '"', ""), texts)

    def _write_buffer(self, lines: pa.Array) -> None:
        offsets = np.frombuffer(lines.buffers()[1], dtype=np.int32)[
            lines.offset : lines.offset + len(lines) + 1
        ]
        text = lines.buffers()[2][int(offsets[0]) : int(offsets[-1])]
        if self._plain:
            self.out.write(text)
        else:
            self._write(text.to_pybytes().decode())

    def _write(self, text: str) -> None:
        try:
            self.out.write(self._encoder.encode(text))
        except UnicodeEncodeError as error:
            raise ConnectorError(
                f"lms.options.encoding: {self.options.encoding} cannot write a character of the rows "
                f"(U+{ord(error.object[error.start]):04X}). Use utf-8, or one that has it."
            ) from None


def statuses(records: pd.DataFrame) -> pd.Series:
    """Return each record's place in STATUSES: completed exactly at 100, not started when nothing is done."""
    done = (records["hundredths"] == DONE).to_numpy()
    return pd.Series(np.where(done, 2, np.where(records["started"].to_numpy(), 1, 0)))


@cache
def _percent_texts(decimals: int | None, mark: str) -> pa.Array:
    """Return the text of every percentage from 0 to 100 in hundredths; shortest without `decimals`."""
    if decimals is None:
        texts = [f"{at // 100}.{at % 100:02d}".rstrip("0").rstrip(".") for at in range(DONE + 1)]
    else:
        step = 10 ** (2 - decimals)
        texts = [_fixed(at, step, decimals) for at in range(DONE + 1)]
    return pa.array([text.replace(".", mark) for text in texts], pa.string())


def _fixed(hundredths: int, step: int, decimals: int) -> str:
    """Round half up to fewer decimals; 100 stays for what is finished."""
    units = (hundredths + step // 2) // step
    if hundredths < DONE:
        units = min(units, DONE // step - 1)
    whole, rest = divmod(units, 100 // step)
    return f"{whole}.{rest:0{decimals}d}" if decimals else str(whole)


def _counts(numbers: Ints) -> Cells:
    """Return counts as texts; what was not told (-1) is blank."""
    encoded = pa.array(numbers).dictionary_encode()
    return pa.array([str(one) if one >= 0 else "" for one in encoded.dictionary.to_pylist()]), encoded.indices


def text_array(texts: pd.Series) -> pa.Array:
    """Return a column of texts as one Arrow array."""
    found = pa.array(texts, pa.string())
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found

"""The rows of the LMS file, written by columns.

A batch becomes one Arrow text column a CSV column, the columns are joined to lines, and the lines' buffer is
what goes to the file: no cell passes through Python.
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

from include.codebashing_lms.dates import ISO, format_instant
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.profiles.generic_csv import Column, GenericCsvOptions
from include.codebashing_lms.transform.progress import Courses
from include.codebashing_lms.transform.values import DONE

STATUSES = ("not_started", "in_progress", "completed")
INSTANT_SOURCES = {"completed_at": "completed_at", "last_active_at": "active_at"}
COUNT_SOURCES = ("lessons_completed", "lessons_total")


class CsvRows:
    """Writes the header and the rows of one file.

    :param out: where the bytes go.
    :param options: the shape of the file.
    :param zone: time zone of every `date_format`.
    """

    def __init__(
        self, out: BinaryIO, options: GenericCsvOptions, zone: ZoneInfo, as_of: datetime, courses: Courses
    ) -> None:
        self.out, self.options, self.zone, self.as_of, self.courses = out, options, zone, as_of, courses
        self._encoder = codecs.getincrementalencoder(options.encoding)()
        self._plain = codecs.lookup(options.encoding).name == "utf-8"
        self._special = (options.delimiter, '"', "\r", "\n")
        if options.bom and not "".encode(options.encoding):
            self._write("\ufeff")
        if options.header:
            self._lines([pa.array([column.label]) for column in options.columns])

    def write(self, rows: pd.DataFrame) -> None:
        """Write a batch of emitted records, joined with their learners."""
        if len(rows):
            self._lines([self._cells(column, rows) for column in self.options.columns])

    def _cells(self, column: Column, rows: pd.DataFrame) -> pa.Array:
        if column.value is not None:
            return _repeat(column.value, len(rows))
        source = str(column.source)
        if source == "as_of":
            pattern, zone = (column.date_format, self.zone) if column.date_format else (ISO, ZoneInfo("UTC"))
            return _repeat(format_instant(self.as_of, pattern, zone), len(rows))
        if source in INSTANT_SOURCES:
            return self._instants(rows[INSTANT_SOURCES[source]].to_numpy(), column.date_format)
        if source in COUNT_SOURCES:
            numbers = pa.array(rows[source].to_numpy())
            return pc.if_else(pc.greater_equal(numbers, 0), numbers.cast(pa.string()), "")
        return self._looked_up(source, column, rows)

    def _looked_up(self, source: str, column: Column, rows: pd.DataFrame) -> pa.Array:
        if source == "percent_complete":
            return _percent_texts(column.decimals, self.options.decimal_mark).take(
                _indices(rows["hundredths"])
            )
        if source == "status":
            return pa.array(STATUSES).take(_indices(statuses(rows)))
        if source in ("course_id", "course_title"):
            number = rows["course"].to_numpy()
            texts = self._course_texts(source)
            return pa.array([*texts, ""], pa.string()).take(
                pa.array(np.where(number < 0, len(texts), number))
            )
        return pa.array(rows[source], pa.string()).fill_null("")

    def _course_texts(self, source: str) -> list[str]:
        if source == "course_id":
            return self.courses.lms_ids()
        return [(entry and entry.title) or "" for entry in map(self.courses.entry, self.courses.slugs)]

    def _instants(self, values: Any, pattern: str | None) -> pa.Array:
        column = pa.array(values)
        if pattern is None:
            texts = pc.strftime(column.cast(pa.timestamp("s"), safe=False), ISO)
            return texts.fill_null("")
        codes = column.dictionary_encode()
        texts = [
            format_instant(one.replace(tzinfo=UTC), pattern, self.zone)
            for one in codes.dictionary.to_pylist()
        ]
        return pa.array(texts, pa.string()).take(codes.indices).fill_null("")

    def _lines(self, cells: list[pa.Array]) -> None:
        quoted = [self._quoted(column) for column in cells]
        lines = pc.binary_join_element_wise(*quoted, self.options.delimiter)
        ended = pc.binary_join_element_wise(lines, "", self.options.line_ending)
        self._write_buffer(ended)

    def _quoted(self, cells: pa.Array) -> pa.Array:
        if self.options.quoting == "all":
            needed = _repeat_true(len(cells))
        else:
            needed = reduce(pc.or_, (pc.match_substring(cells, special) for special in self._special))
            if len(self.options.columns) == 1:
                needed = pc.or_(needed, pc.equal(cells, ""))
            if not pc.any(needed).as_py():
                return cells
        doubled = pc.replace_substring(cells, '"', '""')
        return pc.if_else(needed, pc.binary_join_element_wise('"', doubled, '"', ""), cells)

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


def _indices(numbers: pd.Series) -> pa.Array:
    return pa.array(numbers.to_numpy())


def _repeat(text: str, times: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), times)


def _repeat_true(times: int) -> pa.Array:
    return pa.repeat(pa.scalar(True), times)

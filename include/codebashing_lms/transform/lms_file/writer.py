"""The files that go to the LMS: rows become lines, lines become parts, a part may be packed."""

from contextlib import ExitStack
from datetime import datetime, tzinfo
from types import TracebackType

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.codebashing_lms.config.profiles.contract import Contract
from include.codebashing_lms.dates import file_name
from include.codebashing_lms.staging.files import StagedPath, atomic_write
from include.codebashing_lms.transform.lms_file.cells import CellBuilder, Cells
from include.codebashing_lms.transform.lms_file.courses import Courses
from include.codebashing_lms.transform.lms_file.file_part import FilePart
from include.codebashing_lms.transform.lms_file.parts import Part, PartNames
from include.codebashing_lms.transform.lms_file.quoting import checks_nothing, quote, unwritable
from include.codebashing_lms.transform.lms_file.xapi_statements import render_statements
from include.codebashing_lms.transform.records.columns import Ints

WHOLE = ""
SAMPLE = 4096  # rows that show whether combinations of texts are few
LARGEST_CODE = 1 << 62


class LmsFile:
    """Writes the rows of a run to its folder, as one file or as many as the contract asks for.

    :param zone: time zone of every `date_format` and of the file's name.
    """

    def __init__(self, folder: StagedPath, contract: Contract, zone: tzinfo, as_of: datetime, courses: Courses) -> None:
        self.contract, self.file, self.courses = contract, contract.file, courses
        self._rows = CellBuilder(contract, zone, as_of, courses)
        self._names = PartNames(file_name(contract.file_name, as_of, zone), contract.package is not None)
        self._folder, self._stack = folder, ExitStack()
        self._header = self._first_bytes()
        self._parts: list[Part] = []
        self._open: dict[str, Part] = {}

    def __enter__(self) -> "LmsFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, at)

    @property
    def may_be_unwritable(self) -> bool:
        """Return whether there are values that a column cannot hold."""
        return not checks_nothing(self.contract.columns, self.file)

    def unwritable(self, records: pd.DataFrame, learners: pd.DataFrame) -> npt.NDArray[np.int8]:
        """Return for each record the number of the first column that cannot hold its value, -1 for none."""
        found = np.full(len(records), -1, dtype=np.int8)
        if records.empty:
            return found
        cells = self._rows.cells(records, learners)
        for at, (column, (texts, numbers)) in enumerate(zip(self.contract.columns, cells, strict=True)):
            bad = unwritable(texts, column, self.file)
            if bad.any():
                found[(found < 0) & bad[np.asarray(numbers)]] = at
        return found

    def lines(self, records: pd.DataFrame, learners: pd.DataFrame) -> list[tuple[str, pa.Array]]:
        """Return the lines of the emitted records of a batch of learners, by the part they are for."""
        if records.empty:
            return []
        lines = self._lines(self._rows.cells(records, learners))
        if not self.contract.limits.per_course:
            return [(WHOLE, lines)]
        ids = np.array([*self.courses.lms_ids(), ""], dtype=object)[records["course"].to_numpy()]
        return [(course, lines.filter(pa.array(ids == course))) for course in dict.fromkeys(ids)]

    def write(self, lines: list[tuple[str, pa.Array]]) -> None:
        """Write lines to their parts, and to as many new ones as they need."""
        for course, of_course in lines:
            self._put(course, of_course)

    def close(self) -> list[FilePart]:
        """End the writing; return what the files are. They appear when the block ends."""
        if not self._parts:
            self._new_part(WHOLE)
        for part in self._parts:
            part.end()
        return [part.summary() for part in self._parts]

    def _lines(self, cells: list[Cells]) -> pa.Array:
        """Join the columns to lines; quotes and the line's end go to the few texts, not to every row."""
        if self.file.quoting == "statements":
            return pc.binary_join_element_wise(",", render_statements(self.contract, cells), "")
        alone = len(cells) == 1
        texts = [quote(column, self.file, alone) for column, _ in cells]
        texts[-1] = pc.binary_join_element_wise(texts[-1], self.file.line_ending, "")
        numbers = [np.asarray(at) for _, at in cells]
        columns = _join_few_texts(list(zip(texts, numbers, strict=True)), self.file.delimiter)
        return pc.binary_join_element_wise(*(column.take(pa.array(at)) for column, at in columns), self.file.delimiter)

    def _first_bytes(self) -> str:
        if self.file.quoting == "statements":
            return "["
        header = self._lines(self._rows.labels())[0].as_py() if self.file.header else ""
        mark = "\ufeff" if self.file.bom and not "".encode(self.file.encoding) else ""
        return f"{mark}{header}"

    def _put(self, course: str, lines: pa.Array) -> None:
        while len(lines):
            part = self._open.get(course) or self._new_part(course)
            fitting = part.count_fitting(lines)
            if fitting:
                part.write(lines[:fitting])
                lines = lines[fitting:]
            if len(lines):
                self._open.pop(course).end()

    def _new_part(self, course: str) -> Part:
        name = self._names.next(course)
        path = self._stack.enter_context(atomic_write(self._folder / name))
        part = Part(path, name, course, self.contract, self._header)
        self._stack.callback(part.end)
        self._parts.append(part)
        self._open[course] = part
        return part


def _join_few_texts(columns: list[Cells], delimiter: str) -> list[Cells]:
    """Join neighbouring columns once for each of their combinations, where these are few, not once a row.

    Course, percentage and status are a few hundred texts together, and their rows are millions.
    """
    joined, group = [], columns[:1]
    codes, most = columns[0][1].astype(np.int64), len(columns[0][0])
    for texts, numbers in columns[1:]:
        together, most = codes * len(texts) + numbers, most * len(texts)
        if most < LARGEST_CODE and 2 * len(pd.unique(together[:SAMPLE])) <= min(len(together), SAMPLE):
            group.append((texts, numbers))
            codes = together
            continue
        joined.append(_combine(group, codes, delimiter))
        group, codes, most = [(texts, numbers)], numbers.astype(np.int64), len(texts)
    return [*joined, _combine(group, codes, delimiter)]


def _combine(group: list[Cells], codes: Ints, delimiter: str) -> Cells:
    if len(group) == 1:
        return group[0]
    at, combinations = pd.factorize(codes)
    texts: list[pa.Array] = []
    for column, _ in reversed(group):
        combinations, numbers = np.divmod(combinations, len(column))
        texts.insert(0, column.take(pa.array(numbers)))
    return pc.binary_join_element_wise(*texts, delimiter), at

"""The files that go to the LMS: rows become lines, lines become parts, a part may be packed."""

import codecs
import re
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.codebashing_lms.dates import file_name
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.profiles import Contract
from include.codebashing_lms.staging import StagedPath, new_file, sha256_of
from include.codebashing_lms.transform.grammar import as_written, checks_nothing, unwritable
from include.codebashing_lms.transform.progress import Courses
from include.codebashing_lms.transform.rows import Cells, Rows
from include.codebashing_lms.transform.statements import statement_lines
from include.codebashing_lms.transform.values import Ints

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # of the member of a zip, so that the same rows are the same bytes
WHOLE = ""
SAMPLE = 4096  # rows that tell whether combinations of texts are few
LARGEST_CODE = 1 << 62


class LmsFile:
    """Writes the rows of a run to its folder, as one file or as many as the contract asks for.

    :param zone: time zone of every `date_format` and of the file's name.
    """

    def __init__(
        self, folder: StagedPath, contract: Contract, zone: ZoneInfo, as_of: datetime, courses: Courses
    ) -> None:
        self.contract, self.file, self.courses = contract, contract.file, courses
        self._rows = Rows(contract, zone, as_of, courses)
        self._names = _Names(file_name(contract.file_name, as_of, zone), contract.package is not None)
        self._folder, self._stack = folder, ExitStack()
        self._header = self._head()
        self._parts: list[_Part] = []
        self._open: dict[str, _Part] = {}

    def __enter__(self) -> "LmsFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, at)

    @property
    def may_be_unwritable(self) -> bool:
        """Tell whether there are values that a column cannot hold."""
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

    def write(self, records: pd.DataFrame, learners: pd.DataFrame) -> None:
        """Write the emitted records of a batch of learners."""
        if records.empty:
            return
        lines = self._lines(self._rows.cells(records, learners))
        if not self.contract.limits.per_course:
            self._put(WHOLE, lines)
            return
        ids = np.array([*self.courses.lms_ids(), ""], dtype=object)[records["course"].to_numpy()]
        for course in dict.fromkeys(ids):
            self._put(course, lines.filter(pa.array(ids == course)))

    def close(self) -> list[dict[str, Any]]:
        """End the writing; return what the files are. They appear when the block ends."""
        if not self._parts:
            self._new_part(WHOLE)
        for part in self._parts:
            part.end()
        return [part.facts() for part in self._parts]

    def _lines(self, cells: list[Cells]) -> pa.Array:
        """Join the columns to lines; quotes and the line's end go to the few texts, not to every row."""
        if self.file.quoting == "statements":
            return pc.binary_join_element_wise(",", statement_lines(self.contract, cells), "")
        alone = len(cells) == 1
        texts = [as_written(column, self.file, alone) for column, _ in cells]
        texts[-1] = pc.binary_join_element_wise(texts[-1], self.file.line_ending, "")
        numbers = [np.asarray(at) for _, at in cells]
        columns = _by_few_texts(list(zip(texts, numbers, strict=True)), self.file.delimiter)
        return pc.binary_join_element_wise(
            *(column.take(pa.array(at)) for column, at in columns), self.file.delimiter
        )

    def _head(self) -> str:
        """Return what every part begins with."""
        if self.file.quoting == "statements":
            return "["
        header = self._lines(self._rows.labels())[0].as_py() if self.file.header else ""
        mark = "\ufeff" if self.file.bom and not "".encode(self.file.encoding) else ""
        return f"{mark}{header}"

    def _put(self, course: str, lines: pa.Array) -> None:
        while len(lines):
            part = self._open.get(course) or self._new_part(course)
            fitting = part.fitting(lines)
            if fitting:
                part.write(lines[:fitting])
                lines = lines[fitting:]
            if len(lines):
                self._open.pop(course).end()

    def _new_part(self, course: str) -> "_Part":
        name = self._names.next(course)
        path = self._stack.enter_context(new_file(self._folder / name))
        part = _Part(path, name, course, self.contract, self._header)
        self._stack.callback(part.end)
        self._parts.append(part)
        self._open[course] = part
        return part


def of_first(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the manifest says of the first part by itself."""
    return {name: parts[0][name] for name in ("file", "bytes", "sha256")}


@dataclass
class _Names:
    """Names for parts, no two alike."""

    pattern: str
    only_letters: bool

    def __post_init__(self) -> None:
        self._given: set[str] = set()

    def next(self, course: str) -> str:
        """Return the name of the next part of a course."""
        plain = Path(self.pattern.replace("{course}", re.sub(r"[^A-Za-z0-9_.-]", "_", course)[:100]))
        name, number = plain.name, 1
        while name in self._given:
            number += 1
            name = f"{plain.stem}{'' if self.only_letters else '_'}part{number}{plain.suffix}"
        self._given.add(name)
        return name


class _Part:
    """One file in the making."""

    def __init__(self, path: Path, name: str, course: str, contract: Contract, header: str) -> None:
        self.path, self.name, self.course = path, name, course
        self.limits, self.shape = contract.limits, contract.file
        self.rows = self.size = 0
        self._encoder = codecs.getincrementalencoder(contract.file.encoding)()
        self._out: Any = path.open("wb")
        self._zip: ZipFile | None = None
        if contract.package:
            self._out.close()
            self._zip = ZipFile(path, "w", ZIP_STORED)
            self._out = self._zip.open(_member(contract.package), "w")
        self._write_text(header)

    def fitting(self, lines: pa.Array) -> int:
        """Return how many of the lines still go into this part; an empty one takes at least one."""
        fitting = len(lines)
        if self.limits.rows:
            fitting = min(fitting, self.limits.rows - self.rows)
        if self.limits.bytes:
            ends = np.cumsum(pc.binary_length(lines).to_numpy())
            fitting = min(fitting, int(np.searchsorted(ends, self.limits.bytes - self.size, side="right")))
        return max(fitting, 0 if self.rows else 1)

    def write(self, lines: pa.Array) -> None:
        """Write lines."""
        text = _text(lines)
        if self.shape.quoting == "statements" and not self.rows:
            text = text[1:]  # the comma before the first
        self.rows += len(lines)
        if self.shape.plain:
            self._write(text)
        else:
            self._write_text(text.to_pybytes().decode())

    def end(self) -> None:
        """End the file, if it has not ended yet."""
        if self._out.closed:
            return
        if self.shape.quoting == "statements":
            self._write_text("]")
        self._out.close()
        if self._zip:
            self._zip.close()

    def facts(self) -> dict[str, Any]:
        """Return what the ended file is."""
        size, sha256 = self.path.stat().st_size, sha256_of(self.path)
        facts = {"file": self.name, "bytes": size, "sha256": sha256, "rows": self.rows}
        return facts | ({"course": self.course} if self.limits.per_course else {})

    def _write_text(self, text: str) -> None:
        try:
            self._write(self._encoder.encode(text))
        except UnicodeEncodeError as error:
            raise ConnectorError(
                f"lms.options.encoding: {self.shape.encoding} cannot write a character of the rows "
                f"(U+{ord(error.object[error.start]):04X}). Use utf-8, or one that has it."
            ) from None

    def _write(self, data: Any) -> None:
        self.size += len(data)
        self._out.write(data)


def _by_few_texts(columns: list[Cells], delimiter: str) -> list[Cells]:
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
        joined.append(_combined(group, codes, delimiter))
        group, codes, most = [(texts, numbers)], numbers.astype(np.int64), len(texts)
    return [*joined, _combined(group, codes, delimiter)]


def _combined(group: list[Cells], codes: Ints, delimiter: str) -> Cells:
    if len(group) == 1:
        return group[0]
    at, combinations = pd.factorize(codes)
    texts: list[pa.Array] = []
    for column, _ in reversed(group):
        combinations, numbers = np.divmod(combinations, len(column))
        texts.insert(0, column.take(pa.array(numbers)))
    return pc.binary_join_element_wise(*texts, delimiter), at


def _member(name: str) -> ZipInfo:
    member = ZipInfo(name, LONG_AGO)
    member.create_system, member.external_attr = 3, 0o600 << 16
    return member


def _text(lines: pa.Array) -> Any:
    """Return the bytes of all lines in a row, without a copy."""
    offsets = np.frombuffer(lines.buffers()[1], dtype=np.int32)[lines.offset : lines.offset + len(lines) + 1]
    return lines.buffers()[2][int(offsets[0]) : int(offsets[-1])]

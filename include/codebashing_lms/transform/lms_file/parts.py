"""One part of the LMS file: its name, plain or packed, within the limits of the LMS."""

import codecs
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET

from include.codebashing_lms.config.profiles.contract import Contract
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.staging.checksums import sha256_of
from include.codebashing_lms.staging.zip_member import timeless_member
from include.codebashing_lms.transform.lms_file.file_part import FilePart


@dataclass
class PartNames:
    """Names for parts; no two are the same."""

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


class Part:
    """One file that is being written."""

    def __init__(self, path: Path, name: str, course: str, contract: Contract, header: str) -> None:
        self.path, self.name, self.course = path, name, course
        self.limits, self.shape = contract.limits, contract.file
        self.rows = self.size = 0
        self._sha256 = hashlib.sha256()
        self._encoder = codecs.getincrementalencoder(contract.file.encoding)()
        self._out: Any = path.open("wb")
        self._zip: ZipFile | None = None
        if contract.package:
            self._out.close()
            self._zip = ZipFile(path, "w", ZIP_STORED)
            self._out = self._zip.open(timeless_member(contract.package), "w")
        self._write_text(header)

    def count_fitting(self, lines: pa.Array) -> int:
        """Return how many of the lines fit into this part; an empty part takes at least one."""
        fitting = len(lines)
        if self.limits.rows:
            fitting = min(fitting, self.limits.rows - self.rows)
        if self.limits.bytes:
            ends = np.cumsum(pc.binary_length(lines).to_numpy())
            fitting = min(fitting, int(np.searchsorted(ends, self.limits.bytes - self.size, side="right")))
        return max(fitting, 0 if self.rows else 1)

    def write(self, lines: pa.Array) -> None:
        """Write lines to the part."""
        text = _bytes_of(lines)
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

    def summary(self) -> FilePart:
        """Return what the ended file is."""
        size = self.path.stat().st_size
        sha256 = sha256_of(self.path) if self._zip else self._sha256.hexdigest()
        course = self.course if self.limits.per_course else UNSET
        return FilePart(self.name, size, sha256, self.rows, course)

    def _write_text(self, text: str) -> None:
        try:
            self._write(self._encoder.encode(text))
        except UnicodeEncodeError as error:
            # transform sets such rows aside, so that load meets one only after a change of the connector file
            raise ConnectorError(
                f"lms.options.encoding: {self.shape.encoding} cannot write a character of the rows "
                f"(U+{ord(error.object[error.start]):04X}). The connector file has changed since transform: "
                "clear transform, which sets these rows aside."
            ) from None

    def _write(self, data: Any) -> None:
        self.size += len(data)
        self._sha256.update(data)
        self._out.write(data)


def _bytes_of(lines: pa.Array) -> Any:
    offsets = np.frombuffer(lines.buffers()[1], dtype=np.int32)[lines.offset : lines.offset + len(lines) + 1]
    return lines.buffers()[2][int(offsets[0]) : int(offsets[-1])]

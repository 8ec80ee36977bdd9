"""Reads a CSV file that a person keeps, as Excel and other programs save it.

What is certain is read: the delimiter and the spelling of the headings, UTF-16, blank lines and columns. What
would make a wrong ID is an error that names file, line and remedy, and nobody's data.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from include.codebashing_lms.config.identifiers import clean_id
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.staging.files import StagedPath, local_copy

PathResolver = Callable[[str], StagedPath]
Row = tuple[int, list[str]]  # the line where it begins, and its cells

DELIMITERS = (",", ";", "\t", "|")
SEPARATOR = re.compile(r'"?sep=([^\w"\r\n])"?[,;\t]*(?:\r\n|\r|\n|$)', re.IGNORECASE)
MARKS = {  # UTF-32 first: its mark begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)
SAVE = "save it as CSV UTF-8"


@dataclass(frozen=True)
class CsvFile:
    """The text of a CSV file.

    :param what: the key that names the file, for errors.
    :param separator: the delimiter that the line `sep=` before the headings names; None without such a line.
    """

    what: str
    location: str
    text: str
    separator: str | None = None

    def rows(self, delimiter: str, strict: bool = True) -> Iterator[Row]:
        """Give the rows that are not blank; cells have neither blanks nor invisible signs around them."""
        lines = csv.reader(io.StringIO(self.text, newline=""), delimiter=delimiter, strict=strict)
        before = line = 1 if self.separator is None else 2
        try:
            for row in lines:
                cells = [clean_id(cell) for cell in row]
                if any(cells):
                    self._refuse_scientific(line, cells)
                    yield line, cells
                line = lines.line_num + before
        except csv.Error:
            raise self.error(
                line, "has a quote that does not end its cell; a quote inside a cell stands there twice"
            ) from None

    def head(self, names: Iterable[str], usual: str = ",") -> tuple[str, list[str]]:
        """Return the delimiter and the cells of the first row.

        The delimiter is the one that gives most of these names, else most cells, else the usual one.
        """
        candidates = (usual, *DELIMITERS) if self.separator is None else (self.separator,)
        heads = {one: next(self.rows(one, strict=False), (0, []))[1] for one in candidates}
        wanted = set(map(str.casefold, names))
        found = max(heads, key=lambda one: (len(wanted & _folded(heads[one])), len(heads[one])))
        return found, heads[found]

    def error(self, line: int, text: str) -> ConnectorError:
        """Return an error about a line."""
        return ConnectorError(f"{self.what}: line {line} of {self.location} {text}.")

    def table(self, names: Iterable[str], delimiter: str) -> Iterator[tuple[int, dict[str, str]]]:
        """Give each row by heading; a heading in other letters than in `names` is the same heading.

        :raises ConnectorError: a heading stands twice, or a row has another number of cells.
        """
        rows, spelt = self.rows(delimiter), {one.casefold(): one for one in names}
        line, head = next(rows, (1, []))
        head = [spelt.get(one.casefold(), one) for one in head]
        named = [at for at, one in enumerate(head) if one]
        if len({head[at] for at in named}) < len(named):
            raise self.error(line, "has the same heading twice; each column needs its own")
        for line, cells in rows:
            unnamed = any(cell for at, cell in enumerate(cells) if at >= len(head) or not head[at])
            if unnamed or len(cells) <= named[-1]:
                raise self.error(line, "has another number of cells than there are headings")
            yield line, {head[at]: cells[at] for at in named}

    def _refuse_scientific(self, line: int, cells: list[str]) -> None:
        if any(SCIENTIFIC.fullmatch(cell) for cell in cells):
            raise self.error(
                line,
                "has a number such as 1.04E+05: Excel has shortened an ID. Format the column as text, and "
                "enter the IDs again",
            )


def _folded(names: Iterable[str]) -> set[str]:
    return {name.casefold() for name in names if name}


def open_csv(location: str, resolve: PathResolver, what: str) -> CsvFile:
    """Return a CSV file; raise ConnectorError when it cannot be read.

    :param what: the key that names the file, for errors.
    """
    try:
        with local_copy(resolve(location)) as copy:
            content = Path(copy).read_bytes()
    except (OSError, ValueError, ImportError) as error:  # missing, or an unknown scheme
        raise ConnectorError(f"{what}: {location} cannot be read ({type(error).__name__}).") from error
    text = _decoded(content, f"{what}: {location}")
    if named := SEPARATOR.match(text):
        return CsvFile(what, location, text[named.end() :], named[1])
    return CsvFile(what, location, text)


def _decoded(content: bytes, file: str) -> str:
    if content.startswith(WORKBOOKS):
        raise ConnectorError(f"{file} is an Excel workbook, not a CSV file; {SAVE}.")
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8-sig")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", content[: error.start])) + 1
        if encoding != "utf-8-sig":
            raise ConnectorError(f"{file} begins like {encoding}, and does not go on so; {SAVE}.") from None
        raise ConnectorError(
            f"{file}, line {line}: a letter is not UTF-8. Excel's plain CSV has a code page of Windows "
            f"(cp1252 or another; which one, the file does not say); {SAVE}."
        ) from None
    if "\0" in text:
        raise ConnectorError(f"{file} holds zero bytes, as UTF-16 without its mark does; {SAVE}.")
    return text


def csv_rows(
    location: str | None, resolve: PathResolver, columns: tuple[str, ...], what: str
) -> Iterator[tuple[int, dict[str, str]]]:
    """Give the rows of a CSV file that has exactly these columns, with their line numbers.

    :param what: the key that names the file, for errors.
    """
    if location is None:
        return
    file = open_csv(location, resolve, what)
    delimiter, head = file.head(columns)
    missing, unknown = [name for name in columns if name not in _folded(head)], _folded(head) - set(columns)
    if missing or unknown:
        # the first line itself is not shown: without headings it is somebody's data
        why = f"its first line lacks {', '.join(missing)}" if missing else f"{len(unknown)} others are there"
        raise ConnectorError(
            f"{what}: {location} must have the columns {','.join(columns)}; {why if head else 'it is empty'}."
        )
    yield from file.table(columns, delimiter)

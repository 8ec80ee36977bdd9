"""What an LMS says of single rows, whatever the shape of its report.

Files that the LMS leaves beside ours, to say what became of them.
"""

import csv
import io
import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from include.codebashing_lms.config.delivery_results import HttpResults, Results
from include.codebashing_lms.delivery.http.answers import MISSING, at
from include.codebashing_lms.delivery.http.json_api import safe_reason, whole_number
from include.codebashing_lms.delivery.transport import Refusal, marker_name
from include.codebashing_lms.errors import ConnectorError, DeliveryError

NO_REASON = "no reason was given"


@dataclass(frozen=True)
class ResultParser:
    """Reads reports of an LMS.

    :param first_row: what the LMS calls the first row of a file.
    :param secrets: what must not get into a list, should the LMS echo it.
    """

    results: Results
    first_row: int
    secrets: tuple[str, ...] = ()

    def in_json(self, document: Any, path: str) -> tuple[Refusal, ...]:
        """Return the refused rows of a JSON document; an LMS that refused none may leave the list out."""
        items = at(document, path)
        if items is MISSING or items is None:
            return ()
        if not isinstance(items, list):
            raise DeliveryError(
                f"delivery.results.path: {path} of the LMS's answer is no list. Correct it; what the LMS "
                "refused is not known."
            )
        return self._refusals(item if isinstance(item, dict) else {} for item in items)

    def in_csv(self, text: str, delimiter: str) -> tuple[Refusal, ...]:
        """Return the refused rows of a CSV text; ConnectorError where it lacks a column."""
        try:
            reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            self._refuse_missing(reader.fieldnames)
            return self._refusals(reader)
        except csv.Error:
            raise DeliveryError(
                "The LMS's results are no CSV that can be read. What it refused is not known."
            ) from None

    def _refuse_missing(self, names: list[str]) -> None:
        missing = [name for name in self._columns() if name not in names]
        if missing and names:
            raise ConnectorError(
                f"The LMS's results have no column {', '.join(missing)}: correct delivery.results. What it "
                "refused is not known until then.",
                not_delivered=False,
            )

    def in_file(self, content: bytes) -> tuple[Refusal, ...]:
        """Return the refused rows that a result file names."""
        results = self.results
        encoding, delimiter = getattr(results, "encoding", "utf-8-sig"), getattr(results, "delimiter", ",")
        return self.in_csv(content.decode(encoding, "replace"), delimiter)

    def _columns(self) -> list[str]:
        it = self.results
        return [name for name in (it.row, it.user, it.course, it.reason, it.status) if name]

    def _refusals(self, items: Iterable[dict[Any, Any]]) -> tuple[Refusal, ...]:
        return tuple(self._refusal(item) for item in items if self._was_refused(item))

    def _was_refused(self, item: dict[Any, Any]) -> bool:
        return self.results.status is None or self._text(item, self.results.status) in self.results.refused

    def _refusal(self, item: dict[Any, Any]) -> Refusal:
        it = self.results
        number = whole_number(self._text(item, it.row))
        reason = self._text(item, it.reason) or self._text(item, it.status) or NO_REASON
        return Refusal(
            reason=safe_reason(reason, self.secrets),
            row=None if number is None else number - self.first_row,
            user_key=self._text(item, it.user) or None,
            course_id=self._text(item, it.course) or None,
        )

    def _text(self, item: dict[Any, Any], path: str | None) -> str:
        """Return a value of an item as text; a CSV's columns may have dots in their names."""
        if path is None:
            return ""
        value = item[path] if path in item else at(item, path)
        if value is MISSING or value is None or isinstance(value, bool):
            return ""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def first_row_of(results: Results, has_header: bool) -> int:
    """Return what the LMS calls the first row: unless it is said, the line it stands in."""
    if results.first_row is not None:
        return results.first_row
    return 2 if has_header else 1


def refusals_in_answer(reports: ResultParser, results: HttpResults, body: bytes) -> tuple[Refusal, ...]:
    """Return the refused rows that the body of an answer names."""
    if results.format == "csv":
        return reports.in_csv(body.decode("utf-8-sig", "replace"), results.delimiter)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise DeliveryError(
            "delivery.results wants JSON, and the LMS's answer is none. What it refused is not known."
        ) from None
    return reports.in_json(document, str(results.path))


LARGEST_RESULT = 64 << 20
PACKED = (".pgp", ".gz", ".zip")


def results_about(names: Collection[str], pattern: str, there: Iterable[str]) -> dict[str, list[str]]:
    """Return which of the files that are there are the results of which of ours."""
    all_there = sorted(set(there).difference(names))
    found = {name: list(filter(_matcher(pattern, name).fullmatch, all_there)) for name in names}
    return {name: results for name, results in found.items() if results}


def _matcher(pattern: str, name: str) -> re.Pattern[str]:
    filled = {"{file}": re.escape(name), "{stem}": re.escape(_stem(name)), "*": ".*"}
    pieces = re.split(r"({file}|{stem}|[*])", pattern)
    return re.compile("".join(filled.get(piece, re.escape(piece)) for piece in pieces))


def _stem(name: str) -> str:
    """Return a name without its endings, those of packing included."""
    while PurePath(name).suffix in PACKED:
        name = PurePath(name).stem
    return PurePath(name).stem


def with_markers(names: Collection[str], done_file: str | None) -> Iterator[str]:
    """Give names and those of their markers; a marker goes first, as it says that its file is there."""
    for name in names:
        if done_file and "{file}" in done_file:
            yield marker_name(done_file, name)
        yield name


def results_error(folder: str, why: str) -> ConnectorError:
    """Return the error for results that cannot be looked for."""
    return ConnectorError(
        f"The LMS's results cannot be looked for in {folder} ({why}). Correct delivery.results.directory, or "
        "ask for the right to read there. Nothing was sent."
    )

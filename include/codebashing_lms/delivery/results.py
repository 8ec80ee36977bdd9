"""Reports of an LMS about single rows: refused rows in JSON or CSV, and result files beside ours."""

import csv
import io
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
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

    :param first_row: the number that the LMS gives to the first row of a file.
    :param secrets: texts that must stand in no list, should the LMS echo them.
    """

    results: Results
    first_row: int
    secrets: tuple[str, ...] = ()

    def in_json(self, document: Any, path: str) -> tuple[Refusal, ...]:
        """Return the refused rows of a JSON document; the list may be missing where the LMS refused none."""
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
            return self.in_rows(reader, reader.fieldnames)
        except csv.Error:
            raise DeliveryError(
                "The LMS's results are no CSV that can be read. What it refused is not known."
            ) from None

    def in_rows(self, rows: Iterable[dict[Any, Any]], names: list[str]) -> tuple[Refusal, ...]:
        """Return the refused rows of a table with these headings; ConnectorError where it lacks a column."""
        self._refuse_missing(names)
        return self._refusals(rows)

    def _refuse_missing(self, names: list[str]) -> None:
        results = self.results
        needed = (results.row, results.user, results.course, results.reason, results.status)
        missing = [name for name in needed if name and name not in names]
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

    def _refusals(self, items: Iterable[dict[Any, Any]]) -> tuple[Refusal, ...]:
        status, refused = self.results.status, self.results.refused
        return tuple(self._refusal(item) for item in items if status is None or self._text(item, status) in refused)

    def _refusal(self, item: dict[Any, Any]) -> Refusal:
        results = self.results
        number = whole_number(self._text(item, results.row))
        reason = self._text(item, results.reason) or self._text(item, results.status) or NO_REASON
        return Refusal(
            reason=safe_reason(reason, self.secrets),
            row=None if number is None else number - self.first_row,
            user_key=self._text(item, results.user) or None,
            course_id=self._text(item, results.course) or None,
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
    """Return the LMS's number of the first row: `first_row`, or the number of its line in the file."""
    if results.first_row is not None:
        return results.first_row
    return 2 if has_header else 1


def refusals_in_answer(parser: ResultParser, results: HttpResults, body: bytes) -> tuple[Refusal, ...]:
    """Return the refused rows that the body of an answer names."""
    if results.format == "csv":
        return parser.in_csv(body.decode("utf-8-sig", "replace"), results.delimiter)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise DeliveryError(
            "delivery.results wants JSON, and the LMS's answer is none. What it refused is not known."
        ) from None
    return parser.in_json(document, str(results.path))


LARGEST_RESULT = 64 << 20
PACKING_SUFFIXES = (".pgp", ".gz", ".zip")


def results_about(
    names: Collection[str], pattern: str, present: Iterable[str], read: Callable[[str], bytes]
) -> dict[str, list[bytes]]:
    """Return the contents of the result files among the files present, by the name of our file.

    :param read: returns the content of a file.
    """
    others = sorted(set(present).difference(names))
    result_names = {name: list(filter(_matcher(pattern, name).fullmatch, others)) for name in names}
    return {name: list(map(read, matching)) for name, matching in result_names.items() if matching}


def _matcher(pattern: str, name: str) -> re.Pattern[str]:
    expressions = {"{file}": re.escape(name), "{stem}": re.escape(_stem(name)), "*": ".*"}
    parts = re.split(r"({file}|{stem}|[*])", pattern)
    return re.compile("".join(expressions.get(part, re.escape(part)) for part in parts))


def _stem(name: str) -> str:
    while PurePath(name).suffix in PACKING_SUFFIXES:
        name = PurePath(name).stem
    return PurePath(name).stem


def with_markers(names: Collection[str], done_file: str | None) -> Iterator[str]:
    """Give names and those of their markers; a marker comes first, as it says that its file is complete."""
    for name in names:
        if done_file and "{file}" in done_file:
            yield marker_name(done_file, name)
        yield name


def results_error(folder: str, why: str) -> ConnectorError:
    """Return the error for a directory of results that cannot be read."""
    return ConnectorError(
        f"The LMS's results cannot be looked for in {folder} ({why}). Correct delivery.results.directory, or "
        "ask for the right to read there. Nothing was sent."
    )

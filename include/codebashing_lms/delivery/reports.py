"""What an LMS says of single rows, whatever the shape of its report."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from include.codebashing_lms.connector import HttpResults, Results
from include.codebashing_lms.delivery import Refusal
from include.codebashing_lms.delivery.http_answer import MISSING, at
from include.codebashing_lms.delivery.http_api import whole_number, word_of
from include.codebashing_lms.errors import ConnectorError, DeliveryError

NO_REASON = "no reason was given"


@dataclass(frozen=True)
class Reports:
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
                "refused is not known until then."
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
            reason=word_of(reason, self.secrets),
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


def refusals_in_answer(reports: Reports, results: HttpResults, body: bytes) -> tuple[Refusal, ...]:
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

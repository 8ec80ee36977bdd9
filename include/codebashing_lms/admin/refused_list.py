"""A reject list of the LMS that did not come as `delivery.results` describes."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from include.codebashing_lms.admin.form import form_error
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.csv_files import PathResolver, open_csv
from include.codebashing_lms.config.delivery_results import Results
from include.codebashing_lms.delivery.results import ResultParser
from include.codebashing_lms.ledger.schema import KEY, SENT, align_to_schema
from include.codebashing_lms.load.repeat_refusals import normalize_reason
from include.codebashing_lms.load.sent_rows import RowIndex, write_refused_list
from include.codebashing_lms.staging.files import StagedPath

USUAL = {"user": "user_key", "course": "course_id", "reason": "reason"}
LIST = "The reject list"


def refused_rows(
    connector: Connector, ledger: pa.Table, location: str, resolve: PathResolver, to: StagedPath
) -> tuple[pa.Table, int]:
    """Return the rows of the ledger that a reject list names, and the number of its lines that match no row.

    :param to: a list of these rows for people.
    """
    file, results = open_csv(location, resolve, LIST), connector.delivery.results
    names = _names(results)
    delimiter, head = file.head(names, getattr(results, "delimiter", ","))
    there = {name for name in names if name.casefold() in map(str.casefold, head)}
    reports = ResultParser(_columns(results, there), first_row=0)
    refusals = reports.in_rows((row for _, row in file.table(names, delimiter)), sorted(there))
    user_key = pc.coalesce(ledger["user_key"], ledger["employee_id"])
    index = RowIndex(ledger.set_column(ledger.column_names.index("user_key"), "user_key", user_key))
    found: dict[int, str] = {}
    unmatched = 0
    for refusal in refusals:
        matches = index.match(refusal)
        unmatched += not matches
        for row in matches:
            found.setdefault(row, refusal.reason)
    if not found:
        raise form_error(f"{LIST} has {len(refusals)} refused rows; none of them was sent to the LMS")
    rows = ledger.take(pa.array(list(found)))
    write_refused_list(to, rows, found.values())
    kinds = pa.array([normalize_reason(reason) for reason in found.values()], pa.string())
    return align_to_schema(rows.select(KEY).append_column("refusal", kinds), SENT), unmatched


def _names(results: Results | None) -> list[str]:
    """Return the headings that mean something: those of the connector file, and the usual ones."""
    own = (results.user, results.course, results.reason, results.status) if results else ()
    return [*filter(None, own), *USUAL.values()]


def _columns(results: Results | None, there: set[str]) -> Results:
    """Return the meaning of the columns: as in the connector file, else by their usual names.

    :param there: the headings with a meaning that the list has.
    """
    if results and {results.user, results.course} & there:
        return replace(results, row=None)
    usual: dict[str, Any] = {use: name for use, name in USUAL.items() if name in there}
    if "user" not in usual:
        configured = [name for name in (results and results.user, results and results.course) if name]
        raise form_error(
            f"{LIST} needs the column user_key, and may have course_id and reason"
            + (f"; or {', '.join(configured)}, as delivery.results says" if configured else "")
        )
    return Results(**usual)

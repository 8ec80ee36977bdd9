"""What HCM Data Loader says of a data set, and what that means for the rows of the file."""

from typing import Any

from include.codebashing_lms.delivery.http.json_api import dicts_in, safe_reason, whole_number
from include.codebashing_lms.delivery.transport import JobStatus, Refusal

LINES_BEFORE_ROWS = 1  # METADATA
DONE = ("ORA_COMPLETED", "ORA_SUCCESS")
IN_ERROR = ("ORA_IN_ERROR", "ORA_ERROR", "ORA_WARNING")
STOPPED = ("ORA_STOPPED", "ORA_CANCELED", "ORA_CANCELLED")
FIELDS = (
    "RequestId,DataSetName,DataSetStatusCode,FileLineImportErrorCount,ObjectLoadErrorCount,ObjectSuccessCount"
)
WHERE_TO_LOOK = "Look at it in My Client Groups > Data Exchange > Import and Load Data."


def state_of(data_set: dict[str, Any]) -> str:
    """Return how far a data set is: working, finished or stopped; a code that is new to us is work."""
    code = str(data_set.get("DataSetStatusCode")).upper()
    if code in STOPPED:
        return "stopped"
    return "finished" if code in (*DONE, *IN_ERROR) else "working"


def name_of(delivery: str) -> str:
    """Return the name of a delivery's data set, by which it is found again."""
    return f"Codebashing {delivery}"


def items_of(document: Any) -> list[dict[str, Any]]:
    """Return the items of a page."""
    return dicts_in(document.get("items") if isinstance(document, dict) else None)


def interpret(
    job: str, data_set: dict[str, Any], messages: list[dict[str, Any]], secrets: list[str]
) -> JobStatus:
    """Return what a finished data set means: lines with an error message were refused, all others loaded.

    Where Oracle counts more errors than it names lines, nobody can say which rows it took.
    """
    words: dict[int, list[str]] = {}
    for one in messages:
        line = _number(one.get("FileLine"))
        if line > LINES_BEFORE_ROWS and "ERR" in str(one.get("MessageTypeCode") or "ERROR").upper():
            words.setdefault(line - LINES_BEFORE_ROWS - 1, []).append(str(one.get("MessageText") or ""))
    refusals = tuple(
        Refusal(safe_reason("; ".join(said), secrets), row) for row, said in sorted(words.items())
    )
    errors = sum(_number(data_set.get(name)) for name in ("FileLineImportErrorCount", "ObjectLoadErrorCount"))
    in_error = str(data_set.get("DataSetStatusCode")).upper() in IN_ERROR
    if errors > len(refusals) or (
        in_error and not refusals and not _number(data_set.get("ObjectSuccessCount"))
    ):
        told = (
            f"Oracle reports errors in the data set {job} (lines in error: {errors}, named: {len(refusals)})"
        )
        return JobStatus("failed", refusals, f"{told}. {WHERE_TO_LOOK}")
    return JobStatus("done", refusals, f"Oracle finished the data set {job}; lines refused: {len(refusals)}.")


def _number(value: Any) -> int:
    return whole_number(value) or 0

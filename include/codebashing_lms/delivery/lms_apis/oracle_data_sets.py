"""The state of a data set of HCM Data Loader, and what its messages mean for the rows of the file."""

from typing import Any

from include.codebashing_lms.delivery.http.json_api import dicts_in, safe_reason, whole_number
from include.codebashing_lms.delivery.transport import JobStatus, Refusal

LINES_BEFORE_ROWS = 1  # METADATA
DONE = ("ORA_COMPLETED", "ORA_SUCCESS")
IN_ERROR = ("ORA_IN_ERROR", "ORA_ERROR", "ORA_WARNING")
STOPPED = ("ORA_STOPPED", "ORA_CANCELED", "ORA_CANCELLED")
FIELDS = "RequestId,DataSetName,DataSetStatusCode,FileLineImportErrorCount,ObjectLoadErrorCount,ObjectSuccessCount"
WHERE_TO_LOOK = "Look at it in My Client Groups > Data Exchange > Import and Load Data."


def state_of(data_set: dict[str, Any]) -> str:
    """Return the state of a data set: working, finished or stopped; an unknown code means working."""
    code = str(data_set.get("DataSetStatusCode")).upper()
    if code in STOPPED:
        return "stopped"
    return "finished" if code in (*DONE, *IN_ERROR) else "working"


def name_of(delivery: str) -> str:
    """Return the name of a delivery's data set, to find it again."""
    return f"Codebashing {delivery}"


def items_of(document: Any) -> list[dict[str, Any]]:
    """Return the items of a page."""
    return dicts_in(document.get("items") if isinstance(document, dict) else None)


def interpret(job: str, data_set: dict[str, Any], messages: list[dict[str, Any]], secrets: list[str]) -> JobStatus:
    """Return the result of a finished data set: lines with an error message were refused, all others loaded.

    Where Oracle counts more errors than it names lines, it is unknown which rows it loaded.
    """
    texts: dict[int, list[str]] = {}
    for message in messages:
        line = _number(message.get("FileLine"))
        if line > LINES_BEFORE_ROWS and "ERR" in str(message.get("MessageTypeCode") or "ERROR").upper():
            row = line - LINES_BEFORE_ROWS - 1
            texts.setdefault(row, []).append(str(message.get("MessageText") or ""))
    refusals = tuple(Refusal(safe_reason("; ".join(texts[row]), secrets), row) for row in sorted(texts))
    errors = sum(_number(data_set.get(name)) for name in ("FileLineImportErrorCount", "ObjectLoadErrorCount"))
    in_error = str(data_set.get("DataSetStatusCode")).upper() in IN_ERROR
    nothing_loaded = in_error and not refusals and not _number(data_set.get("ObjectSuccessCount"))
    if errors > len(refusals) or nothing_loaded:
        named = f"(lines in error: {errors}, named: {len(refusals)})"
        sentence = f"Oracle reports errors in the data set {job} {named}. {WHERE_TO_LOOK}"
        return JobStatus("failed", refusals, sentence)
    return JobStatus("done", refusals, f"Oracle finished the data set {job}; lines refused: {len(refusals)}.")


def _number(value: Any) -> int:
    return whole_number(value) or 0

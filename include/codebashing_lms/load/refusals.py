"""What is written down when the LMS refuses rows: lists, numbers, and the journal."""

import logging
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.delivery.transport import Refusal
from include.codebashing_lms.errors import DeliveryError
from include.codebashing_lms.ledger.journal import open_ledger
from include.codebashing_lms.ledger.schema import KEY
from include.codebashing_lms.ledger.versions import Ledger
from include.codebashing_lms.load.in_flight import DestinationLedger
from include.codebashing_lms.load.receipt import parts_of
from include.codebashing_lms.load.sent_rows import JournalRows, SentRows
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.transform.manifest import read_manifest, write_manifest
from include.codebashing_lms.transform.records.columns import utc64

log = logging.getLogger(__name__)

Receipt = dict[str, Any]


def record_refusals(
    folder: StagedPath, receipt: Receipt, number: int, refusals: tuple[Refusal, ...]
) -> Receipt:
    """List the rows of a file that the LMS refused; return what a receipt says of them, which is numbers."""
    if not refusals:
        return {}
    rows = SentRows(folder)
    strange = rows.refuse(refusals, rows.of_parts(parts_of(receipt))[number])
    counts = {
        "refused": len(dict(rows.refused())),
        "refusals_of_no_row": receipt.get("refusals_of_no_row", 0) + strange,
    }
    log.warning("The LMS refused %s of %s rows: see refused.csv", counts["refused"], receipt["rows"])
    if strange:
        log.warning("%s refusals of the LMS fit no row that was sent: see delivery.results", strange)
    write_manifest(folder, replace(read_manifest(folder), **counts))
    return counts


def stop_at_too_many(receipt: Receipt, most_percent: float) -> None:
    """Raise DeliveryError where the LMS refused too many rows; what it took is noted by then."""
    refused, rows = receipt.get("refused", 0), receipt["rows"]
    if refused * 100 > most_percent * rows:
        raise DeliveryError(
            f"The LMS refused {refused} of {rows} rows of {receipt['file']} "
            f"({100 * refused / rows:.1f} %); delivery.results.max_refused_percent is {most_percent:g}. What "
            "it took is noted; what it refused is listed in that run's refused.csv with its reasons, and "
            "goes again with the next run."
        )


def describe_refusals(receipt: Receipt) -> str:
    """Return a sentence about refused rows, nothing where there are none."""
    refused, strange = receipt.get("refused", 0), receipt.get("refusals_of_no_row", 0)
    words = ""
    if refused:
        rows = "1 row" if refused == 1 else f"{refused} rows"
        words = f" The LMS refused {rows}: see refused.csv; they go again with the next run."
    if strange:
        words += f" {strange} of its refusals fit no row that was sent: see delivery.results."
    return words


def journal_refusals(
    destination_ledger: DestinationLedger, folder: StagedPath, receipt: Receipt, number: int
) -> None:
    """Put into the journal what the LMS said of a file's rows after they had counted as told.

    Rows that were told again since are left out: it speaks of an older telling.
    """
    rows = SentRows(folder)
    told = rows.to_journal(rows.of_parts(parts_of(receipt))[number], whole=False)
    tables = _still_meant(told, open_ledger(destination_ledger.folder), receipt["as_of"])
    if not tables:
        return
    facts = destination_ledger.facts(receipt, "refusal") | {
        "provenance": None,
        "learners": None,
        "refusals_to_come": None,
    }
    refused = sum(pc.count(table["refusal"]).as_py() for table in tables)
    verdict = f"{refused} rows refused by the LMS's results"
    facts |= {"delivery": f"{receipt['delivery']} results {number}", "verdict": verdict}
    destination_ledger.add(tables, facts)


def _still_meant(told: JournalRows, ledger: Ledger, as_of: str) -> list[pa.Table]:
    """Return the rows that change the ledger: refused ones, and those taken that it has as refused before."""
    at = utc64(parse_instant(as_of))
    refused = [table["employee_id"].filter(pc.is_valid(table["refusal"])) for table in told]
    before = _words_on(ledger, pc.unique(pa.chunked_array(refused, pa.string())))
    found = [table.filter(pa.array(_changes(table, before, at))) for table in told]
    return [table for table in found if len(table)]


def _words_on(ledger: Ledger, employees: pa.Array) -> pd.DataFrame:
    """Return what the ledger has on some employees, and on rows that the LMS refused before."""
    found = []
    for table in ledger:
        wanted = pc.or_(
            pc.is_in(table["employee_id"], value_set=employees),
            pc.fill_null(pc.greater(table["refusals"], 0), False),
        )
        found.append(table.select([*KEY, "sent_at", "refusals"]).filter(wanted))
    words: pd.DataFrame = pa.concat_tables(found).to_pandas()
    return words


def _changes(table: pa.Table, before: pd.DataFrame, at: np.datetime64) -> Any:
    """Tell which rows change the ledger."""
    rows: pd.DataFrame = table.select([*KEY, "refusal"]).to_pandas().merge(before, how="left", on=list(KEY))
    refused = rows["refusal"].notna() & rows["refusals"].notna() & ~(rows["sent_at"] > at)
    taken = rows["refusal"].isna() & (rows["refusals"] > 0) & (rows["sent_at"] == at)
    return (refused | taken).to_numpy(dtype=np.bool_)

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
from include.codebashing_lms.ledger.schema import INSTANT, KEY
from include.codebashing_lms.ledger.versions import Ledger
from include.codebashing_lms.load.in_flight import DestinationLedger
from include.codebashing_lms.load.journal_rows import JournalRows
from include.codebashing_lms.load.outcome import new_and_known
from include.codebashing_lms.load.receipt import Receipt, as_dict
from include.codebashing_lms.load.sent_rows import SentRows
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.transform.manifest import read_manifest, write_manifest
from include.codebashing_lms.transform.records.columns import utc64

log = logging.getLogger(__name__)


def record_refusals(
    destination_ledger: DestinationLedger,
    folder: StagedPath,
    receipt: Receipt,
    number: int,
    refusals: tuple[Refusal, ...],
) -> Receipt:
    """List the rows of a file that the LMS refused; return the receipt with their numbers."""
    if not refusals:
        return receipt
    rows = SentRows(folder)
    before = _refused_before(open_ledger(destination_ledger.folder), receipt.as_of)
    unmatched = rows.refuse(refusals, rows.of_parts(receipt.files)[number], before)
    refused = rows.refused().values()
    counts = {
        "refused": len(refused),
        "known_refusals": sum(as_before for _, as_before in refused),
        "refusals_unmatched": receipt.refusals_unmatched + unmatched,
    }
    log.warning(
        "The LMS refused %s of %s rows, %s of them as before: see refused.csv",
        counts["refused"],
        receipt.rows,
        counts["known_refusals"],
    )
    if unmatched:
        log.warning("%s refusals of the LMS fit no row that was sent: see delivery.results", unmatched)
    write_manifest(folder, replace(read_manifest(folder), **counts))
    return replace(receipt, **counts)


def _refused_before(ledger: Ledger, as_of: str) -> set[tuple[str, str, str]]:
    """Return learner, course and reason of the refusals in the ledger.

    :param as_of: of a delivery. A refusal that only an interrupted try of the same run met is left out.
    """
    at, names = pa.scalar(utc64(parse_instant(as_of)), INSTANT), (*KEY, "refusal")
    found: set[tuple[str, str, str]] = set()
    for table in ledger:
        # without an instant the row was sent again since, and the LMS has not answered yet
        earlier = pc.fill_null(pc.not_equal(table["refused_at"], at), True)
        earlier = pc.or_(earlier, pc.greater(table["refusals"], 1))
        rows = table.select(names).filter(pc.and_(pc.is_valid(table["refusal"]), earlier))
        found.update(zip(*(rows[name].to_pylist() for name in names), strict=True))
    return found


def stop_at_too_many(receipt: Receipt, max_percent: float) -> None:
    """Raise DeliveryError where the LMS newly refused too many rows; the journal has the others by then.

    A refusal that was known before does not fail a run again. The share is of all rows that the LMS has or
    was sent: on a quiet day a delivery holds few rows.
    """
    new, rows = receipt.new_refusals, receipt.rows + receipt.other_rows
    if new * 100 > max_percent * rows:
        raise DeliveryError(
            f"The LMS refused {receipt.refused} of {receipt.rows} rows of {receipt.file}"
            f"{new_and_known(receipt.refused, receipt.known_refusals)}. New: {new}, that is "
            f"{100 * new / rows:.1f} % of the {rows} rows that it has or was sent; "
            f"delivery.results.max_refused_percent is {max_percent:g}. What it took is noted; what it "
            "refused is listed in that run's refused.csv with its reasons, and goes again with the next run."
        )


def journal_refusals(destination_ledger: DestinationLedger, folder: StagedPath, receipt: Receipt, number: int) -> None:
    """Put into the journal what the LMS says of a file's rows after they counted as sent.

    Rows that were sent again since are left out: the LMS speaks of an older value.
    """
    rows = SentRows(folder)
    sent = rows.to_journal(rows.of_parts(receipt.files)[number], whole=False)
    tables = _still_valid(sent, open_ledger(destination_ledger.folder), receipt.as_of)
    if not tables:
        return
    refused = sum(pc.count(table["refusal"]).as_py() for table in tables)
    about = as_dict(receipt) | {
        "delivery": f"{receipt.delivery} results {number}",
        "known": f"{refused} rows refused by the LMS's results",
    }
    of_the_run = {"provenance": None, "learners": None, "refusals_to_come": None}
    destination_ledger.add(tables, destination_ledger.entry_metadata("refusal", about | of_the_run))


def _still_valid(sent: JournalRows, ledger: Ledger, as_of: str) -> list[pa.Table]:
    """Return the rows that change the ledger: refused ones, and accepted ones that it has as refused."""
    at = utc64(parse_instant(as_of))
    refused = [table["employee_id"].filter(pc.is_valid(table["refusal"])) for table in sent]
    before = _ledger_refusals(ledger, pc.unique(pa.chunked_array(refused, pa.string())))
    found = [table.filter(pa.array(_changes(table, before, at))) for table in sent]
    return [table for table in found if len(table)]


def _ledger_refusals(ledger: Ledger, employees: pa.Array) -> pd.DataFrame:
    found = []
    for table in ledger:
        wanted = pc.or_(
            pc.is_in(table["employee_id"], value_set=employees), pc.fill_null(pc.greater(table["refusals"], 0), False)
        )
        found.append(table.select([*KEY, "sent_at", "refusals"]).filter(wanted))
    rows: pd.DataFrame = pa.concat_tables(found).to_pandas()
    return rows


def _changes(table: pa.Table, before: pd.DataFrame, at: np.datetime64) -> Any:
    rows: pd.DataFrame = table.select([*KEY, "refusal"]).to_pandas().merge(before, how="left", on=list(KEY))
    refused = rows["refusal"].notna() & rows["refusals"].notna() & ~(rows["sent_at"] > at)
    accepted = rows["refusal"].isna() & (rows["refusals"] > 0) & (rows["sent_at"] == at)
    return (refused | accepted).to_numpy(dtype=np.bool_)

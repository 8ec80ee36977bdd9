"""Names of all folders and files of a staging area.

<staging>/<connector>/                          home of a connector
    courses_seen.json                           courses of the newest live snapshot
    alerts.json                                 what the last alert was based on
    snapshots/<read at>.json.gz|.json.zst       raw answers of the source
        about/<snapshot>.json                   metadata of a snapshot
        used/<snapshot>.json                    when a run last began to work on it
        by_logical_date/<logical date>.json     the live snapshot of a date
    runs/<logical date>/<run>.<clear number>/   folder of a run
        <LMS file>, manifest.json               by transform, completed by load
        rows.parquet                            by transform, for load
        set_aside.csv, left_out.parquet         by transform and load
        sent_rows.parquet, to_correct.csv       by load
        refused.parquet, refused.csv            by load, as answers of the LMS come in
        receipt.json, outcome.json              by load
        report.html                             by report
    ledger/<destination>/                       ledger of an LMS
        destination.json
        journal/<number>.parquet
        versions/<number>.parquet
    in_flight/<delivery>.json                   run folder of a delivery that is not in the journal yet
    pickups/<delivery>.json                     run folder of a dropped file that is still watched
    refused/<instant>.csv                       rows of a reject list that a person gave to the admin DAG
"""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

# in the home of a connector
COURSES_SEEN = "courses_seen.json"
ALERT_STATE = "alerts.json"
SNAPSHOTS = "snapshots"
RUNS = "runs"
LEDGERS = "ledger"
IN_FLIGHT = "in_flight"
PICKUPS = "pickups"
REFUSED_LISTS = "refused"

# in the archive of snapshots
SNAPSHOT_METADATA = "about"
SNAPSHOTS_IN_USE = "used"
SNAPSHOTS_BY_DATE = "by_logical_date"

# in the folder of a run
MANIFEST = "manifest.json"
ROWS = "rows.parquet"
SET_ASIDE = "set_aside.csv"
LEFT_OUT = "left_out.parquet"
SENT_ROWS = "sent_rows.parquet"
TO_CORRECT = "to_correct.csv"
REFUSED_ROWS = "refused.parquet"
REFUSED_LIST = "refused.csv"
RECEIPT = "receipt.json"
OUTCOME = "outcome.json"
REPORT = "report.html"

# in the ledger of an LMS
DESTINATION = "destination.json"
JOURNAL = "journal"
VERSIONS = "versions"


def run_folder(root: Any, connector: str, logical_date: datetime, run_id: str, clear_number: int) -> Any:
    """Return the folder that only this run writes to, its retries included."""
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", run_id)
    if len(safe) > 150:
        safe = f"{safe[:120]}-{hashlib.sha256(run_id.encode()).hexdigest()[:16]}"
    return root / connector / RUNS / timestamp_name(logical_date) / f"{safe}.{clear_number}"


def home_of_run(folder: Any) -> Any:
    """Return the home of the connector that a run's folder belongs to."""
    return folder.parent.parent.parent


def timestamp_name(instant: datetime) -> str:
    """Return an instant as a name that sorts by time: 20261123T051502.123456Z."""
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")

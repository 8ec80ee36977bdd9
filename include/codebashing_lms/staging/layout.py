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

COURSES_SEEN = "courses_seen.json"
ALERT_STATE = "alerts.json"

SNAPSHOT_METADATA = "about"
SNAPSHOTS_IN_USE = "used"
SNAPSHOTS_BY_DATE = "by_logical_date"

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

DESTINATION = "destination.json"
JOURNAL = "journal"
VERSIONS = "versions"


def connector_home(root: Any, connector: str) -> Any:
    """Return the home of a connector in a staging area."""
    return root / connector


def home_of_run(folder: Any) -> Any:
    """Return the home of the connector that a run's folder belongs to."""
    return folder.parent.parent.parent


def snapshots_folder(home: Any) -> Any:
    """Return the archive of a connector's snapshots."""
    return home / "snapshots"


def runs_folder(home: Any) -> Any:
    """Return the folder of a connector's runs: in it a folder per logical date, in that one per run."""
    return home / "runs"


def run_folder(root: Any, connector: str, logical_date: datetime, run_id: str, clear_number: int) -> Any:
    """Return the folder that only this run writes to, its retries included."""
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", run_id)
    if len(safe) > 150:
        safe = f"{safe[:120]}-{hashlib.sha256(run_id.encode()).hexdigest()[:16]}"
    runs = runs_folder(connector_home(root, connector))
    return runs / timestamp_name(logical_date) / f"{safe}.{clear_number}"


def ledgers_folder(home: Any) -> Any:
    """Return the folder of a connector's ledgers: in it a folder per destination."""
    return home / "ledger"


def in_flight_folder(home: Any) -> Any:
    """Return the folder of the deliveries that are not in the journal yet."""
    return home / "in_flight"


def pickups_folder(home: Any) -> Any:
    """Return the folder of the dropped files that are still watched."""
    return home / "pickups"


def delivery_pointer(folder: Any, delivery: str) -> Any:
    """Return the file in `in_flight` or `pickups` that names the run folder of a delivery."""
    return folder / f"{delivery}.json"


def refused_list(home: Any, instant: datetime) -> Any:
    """Return the list of the rows that an action of the admin DAG recorded as refused."""
    return home / "refused" / f"{timestamp_name(instant)}.csv"


def timestamp_name(instant: datetime) -> str:
    """Return an instant as a name that sorts by time: 20261123T051502.123456Z."""
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")

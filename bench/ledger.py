"""Deliveries of changes: the first fills the ledger, the second compares with the full ledger."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from include.codebashing_lms.config.connector import Connector, parse_connector
from include.codebashing_lms.load.prepare import LoadContext
from include.codebashing_lms.load.run import load
from include.codebashing_lms.staging.layout import run_folder
from include.codebashing_lms.transform.context import RunContext
from include.codebashing_lms.transform.run import transform

FIRST = datetime(2026, 11, 22, 5, tzinfo=UTC)


def connector(root: Path, courses: str) -> Connector:
    """Return a connector that delivers changes to a folder."""
    guards = {"max_set_aside_percent": None, "max_fall_percent": None, "max_drop_percent": None}
    drop = {"method": "folder", "directory": str(root / "drop"), "send": "changes"}
    content = {
        "name": "bench",
        "courses": courses,
        "source": {"conn_id": "codebashing"},
        "guards": guards,
        "delivery": drop,
    }
    return parse_connector(content)


def prepare(root: Path, courses: str, day: int, snapshot: Path) -> None:
    """Transform a day's snapshot."""
    (root / "drop").mkdir(parents=True, exist_ok=True)
    as_of = FIRST + timedelta(days=day)
    folder = run_folder(root, "bench", as_of, f"day{day}", 0)
    folder.mkdir(parents=True)
    context = RunContext(f"day{day}", None, {}, as_of, as_of, as_of, "live", "0")
    staged = transform(connector(root, courses), snapshot, None, folder, context)
    (root / f"day{day}.json").write_text(json.dumps(staged))


def send(root: Path, courses: str, day: int) -> None:
    """Load a day's run."""
    folder = run_folder(root, "bench", FIRST + timedelta(days=day), f"day{day}", 0)
    outcome = load(
        connector(root, courses),
        None,
        json.loads((root / f"day{day}.json").read_text()),
        folder,
        LoadContext(f"day{day}"),
    )
    print(outcome.rows, "rows sent")


if __name__ == "__main__":
    command, staging, scope, number, *files = sys.argv[1:]
    if command == "prepare":
        prepare(Path(staging), scope, int(number), Path(files[0]))
    else:
        send(Path(staging), scope, int(number))

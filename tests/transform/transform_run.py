"""One call of transform, and the files it leaves."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

from include.codebashing_lms.config.connector import Connector, parse_connector
from include.codebashing_lms.transform.context import RunContext
from include.codebashing_lms.transform.run import transform

READ_AT = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
GUARDS_OFF = {"min_learners": None, "max_set_aside_percent": None}


def connector(**sections) -> Connector:
    content = {
        "name": "acme",
        "source": {"conn_id": "codebashing"},
        "guards": GUARDS_OFF,
        "delivery": {"method": "folder", "directory": "/drop"},
    }
    return parse_connector(content | sections)


def context(**changes) -> RunContext:
    values = {
        "run_id": None,
        "triggered_by": None,
        "params": {},
        "logical_date": READ_AT,
        "as_of": READ_AT,
        "extracted_at": READ_AT,
        "provenance": "rendered",
        "connector_sha256": "0",
    }
    return RunContext(**(values | changes))


def run(
    records, folder: Path, *, run_context: RunContext | None = None, out: Path | None = None, **sections
) -> SimpleNamespace:
    """Transform records (or the text of a snapshot) and read the files back."""
    snapshot = folder / "snapshot.json"
    text = records if isinstance(records, str) else json.dumps(records)
    snapshot.write_bytes(text.encode("utf-8", "surrogatepass"))
    out = out or folder / "out"
    summary = transform(
        connector(**sections), snapshot, None, out, run_context or context(), lambda name: folder / name
    )
    return read_back(out, summary)


def read_back(out: Path, summary: dict) -> SimpleNamespace:
    manifest = json.loads((out / "manifest.json").read_text())
    raw = (out / manifest["file"]).read_bytes()
    with (out / "set_aside.csv").open(encoding="utf-8", newline="") as file:
        set_aside = list(csv.DictReader(file))
    rows = list(csv.DictReader(raw.decode(errors="replace").splitlines()))
    return SimpleNamespace(
        summary=summary,
        manifest=manifest,
        raw=raw,
        rows=rows,
        set_aside=set_aside,
        out=out,
        records=manifest["records"],
    )

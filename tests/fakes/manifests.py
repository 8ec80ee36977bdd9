"""Manifests as `transform` writes them, with what a test needs in them."""

from typing import Any

import msgspec

from include.codebashing_lms.transform.manifest import Manifest

NOTHING: dict[str, Any] = {"read": 0, "emitted": 0, "withheld": {}, "set_aside": {}, "merged": 0}


def manifest(**changes: Any) -> Manifest:
    """Return a manifest with some fields of its own, as they stand in the file.

    :param changes: of `records` and `guards` what is named; other fields as a whole.
    """
    records = NOTHING | changes.pop("records", {})
    guards = {"crossed": {}, "skipped": []} | changes.pop("guards", {})
    content = {
        "connector": "acme",
        "connector_sha256": "",
        "package_version": "1",
        "run_id": "scheduled__1",
        "triggered_by": None,
        "params": {},
        "logical_date": "2026-11-23T05:00:00Z",
        "as_of": "2026-11-23T05:15:02Z",
        "extracted_at": "2026-11-23T05:15:02Z",
        "provenance": "live",
        "fields": None,
        "profile": "generic_csv",
        "profile_sha256": "",
        "lists_sha256": {},
        "file": "acme.csv",
        "bytes": 0,
        "sha256": "",
        "parts": [],
        "learners": 0,
        "records": records,
        "warnings": {},
        "status": {"completed": 0, "in_progress": 0, "not_started": 0},
        "snapshot": {"file": "snapshot.json", "sha256": None},
        "guards": guards,
    }
    return msgspec.convert(content | changes, Manifest)

"""receipt.json: what was sent where, when and by whom; written before the first byte and after the last."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

from include.codebashing_lms.staging import StagedPath, read_json, write_json

NAME = "receipt.json"
KEYS = uuid.UUID("5c5d9f0e-8a5e-5d0b-9f4c-3a1c7e1f8b42")


def idempotency_key(connector: str, run_id: str | None, sha256: str, where: str) -> str:
    """Return the key of a delivery: the same for all its tries, another one for every other delivery."""
    return str(uuid.uuid5(KEYS, json.dumps([connector, run_id, sha256, where])))


def write_receipt(folder: StagedPath, receipt: dict[str, Any]) -> str:
    """Stage the receipt; return its address."""
    write_json(folder / NAME, receipt)
    return str(folder / NAME)


def receipts_of(folder: StagedPath, run_id: str | None) -> Iterator[tuple[dict[str, Any], str]]:
    """Give a run's receipts and their addresses: its folder's, and those of before it was cleared."""
    run, _, _ = folder.name.rpartition(".")
    for sibling in sorted(folder.parent.iterdir(), key=str):
        if sibling.name.rpartition(".")[0] == run and (sibling / NAME).exists():
            receipt = read_json(sibling / NAME)
            if receipt["run_id"] == run_id:
                yield receipt, str(sibling / NAME)

"""receipt.json: what was sent where, when and by whom; written before the first byte and after the last."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

from include.codebashing_lms.staging.files import StagedPath, read_json, write_json

NAME = "receipt.json"
PROGRESS = ("parts_done", "parts_entered", "refused", "refusals_of_no_row")
KEYS = uuid.UUID("5c5d9f0e-8a5e-5d0b-9f4c-3a1c7e1f8b42")


def idempotency_key(
    connector: str, run_id: str | None, sha256: str, where: str, after: str | None = None
) -> str:
    """Return the key of a delivery: the same for all its tries, another one for every other delivery.

    :param after: the delivery whose import job came to nothing: by its key the LMS would know that job again.
    """
    about = [connector, run_id, sha256, where, *([after] if after else [])]
    return str(uuid.uuid5(KEYS, json.dumps(about)))


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


def attempts_of(folder: StagedPath, run_id: str | None) -> list[dict[str, Any]]:
    """Return the receipts of a run's tries, of before it was cleared first."""
    found = [receipt for receipt, _ in receipts_of(folder, run_id)]
    return sorted(found, key=lambda receipt: int(receipt["clear_number"]))


def parts_of(receipt: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the files of a delivery, in the order in which they are sent."""
    one = {name: receipt[name] for name in ("file", "bytes", "sha256", "rows") if name in receipt}
    return list(receipt.get("parts", [one]))


def parts_done(receipt: dict[str, Any]) -> int:
    """Return how many of its files the LMS surely has."""
    return int(receipt.get("parts_done", 0))


def key_of_part(receipt: dict[str, Any], number: int) -> str:
    """Return the idempotency key of one of the files."""
    delivery = str(receipt["delivery"])
    return str(uuid.uuid5(uuid.UUID(delivery), str(number))) if number else delivery


def sha256_of_files(files: dict[str, Any]) -> str:
    """Return a checksum of all files of a delivery as they were before packing; of one, its own."""
    sums = [part.get("content", part)["sha256"] for part in files.get("parts", [files])]
    return str(sums[0]) if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()


def resume_from(receipt: dict[str, Any], earlier: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the receipt of a delivery with its ID; of one that an earlier try began, with how far it came.

    :param earlier: what the run's tries left, the newest last.
    """
    last = earlier[-1] if earlier else {}
    after = last.get("after")
    if "job" in last and last["state"] in ("failed", "unknown"):
        after = last["delivery"]
    sha256, where = sha256_of_files(receipt), receipt["where"]
    delivery = idempotency_key(receipt["connector"], receipt["run_id"], sha256, where, after)
    same = delivery == last.get("delivery") and last["clear_number"] == receipt["clear_number"]
    progress = {name: last[name] for name in PROGRESS if same and name in last}
    return receipt | progress | {"delivery": delivery} | ({"after": after} if after else {})

"""The tries of a run: their receipts, the ID that all of them share, and how far the last one came."""

import hashlib
import json
import uuid
from collections.abc import Iterator

from msgspec.structs import replace

from include.codebashing_lms.load.receipt import Part, Receipt, State, read_receipt
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.staging.layout import RECEIPT

PROGRESS = ("parts_done", "parts_journaled", "refused", "known_refusals", "refusals_unmatched")
KEYS = uuid.UUID("5c5d9f0e-8a5e-5d0b-9f4c-3a1c7e1f8b42")


def receipts_of(folder: StagedPath, run_id: str | None) -> Iterator[tuple[Receipt, str]]:
    """Give a run's receipts and their addresses: its folder's, and those of before it was cleared."""
    run, _, _ = folder.name.rpartition(".")
    for sibling in sorted(folder.parent.iterdir(), key=str):
        if sibling.name.rpartition(".")[0] == run:
            receipt = read_receipt(sibling)
            if receipt and receipt.run_id == run_id:
                yield receipt, str(sibling / RECEIPT)


def attempts_of(folder: StagedPath, run_id: str | None) -> list[Receipt]:
    """Return the receipts of a run's tries, those of before it was cleared first."""
    return sorted((one for one, _ in receipts_of(folder, run_id)), key=lambda one: one.clear_number)


def idempotency_key(connector: str, run_id: str | None, sha256: str, where: str, after: str | None = None) -> str:
    """Return the key of a delivery: the same for all its tries, another one for every other delivery.

    :param after: the delivery with an import job that came to nothing: by its key the LMS would know the job.
    """
    about = [connector, run_id, sha256, where, *([after] if after else [])]
    return str(uuid.uuid5(KEYS, json.dumps(about)))


def key_of_part(receipt: Receipt, number: int) -> str:
    """Return the idempotency key of one of the files."""
    return str(uuid.uuid5(uuid.UUID(receipt.delivery), str(number))) if number else receipt.delivery


def sha256_of_files(parts: list[Part]) -> str:
    """Return a checksum of all files of a delivery as they were before packing; of one, its own."""
    sums = [(part.content or part).sha256 for part in parts]
    return sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()


def resume_from(receipt: Receipt, earlier: list[Receipt]) -> Receipt:
    """Return the receipt of a delivery with its ID; of one that an earlier try began, with how far it came.

    :param earlier: what the run's tries left, the newest last.
    """
    last = earlier[-1] if earlier else None
    after = last.after if last else None
    if last and last.job is not None and last.state in (State.FAILED, State.UNKNOWN):
        after = last.delivery
    sha256 = sha256_of_files(receipt.files)
    delivery = idempotency_key(receipt.connector, receipt.run_id, sha256, receipt.where, after)
    same = last and (last.delivery, last.clear_number) == (delivery, receipt.clear_number)
    progress = {name: getattr(last, name) for name in PROGRESS} if same else {}
    return replace(receipt, delivery=delivery, after=after, **progress)

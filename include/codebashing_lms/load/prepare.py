"""The receipt of a delivery before its first byte leaves: what is to be sent, why, and who asked for it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from include.codebashing_lms import __version__
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.dates import iso
from include.codebashing_lms.delivery.factory import reports_refusals
from include.codebashing_lms.delivery.packing import Packing, packed
from include.codebashing_lms.load.compare import DeltaSummary
from include.codebashing_lms.staging.checksums import verified
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.transform.manifest import Manifest


@dataclass(frozen=True)
class LoadContext:
    """What load needs to know of its run."""

    run_id: str | None
    dry_run: bool = False
    check_only: bool = False
    triggered_by: str | None = None
    skip_guards: tuple[str, ...] = ()
    reason: str | None = None
    clear_number: int = 0
    send: str | None = None


def packed_part(packing: Packing, part: dict[str, Any], folder: StagedPath) -> dict[str, Any]:
    """Return name, bytes and checksum of a file as it goes to the LMS."""
    content = {name: part[name] for name in ("file", "bytes", "sha256")}
    with verified(folder / content["file"], content["sha256"]) as plain:
        return part | packed(packing, plain, content, folder)


def new_receipt(
    connector: Connector,
    run: LoadContext,
    manifest: Manifest,
    summary: DeltaSummary,
    parts: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return the receipt of what is about to be sent; it names files and counts, and nobody."""
    first = {name: fact for name, fact in parts[0].items() if name not in ("rows", "course")}
    return {
        "state": "sending",
        "connector": connector.name,
        "connector_sha256": manifest.connector_sha256,
        "package_version": __version__,
        "run_id": run.run_id,
        "clear_number": run.clear_number,
        "triggered_by": run.triggered_by,
        "skipped_guards": list(run.skip_guards),
        "reason": run.reason,
        "method": connector.delivery.method,
        "rows": summary.sent,
        "refused": 0,
        "refusals_to_come": not reports_refusals(connector),
        **first,
        **({"parts": parts} if len(parts) > 1 else {}),
        **({} if connector.lms.contract.unattended else {"import": "by a person"}),
        "as_of": manifest.as_of,
        "provenance": manifest.provenance,
        "learners": learners_of(manifest, summary),
        "sending_since": iso(datetime.now(UTC)),
    }


def learners_of(manifest: Manifest, summary: DeltaSummary) -> dict[str, int]:
    """Return the learners as the next live run compares itself with them."""
    return {"read": manifest.learners, "known": summary.learners}

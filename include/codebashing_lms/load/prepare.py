"""The receipt of a delivery before its first byte leaves: what is to be sent, why, and who asked for it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from include.codebashing_lms import __version__
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.dates import iso
from include.codebashing_lms.delivery.factory import reports_refusals
from include.codebashing_lms.delivery.packing import Packing
from include.codebashing_lms.load.compare import DeltaSummary
from include.codebashing_lms.load.guards import learners_of
from include.codebashing_lms.load.receipt import Content, Part, Receipt, State, read_receipt
from include.codebashing_lms.staging.checksums import sha256_of, verified
from include.codebashing_lms.staging.files import StagedPath, atomic_write, local_copy
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


def packed_part(packing: Packing, part: Part, folder: StagedPath) -> Part:
    """Stage a file as it goes to the LMS; return the file under its new name, with its bytes and checksum.

    What an earlier try was about to send goes again as it is. Encrypted anew it would be another file, and
    nobody could see whether the LMS has it.
    """
    with verified(folder / part.file, part.sha256) as plain:
        if not packing.metadata:
            return part
        content = Content(part.file, part.bytes, part.sha256)
        part = replace(part, file=packing.name(part.file), packing=packing.metadata, content=content)
        earlier = read_receipt(folder)
        for old in earlier.files if earlier else ():
            same = (old.file, old.packing, old.content) == (part.file, part.packing, part.content)
            if same and _is_staged(folder, old):
                return replace(part, bytes=old.bytes, sha256=old.sha256)
        with atomic_write(folder / part.file) as target:
            packing.wrap(plain, target)
            return replace(part, bytes=target.stat().st_size, sha256=sha256_of(target))


def _is_staged(folder: StagedPath, part: Part) -> bool:
    if not (folder / part.file).exists():
        return False
    with local_copy(folder / part.file) as copy:
        return sha256_of(copy) == part.sha256


def new_receipt(
    connector: Connector,
    run: LoadContext,
    manifest: Manifest,
    summary: DeltaSummary,
    parts: list[Part],
    where: str,
    destination: dict[str, str],
) -> Receipt:
    """Return the receipt of what is about to be sent."""
    first = parts[0]
    return Receipt(
        state=State.SENDING,
        connector=connector.name,
        connector_sha256=manifest.connector_sha256,
        package_version=__version__,
        run_id=run.run_id,
        clear_number=run.clear_number,
        triggered_by=run.triggered_by,
        skipped_guards=list(run.skip_guards),
        reason=run.reason,
        method=connector.delivery.method,
        rows=summary.sent,
        refused=0,
        other_rows=summary.other_rows,
        refused_before=summary.refused_before,
        refusals_to_come=not reports_refusals(connector),
        file=first.file,
        bytes=first.bytes,
        sha256=first.sha256,
        packing=first.packing,
        content=first.content,
        parts=parts if len(parts) > 1 else None,
        import_=None if connector.lms.contract.unattended else "by a person",
        as_of=manifest.as_of,
        provenance=manifest.provenance,
        learners=learners_of(manifest, summary),
        sending_since=iso(datetime.now(UTC)),
        where=where,
        destination=destination,
    )

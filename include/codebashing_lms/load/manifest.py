"""manifest.json is completed: load knows which records are sent, unchanged, deferred or held."""

from collections import Counter

from msgspec.structs import replace

from include.codebashing_lms.load.compare import DeltaSummary
from include.codebashing_lms.load.delta import Change
from include.codebashing_lms.load.lists import DEFERRED
from include.codebashing_lms.transform.lms_file.file_part import FilePart, first_part
from include.codebashing_lms.transform.manifest import Manifest, TransformNumbers
from include.codebashing_lms.transform.records.columns import STATUSES
from include.codebashing_lms.transform.records.dispositions import SET_ASIDE

ASIDE = {change: change.disposition.reason for change in Change if change.disposition in SET_ASIDE}


def complete_manifest(manifest: Manifest, summary: DeltaSummary, parts: list[FilePart]) -> Manifest:
    """Return the manifest with the numbers of the delta; its records still add up to `read`."""
    before = manifest.transformed or TransformNumbers(manifest.records, manifest.warnings, manifest.status)
    changes = summary.changes
    deferred = {reason: changes[change] for change, reason in DEFERRED.items()}
    set_aside = {reason: changes[change] for change, reason in ASIDE.items()}
    elsewhere = sum(deferred.values()) + sum(set_aside.values())
    withheld = {"unchanged": changes.total() - summary.sent - elsewhere, **deferred}
    records = replace(
        before.records,
        emitted=summary.sent,
        withheld=before.records.withheld | {name: n for name, n in withheld.items() if n},
        set_aside=before.records.set_aside | {name: n for name, n in set_aside.items() if n},
    )
    return replace(
        manifest,
        **first_part(parts),
        parts=parts,
        records=records,
        warnings=dict(sorted((Counter(before.warnings) + summary.warnings).items())),
        status={name: summary.statuses[STATUSES.index(name)] for name in ("completed", "in_progress", "not_started")},
        transformed=before,
        course_growth=summary.course_growth(),
        to_correct=summary.corrections,
    )

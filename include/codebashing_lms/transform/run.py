"""The transform of one run: two passes over a snapshot, then the manifest, then the guards."""

from pathlib import Path
from typing import Any

from msgspec import UNSET

from include.codebashing_lms import __version__
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.lists import PathResolver, sha256_of_lists
from include.codebashing_lms.config.source_fields import fields_not_asked
from include.codebashing_lms.dates import iso
from include.codebashing_lms.errors import GuardError, RunDateError, StagingError
from include.codebashing_lms.staging.checksums import check_sha256
from include.codebashing_lms.staging.files import StagedPath, local_copy, write_json
from include.codebashing_lms.staging.layout import COURSES_SEEN, home_of_run
from include.codebashing_lms.staging.scratch import scratch_folder
from include.codebashing_lms.streaming.prefetch import use_jemalloc
from include.codebashing_lms.transform import guards
from include.codebashing_lms.transform.context import RunContext
from include.codebashing_lms.transform.counts import RecordCounts
from include.codebashing_lms.transform.first_pass import FirstPass, first_keys
from include.codebashing_lms.transform.lms_file.file_part import first_part
from include.codebashing_lms.transform.manifest import (
    GuardResults,
    Manifest,
    SnapshotFile,
    SourceCheck,
    task_summary,
    write_manifest,
)
from include.codebashing_lms.transform.records.spool import Spool
from include.codebashing_lms.transform.rules.as_of import ASSUMPTIONS, AsOfRules
from include.codebashing_lms.transform.rules.earlier_snapshot import EarlierSnapshot, EarlierSnapshotRef
from include.codebashing_lms.transform.second_pass import SecondPass


def transform(
    connector: Connector,
    snapshot: StagedPath,
    snapshot_sha256: str | None,
    folder: StagedPath,
    context: RunContext,
    resolve: PathResolver = Path,
    earlier: EarlierSnapshotRef | None = None,
) -> dict[str, Any]:
    """Write the LMS file, set_aside.csv, left_out.parquet and manifest.json to the run's folder.

    :param snapshot_sha256: checksum that the snapshot must have, None where none is known.
    :param resolve: finds the files that the connector names.
    :param earlier: the nearest snapshot read before a reconstructed date.
    :return: a small summary for the next task, with nobody's data.
    :raises RunDateError: the snapshot was read without asking for a key that is needed now.
    :raises ShapeError: a key that is needed is in no record.
    :raises GuardError: a guard is crossed; the files are written all the same.
    """
    _check_fields(connector, context, snapshot)
    use_jemalloc()
    first_pass = FirstPass(connector, context, resolve)
    with scratch_folder() as scratch:
        spool = Spool(scratch)
        with _snapshot_copy(snapshot) as path:
            if snapshot_sha256:
                check_sha256(path, snapshot_sha256, f"The snapshot {snapshot.name}")
            first_pass.read(path, spool)
            keys = sorted(first_keys(path, connector.source.records_path)) if context.check_only else []
        as_of_rules, as_of_fields = _as_of_rules(first_pass, earlier)
        second_pass = SecondPass(first_pass, as_of_rules)
        parts = second_pass.write(spool, folder)
    counts, courses = second_pass.counts, first_pass.courses.slugs
    crossed = guards.crossed_guards(connector.guards, counts.learner_totals())
    manifest = Manifest(
        **_run_fields(connector, context),
        **as_of_fields,
        **_number_fields(first_pass, counts),
        **first_part(parts),
        parts=parts,
        lists_sha256=sha256_of_lists(connector, resolve),
        statistics=second_pass.statistics.summary(courses),
        snapshot=SnapshotFile(snapshot.name, snapshot_sha256),
        guards=GuardResults(crossed, list(context.skip_guards)),
        seen=SourceCheck(keys, courses, counts.learners_missing_id) if context.check_only else UNSET,
    )
    write_manifest(folder, manifest)
    if context.provenance == "live":
        write_json(home_of_run(folder) / COURSES_SEEN, {"courses": courses})
    if not context.check_only:
        _stop_without_ids(connector, counts)
        guards.check(crossed, context.skip_guards)
    return task_summary(folder, manifest)


def _check_fields(connector: Connector, context: RunContext, snapshot: StagedPath) -> None:
    missing = fields_not_asked(connector, context.fields)
    if missing:
        raise RunDateError(
            f"The snapshot {snapshot.name} was read without asking for {', '.join(missing)}, which the "
            "connector file needs by now. Leave this run, or bring back the connector file of that time and "
            "clear it."
        )


def _snapshot_copy(snapshot: StagedPath) -> Any:
    if not snapshot.exists():
        raise StagingError(f"The snapshot {snapshot.name} is not in the staging area.")
    return local_copy(snapshot)


def _stop_without_ids(connector: Connector, counts: RecordCounts) -> None:
    if connector.identity.on_missing == "fail" and counts.learners_missing_id:
        raise GuardError(
            f"{counts.learners_missing_id} of {counts.learners} learners have no employee ID and "
            "identity.on_missing is fail. Nothing was sent. Ask the identity team for the SAML attribute, "
            "or choose set_aside."
        )


def _as_of_rules(first_pass: FirstPass, earlier: EarlierSnapshotRef | None) -> tuple[AsOfRules | None, dict[str, Any]]:
    if not first_pass.reconstructed:
        return None, {}
    before = None
    if earlier and fields_not_asked(first_pass.connector, earlier.fields):
        first_pass.warnings["earlier_snapshot_not_comparable"] += 1
    elif earlier:
        before = EarlierSnapshot(earlier.read_at, first_pass.courses, first_pass.primary)
        with _snapshot_copy(earlier.snapshot) as path:
            check_sha256(path, earlier.sha256, f"The snapshot {earlier.snapshot.name}")
            before.read(path, first_pass.connector, first_pass.rules)
    used = SnapshotFile(earlier.snapshot.name, earlier.sha256) if before and earlier else None
    rules = AsOfRules(first_pass.context.as_of, first_pass.keys.zone, first_pass.primary, before)
    return rules, {"earlier_snapshot": used, "assumptions": list(ASSUMPTIONS)}


def _run_fields(connector: Connector, context: RunContext) -> dict[str, Any]:
    return {
        "connector": connector.name,
        "connector_sha256": context.connector_sha256,
        "package_version": __version__,
        "run_id": context.run_id,
        "triggered_by": context.triggered_by,
        "params": context.params,
        "logical_date": iso(context.logical_date),
        "as_of": iso(context.as_of),
        "extracted_at": iso(context.extracted_at),
        "provenance": context.provenance,
        "fields": context.fields,
        "profile": connector.lms.profile,
        "profile_sha256": connector.lms.profile_sha256,
    }


def _number_fields(first_pass: FirstPass, counts: RecordCounts) -> dict[str, Any]:
    first_pass.warnings["source_looks_stale"] += first_pass.looks_stale()
    return {
        "learners": counts.learners,
        "records": counts.records(),
        "warnings": {name: count for name, count in sorted(first_pass.warnings.items()) if count},
        "status": {name: counts.status[name] for name in ("completed", "in_progress", "not_started")},
    }

"""The transform of one run: two passes over a snapshot, then the manifest and the guards."""

from pathlib import Path
from typing import Any

from include.codebashing_lms import __version__
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.lists import PathResolver, sha256_of_lists
from include.codebashing_lms.config.source_fields import fields_not_asked
from include.codebashing_lms.dates import iso
from include.codebashing_lms.errors import GuardError, RunDateError, StagingError
from include.codebashing_lms.staging.checksums import check_sha256, sha256_of
from include.codebashing_lms.staging.files import StagedPath, local_copy, write_json
from include.codebashing_lms.staging.scratch import scratch_folder
from include.codebashing_lms.streaming.prefetch import use_jemalloc
from include.codebashing_lms.transform import guards
from include.codebashing_lms.transform.context import RunContext
from include.codebashing_lms.transform.counts import RecordCounts
from include.codebashing_lms.transform.first_pass import FirstPass, keys_there
from include.codebashing_lms.transform.records.spool import Spool
from include.codebashing_lms.transform.rules.as_of import ASSUMPTIONS, AsOfRules
from include.codebashing_lms.transform.rules.earlier_snapshot import EarlierSnapshot, EarlierSnapshotRef
from include.codebashing_lms.transform.second_pass import SecondPass


def transform(
    connector: Connector,
    snapshot: StagedPath,
    snapshot_sha256: str | None,
    folder: StagedPath,
    facts: RunContext,
    resolve: PathResolver = Path,
    earlier: EarlierSnapshotRef | None = None,
) -> dict[str, Any]:
    """Write the LMS file, set_aside.csv, left_out.parquet and manifest.json to the run's folder.

    :param snapshot_sha256: checksum that the snapshot must have; None for one that nobody noted.
    :param resolve: finds the files that the connector names.
    :param earlier: for a reconstructed date, the nearest snapshot read before it.
    :return: a small summary without persons, for the next task.
    :raises RunDateError: the snapshot was read without asking for a key that is needed now.
    :raises ShapeError: a key that is needed is in no record.
    :raises GuardError: a guard is crossed; the files are there to look at.
    """
    _check_fields(connector, facts, snapshot)
    use_jemalloc()
    judging = FirstPass(connector, facts, resolve)
    with scratch_folder() as scratch:
        spool = Spool(scratch)
        with _present(snapshot) as path:
            if snapshot_sha256:
                check_sha256(path, snapshot_sha256, f"The snapshot {snapshot.name}")
            judging.read(path, spool)
            keys = sorted(keys_there(path, connector.source.records_path)) if facts.check_only else []
        past, looked_back = _look_back(judging, earlier)
        writing = SecondPass(judging, past)
        file = writing.write(spool, folder)
    crossed = guards.crossed_guards(connector.guards, writing.tally.census())
    manifest = {
        **_about(connector, facts),
        "lists_sha256": sha256_of_lists(connector, resolve),
        **looked_back,
        **file,
        **_numbers(judging, writing.tally),
        "figures": writing.figures.shown(judging.courses.slugs),
        "snapshot": {"file": snapshot.name, "sha256": snapshot_sha256},
        "guards": {"crossed": crossed, "skipped": list(facts.skip_guards)},
    }
    if facts.check_only:
        manifest["seen"] = _seen(keys, judging, writing.tally)
    write_json(folder / "manifest.json", manifest)
    if facts.provenance == "live":
        write_json(folder.parent.parent.parent / "courses_seen.json", {"courses": judging.courses.slugs})
    if not facts.check_only:
        _stop_without_ids(connector, writing.tally)
        guards.check(crossed, facts.skip_guards)
    return _summary(folder, manifest)


def _check_fields(connector: Connector, facts: RunContext, snapshot: StagedPath) -> None:
    missing = fields_not_asked(connector, facts.fields)
    if missing:
        raise RunDateError(
            f"The snapshot {snapshot.name} was read without asking for {', '.join(missing)}, which the "
            "connector file needs by now. Leave this run, or bring back the connector file of that time and "
            "clear it."
        )


def _present(snapshot: StagedPath) -> Any:
    if not snapshot.exists():
        raise StagingError(f"The snapshot {snapshot.name} is not in the staging area.")
    return local_copy(snapshot)


def _stop_without_ids(connector: Connector, tally: RecordCounts) -> None:
    if connector.identity.on_missing == "fail" and tally.learners_missing_id:
        raise GuardError(
            f"{tally.learners_missing_id} of {tally.learners} learners have no employee ID and "
            "identity.on_missing is fail. Nothing was sent. Ask the identity team for the SAML attribute, "
            "or choose set_aside."
        )


def _summary(folder: StagedPath, manifest: dict[str, Any]) -> dict[str, Any]:
    kept = ("file", "bytes", "sha256", "learners", "records", "status", "warnings", "as_of", "provenance")
    summary = {key: manifest[key] for key in kept}
    return {
        **summary,
        **_staged(folder, "manifest", "manifest.json"),
        **_staged(folder, "rows", "rows.parquet"),
    }


def _staged(folder: StagedPath, name: str, file: str) -> dict[str, str]:
    """Return a staged file's address and checksum, nothing for one that this run does not have."""
    if not (folder / file).exists():
        return {}
    with local_copy(folder / file) as copy:
        return {name: str(folder / file), f"{name}_sha256": sha256_of(copy)}


def _look_back(
    judging: FirstPass, earlier: EarlierSnapshotRef | None
) -> tuple[AsOfRules | None, dict[str, Any]]:
    """Return for a past date its rules, with what the nearest earlier snapshot said, and words on them."""
    if not judging.reconstructed:
        return None, {}
    before = None
    if earlier and fields_not_asked(judging.connector, earlier.fields):
        judging.warnings["earlier_snapshot_not_comparable"] += 1
    elif earlier:
        before = EarlierSnapshot(earlier.read_at, judging.courses, judging.primary)
        with _present(earlier.snapshot) as path:
            check_sha256(path, earlier.sha256, f"The snapshot {earlier.snapshot.name}")
            before.read(path, judging.connector, judging.rules)
    used = before and earlier and {"file": earlier.snapshot.name, "sha256": earlier.sha256}
    words = {"earlier_snapshot": used, "assumptions": list(ASSUMPTIONS)}
    return AsOfRules(judging.facts.as_of, judging.primary, before), words


def _seen(keys: list[str], judging: FirstPass, tally: RecordCounts) -> dict[str, Any]:
    """Return what a check tells of the source."""
    return {"keys": keys, "courses": judging.courses.slugs, "learners_without_id": tally.learners_missing_id}


def _about(connector: Connector, facts: RunContext) -> dict[str, Any]:
    """Return what the manifest says of the run itself."""
    return {
        "connector": connector.name,
        "connector_sha256": facts.connector_sha256,
        "package_version": __version__,
        "run_id": facts.run_id,
        "triggered_by": facts.triggered_by,
        "params": facts.params,
        "logical_date": iso(facts.logical_date),
        "as_of": iso(facts.as_of),
        "extracted_at": iso(facts.extracted_at),
        "provenance": facts.provenance,
        "fields": facts.fields,
        "profile": connector.lms.profile,
        "profile_sha256": connector.lms.profile_sha256,
    }


def _numbers(judging: FirstPass, tally: RecordCounts) -> dict[str, Any]:
    """Return what became of the records, and what was remarkable."""
    judging.warnings["source_looks_stale"] += judging.looks_stale()
    return {
        "learners": tally.learners,
        "records": tally.records(),
        "warnings": {name: count for name, count in sorted(judging.warnings.items()) if count},
        "status": {name: tally.status[name] for name in ("completed", "in_progress", "not_started")},
    }

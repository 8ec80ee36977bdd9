"""manifest.json: what a run is made from, and its numbers; `transform` writes it, `load` completes it.

Instants are texts such as 2026-11-23T05:15:02Z. A field that is UNSET is absent from the file.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from include.codebashing_lms.staging.checksums import sha256_of
from include.codebashing_lms.staging.files import StagedPath, local_copy, write_json
from include.codebashing_lms.staging.layout import MANIFEST, ROWS
from include.codebashing_lms.transform.lms_file.file_part import FilePart

Counts = dict[str, int]


class RecordNumbers(Struct, frozen=True):
    """Records by what becomes of them: read = emitted + withheld + set_aside + merged.

    :param withheld: by reason, as `set_aside`.
    """

    read: int
    emitted: int
    withheld: Counts
    set_aside: Counts
    merged: int


class LearnerNumbers(Struct, frozen=True):
    """Learners by what becomes of their records, by reason; one learner may be in several."""

    emitted: int
    withheld: Counts
    set_aside: Counts
    merged: Counts


class Statistics(Struct, frozen=True):
    """What the pictures on the page show.

    :param courses: for each course how many learners have not begun, have begun, have finished.
    :param bands: records at 0 %, in each of ten bands of ten percent, at 100 %.
    :param without_id: learners without an employee ID by the day of their last activity, "" for none.
    """

    learners: LearnerNumbers = msgspec.field(default_factory=lambda: LearnerNumbers(0, {}, {}, {}))
    courses: dict[str, list[int]] = {}
    bands: list[int] = []
    with_id: int = 0
    without_id: Counts = {}

    @property
    def counted(self) -> bool:
        """Return whether the manifest has statistics."""
        return bool(self.bands)


class SnapshotFile(Struct, frozen=True):
    """A snapshot that the run is made from; without an archive its checksum is not known."""

    file: str
    sha256: str | None


class GuardResults(Struct, frozen=True):
    """A sentence for each guard that is crossed, and the guards that a person skips."""

    crossed: dict[str, str]
    skipped: list[str]


class SourceCheck(Struct, frozen=True):
    """What a check finds in the source."""

    keys: list[str]
    courses: list[str]
    learners_without_id: int


class TransformNumbers(Struct, frozen=True):
    """The numbers of transform, before load leaves out what the LMS knows.

    :param status: emitted records by status.
    """

    records: RecordNumbers
    warnings: Counts
    status: Counts


class CourseGrowth(Struct, frozen=True):
    """A course that gained lessons, and how many learners had finished it before."""

    course: str
    lessons_were: int
    lessons_are: int
    learners: int


class Manifest(Struct, frozen=True, kw_only=True):
    """The manifest of a run, in the order of the file.

    :param fields: keys that the source was asked for, None for all.
    :param file: the first of `parts`, as `bytes` and `sha256`.
    :param refused: rows that the LMS refused, once it has answered; `known_refusals` of them as before.
    """

    connector: str
    connector_sha256: str
    package_version: str
    run_id: str | None
    triggered_by: str | None
    params: dict[str, Any]
    logical_date: str
    as_of: str
    extracted_at: str
    provenance: str
    fields: list[str] | None
    profile: str
    profile_sha256: str
    lists_sha256: dict[str, str]
    earlier_snapshot: SnapshotFile | None | UnsetType = UNSET
    assumptions: list[str] | UnsetType = UNSET
    file: str
    bytes: int
    sha256: str
    parts: list[FilePart]
    learners: int
    records: RecordNumbers
    warnings: Counts
    status: Counts
    statistics: Statistics = msgspec.field(name="figures", default_factory=Statistics)
    snapshot: SnapshotFile
    guards: GuardResults
    seen: SourceCheck | UnsetType = UNSET
    transformed: TransformNumbers | UnsetType = UNSET
    course_growth: list[CourseGrowth] | UnsetType = UNSET
    to_correct: int | UnsetType = UNSET
    refused: int | UnsetType = UNSET
    known_refusals: int | UnsetType = UNSET
    refusals_unmatched: int | UnsetType = UNSET

    @property
    def sendable_status(self) -> Counts:
        """Return by status the records that the LMS may be sent, whether it knows them or not."""
        return (self.transformed or self).status

    def learners_set_aside(self) -> Counts:
        """Return learners by the reason why they are set aside; records where no learners were counted."""
        learners = self.statistics.learners.set_aside
        return {name: learners.get(name, count) for name, count in self.records.set_aside.items() if count}


def read_manifest(folder: StagedPath) -> Manifest:
    """Return the manifest in a run's folder.

    :raises ValueError: the file holds no manifest.
    """
    with local_copy(folder / MANIFEST) as copy:
        content = copy.read_bytes()
    try:
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise ValueError(f"{MANIFEST} of the run {folder.name} is no manifest: {error}") from None


def write_manifest(folder: StagedPath, manifest: Manifest) -> None:
    """Stage the manifest in its run's folder."""
    write_json(folder / MANIFEST, msgspec.to_builtins(manifest))


def task_summary(folder: StagedPath, manifest: Manifest) -> dict[str, Any]:
    """Return what the next task gets: a few numbers, and address and checksum of each file that it reads."""
    names = ("file", "bytes", "sha256", "learners", "records", "status", "warnings", "as_of", "provenance")
    summary = {name: msgspec.to_builtins(getattr(manifest, name)) for name in names}
    for name, file in (("manifest", MANIFEST), ("rows", ROWS)):
        if (folder / file).exists():
            with local_copy(folder / file) as copy:
                summary |= {name: str(folder / file), f"{name}_sha256": sha256_of(copy)}
    return summary

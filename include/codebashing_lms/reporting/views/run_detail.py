"""Everything about one run: what was read, what became of every record, what the LMS was told and says."""

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from include.codebashing_lms.config.connector import GUARD_WORDS
from include.codebashing_lms.load.receipt import Receipt
from include.codebashing_lms.reporting.views import runs as rows_told
from include.codebashing_lms.reporting.views.charts import bar
from include.codebashing_lms.reporting.views.run_status import RunStatus, status_of
from include.codebashing_lms.reporting.views.runs import Run
from include.codebashing_lms.reporting.wording import WARNINGS, humanize, nothing_to_send, reason
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.staging.layout import REFUSED_LIST, SET_ASIDE, TO_CORRECT
from include.codebashing_lms.transform.manifest import CourseGrowth
from include.codebashing_lms.transform.records.dispositions import Disposition

TOLD, NOTHING, ASIDE, MERGED = "told", "nothing", "aside", "merged"
PLACES = {
    TOLD: "in the file",
    NOTHING: "nothing to send",
    ASIDE: "set aside",
    MERGED: "told by a better record",
}
LISTS = {
    SET_ASIDE: "Learners set aside",
    REFUSED_LIST: "Rows the LMS refused",
    TO_CORRECT: "Rows to correct in the LMS",
}


@dataclass(frozen=True)
class Part:
    """A part of the sum: how many records ended in one place for one reason; learners where counted."""

    place: str
    words: str
    records: int
    learners: int | None


@dataclass(frozen=True)
class Guard:
    """A guard that spoke up, and whether somebody let it pass."""

    name: str
    words: str
    finding: str
    skipped: bool


@dataclass(frozen=True)
class Download:
    """A file of the run that people may fetch."""

    name: str
    label: str


@dataclass(frozen=True)
class RunDetail:
    """What the view of a run shows."""

    run: Run
    status: RunStatus
    learners: int
    read: int
    parts: tuple[Part, ...]
    sum: Markup
    sums: tuple[tuple[str, str, int], ...]
    warnings: tuple[tuple[str, int], ...]
    guards: tuple[Guard, ...]
    growth: tuple[CourseGrowth, ...]
    news: int
    refused: int
    downloads: tuple[Download, ...]

    @property
    def receipt(self) -> Receipt | None:
        """Return what was sent where, None where nothing was sent."""
        return self.run.receipt


def run_detail(run: Run) -> RunDetail:
    """Return what there is to say about a run."""
    manifest = run.manifest
    parts = tuple(_parts(run))
    sums = tuple(
        (place, PLACES[place], sum(one.records for one in parts if one.place == place)) for place in PLACES
    )
    return RunDetail(
        run=run,
        status=status_of(run),
        learners=manifest.learners,
        read=manifest.records.read,
        parts=parts,
        sum=bar([(place, count) for place, _, count in sums]),
        sums=sums,
        warnings=tuple(
            (WARNINGS.get(name, humanize(name)), count) for name, count in manifest.warnings.items()
        ),
        guards=tuple(_guards(run)),
        growth=tuple(manifest.course_growth or ()),
        news=rows_told.changed_rows(run),
        refused=rows_told.refused(run),
        downloads=tuple(_downloads(run)),
    )


def _parts(run: Run) -> Iterator[Part]:
    records, transformed, statistics = run.manifest.records, run.manifest.transformed, run.manifest.statistics
    same = not transformed or records.emitted == transformed.records.emitted
    learners = statistics.learners
    yield Part(
        TOLD,
        Disposition.EMITTED.meaning.short,
        records.emitted,
        learners.emitted if statistics.counted and same else None,
    )
    for name, count in records.withheld.items():
        yield Part(NOTHING, nothing_to_send(name), count, learners.withheld.get(name))
    for name, count in records.set_aside.items():
        yield Part(ASIDE, reason(name).short, count, learners.set_aside.get(name))
    if records.merged:
        known = learners.merged.get(Disposition.DUPLICATE.reason)
        yield Part(MERGED, Disposition.DUPLICATE.meaning.short, records.merged, known)


def _guards(run: Run) -> Iterator[Guard]:
    crossed, skipped = run.manifest.guards.crossed, set(run.manifest.guards.skipped)
    for name in [*crossed, *sorted(skipped - set(crossed))]:
        yield Guard(name, GUARD_WORDS.get(name, humanize(name)), crossed.get(name, ""), name in skipped)


def _downloads(run: Run) -> Iterator[Download]:
    """Offer the files that the manifest names, and lists for people, as far as they are there."""
    for part in run.manifest.parts:
        if part.file in run.listed.files:
            yield Download(part.file, "File for the LMS")
    for name, label in LISTS.items():
        empty = name == TO_CORRECT and not run.manifest.to_correct
        if name in run.listed.files and not empty:
            yield Download(name, label)


def download(run: Run, name: str) -> StagedPath | None:
    """Return where a file lies that is offered under a name."""
    found = next((one for one in _downloads(run) if one.name == name), None)
    path: StagedPath | None = run.folder / found.name if found else None
    return path

"""Everything about one run: what was read, what became of every record, what the LMS was told and says."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from include.codebashing_lms.config.connector import GUARD_WORDS
from include.codebashing_lms.reporting.views import runs as rows_told
from include.codebashing_lms.reporting.views.charts import bar
from include.codebashing_lms.reporting.views.run_status import RunStatus, status_of
from include.codebashing_lms.reporting.views.runs import Run
from include.codebashing_lms.reporting.wording import WARNINGS, humanize, nothing_to_send, reason
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.transform.records.dispositions import Disposition

TOLD, NOTHING, ASIDE, MERGED = "told", "nothing", "aside", "merged"
PLACES = {
    TOLD: "in the file",
    NOTHING: "nothing to send",
    ASIDE: "set aside",
    MERGED: "told by a better record",
}
LISTS = {
    "set_aside.csv": "Learners set aside",
    "refused.csv": "Rows the LMS refused",
    "to_correct.csv": "Rows to correct in the LMS",
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
    growth: tuple[dict[str, Any], ...]
    news: int
    refused: int
    downloads: tuple[Download, ...]

    @property
    def receipt(self) -> dict[str, Any]:
        """Return what was sent where, empty where nothing was."""
        return self.run.receipt or {}


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
        learners=manifest["learners"],
        read=manifest["records"]["read"],
        parts=parts,
        sum=bar([(place, count) for place, _, count in sums]),
        sums=sums,
        warnings=tuple(
            (WARNINGS.get(name, humanize(name)), count) for name, count in manifest["warnings"].items()
        ),
        guards=tuple(_guards(run)),
        growth=tuple(manifest.get("course_growth") or ()),
        news=rows_told.changed_rows(run),
        refused=rows_told.refused(run),
        downloads=tuple(_downloads(run)),
    )


def _parts(run: Run) -> Iterator[Part]:
    records, learners = run.manifest["records"], run.figures.get("learners") or {}
    transformed = (run.manifest.get("transformed") or {}).get("records") or records
    same = records["emitted"] == transformed["emitted"]
    yield Part(
        TOLD, Disposition.EMITTED.meaning.short, records["emitted"], learners.get("emitted") if same else None
    )
    for name, count in records["withheld"].items():
        known = (learners.get("withheld") or {}).get(name)
        yield Part(NOTHING, nothing_to_send(name), count, known)
    for name, count in records["set_aside"].items():
        yield Part(ASIDE, reason(name).short, count, (learners.get("set_aside") or {}).get(name))
    if records["merged"]:
        known = (learners.get("merged") or {}).get(Disposition.DUPLICATE.reason)
        yield Part(MERGED, Disposition.DUPLICATE.meaning.short, records["merged"], known)


def _guards(run: Run) -> Iterator[Guard]:
    guards = run.manifest.get("guards") or {}
    crossed, skipped = guards.get("crossed") or {}, set(guards.get("skipped") or ())
    for name in [*crossed, *sorted(skipped - set(crossed))]:
        yield Guard(name, GUARD_WORDS.get(name, humanize(name)), crossed.get(name, ""), name in skipped)


def _downloads(run: Run) -> Iterator[Download]:
    """Offer the files that the manifest names, and lists for people, as far as they are there."""
    parts = run.manifest.get("parts") or [{"file": run.manifest["file"]}]
    for part in parts:
        if part["file"] in run.listed.files:
            yield Download(part["file"], "File for the LMS")
    for name, label in LISTS.items():
        empty = name == "to_correct.csv" and not run.manifest.get("to_correct")
        if name in run.listed.files and not empty:
            yield Download(name, label)


def download(run: Run, name: str) -> StagedPath | None:
    """Return where a file lies that is offered under a name."""
    found = next((one for one in _downloads(run) if one.name == name), None)
    path: StagedPath | None = run.folder / found.name if found else None
    return path

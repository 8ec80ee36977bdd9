"""Everything about one run: what was read, where every record ended, what the LMS was sent and answered."""

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from include.codebashing_lms.config.connector import GUARD_WORDS
from include.codebashing_lms.load.outcome import new_and_known
from include.codebashing_lms.reporting.views.charts import bar
from include.codebashing_lms.reporting.views.run_status import RunStatus, status_of
from include.codebashing_lms.reporting.views.runs import Run
from include.codebashing_lms.reporting.wording import humanize, nothing_to_send, reason, warning
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.staging.layout import REFUSED_LIST, SET_ASIDE, TO_CORRECT
from include.codebashing_lms.transform.records.dispositions import Disposition, Group

GROUPS = {
    Group.EMITTED: "in the file",
    Group.WITHHELD: "nothing to send",
    Group.SET_ASIDE: "set aside",
    Group.MERGED: "sent by a better record",
}
LISTS = {
    SET_ASIDE: "Learners set aside",
    REFUSED_LIST: "Rows the LMS refused",
    TO_CORRECT: "Rows to correct in the LMS",
}


@dataclass(frozen=True)
class Part:
    """A part of the sum: the records of one group and one reason.

    :param learners: None where learners were not counted.
    """

    group: Group
    words: str
    records: int
    learners: int | None


@dataclass(frozen=True)
class RunDetail:
    """The content of the view of a run.

    :param sum: the bar of the groups; `sums` has group, words and records of each.
    :param refused_before: how many of the refusals are new and how many were known, in words.
    :param guards: words, the sentence of a crossed guard, and whether the guard was skipped.
    :param downloads: the labels of the files that people may download, by name.
    """

    run: Run
    status: RunStatus
    parts: tuple[Part, ...]
    sum: Markup
    sums: tuple[tuple[Group, str, int], ...]
    warnings: tuple[tuple[str, int], ...]
    refused_before: str
    guards: tuple[tuple[str, str, bool], ...]
    downloads: dict[str, str]


def run_detail(run: Run) -> RunDetail:
    """Return the content of the view of a run."""
    parts = tuple(_parts(run))
    sums = tuple(
        (group, words, sum(part.records for part in parts if part.group is group)) for group, words in GROUPS.items()
    )
    return RunDetail(
        run=run,
        status=status_of(run),
        parts=parts,
        sum=bar([(group, count) for group, _, count in sums]),
        sums=sums,
        warnings=tuple((warning(name), count) for name, count in run.manifest.warnings.items()),
        guards=tuple(_guards(run)),
        refused_before=new_and_known(run.refused_rows(), run.known_refusals),
        downloads=_downloads(run),
    )


def _parts(run: Run) -> Iterator[Part]:
    records, transformed, statistics = run.manifest.records, run.manifest.transformed, run.manifest.statistics
    learners = statistics.learners
    same = statistics.counted and (not transformed or records.emitted == transformed.records.emitted)
    known = learners.emitted if same else None
    yield Part(Group.EMITTED, Disposition.EMITTED.meaning.short, records.emitted, known)
    for name, count in records.withheld.items():
        yield Part(Group.WITHHELD, nothing_to_send(name), count, learners.withheld.get(name))
    for name, count in records.set_aside.items():
        yield Part(Group.SET_ASIDE, reason(name).short, count, learners.set_aside.get(name))
    if records.merged:
        known = learners.merged.get(Disposition.DUPLICATE.reason)
        yield Part(Group.MERGED, Disposition.DUPLICATE.meaning.short, records.merged, known)


def _guards(run: Run) -> Iterator[tuple[str, str, bool]]:
    crossed, skipped = run.manifest.guards.crossed, set(run.manifest.guards.skipped)
    for name in [*crossed, *sorted(skipped - set(crossed))]:
        yield GUARD_WORDS.get(name, humanize(name)), crossed.get(name, ""), name in skipped


def _downloads(run: Run) -> dict[str, str]:
    labels = {part.file: "File for the LMS" for part in run.manifest.parts} | LISTS
    if not run.manifest.to_correct:
        del labels[TO_CORRECT]
    return {name: label for name, label in labels.items() if name in run.entry.files}


def download(run: Run, name: str) -> StagedPath | None:
    """Return the path of a file that the view offers under a name."""
    return run.folder / name if name in _downloads(run) else None

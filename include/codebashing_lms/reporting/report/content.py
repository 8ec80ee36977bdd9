"""What the report says, gathered from what a run left in its folder."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.reporting import wording as words
from include.codebashing_lms.reporting.report.completions import Completions, completions_of
from include.codebashing_lms.reporting.report.set_aside import SetAsideGroup, groups_of
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.transform.manifest import Manifest

DROPPED = ("folder", "sftp")


@dataclass(frozen=True)
class RunEnd:
    """How a run ended.

    :param failed: the task that failed, None when all is well.
    :param what: what happened, in a sentence: of the failure, or of what load did.
    :param advice: what to do about the failure.
    :param outcome: load's word for what it did; None when it did not come to that.
    """

    run_id: str
    failed: str | None = None
    what: str = ""
    advice: str = ""
    outcome: str | None = None


@dataclass(frozen=True)
class ReportContent:
    """All that stands in a report.

    :param tone: good, waiting or failed.
    :param status: progress of everybody the LMS may be told of: completed, in_progress, not_started.
    """

    connector: str
    run_id: str
    tone: str
    headline: str
    what: str
    advice: str
    made_at: str
    as_of: str = ""
    provenance: str = ""
    learners: int = 0
    status: dict[str, int] | None = None
    finished: Completions | None = None
    groups: tuple[SetAsideGroup, ...] = ()
    nothing_to_send: tuple[tuple[str, int], ...] = ()
    warnings: tuple[tuple[str, int], ...] = ()

    @property
    def set_aside(self) -> int:
        """Return how many learners need a person."""
        return sum(group.learners for group in self.groups)


def report_content(
    connector: Connector, ended: RunEnd, folder: StagedPath, manifest: Manifest | None, now: datetime
) -> ReportContent:
    """Return what the report of a run says.

    :param manifest: None for a run that failed before it had one; then nobody can be named.
    """
    zone = ZoneInfo(connector.lms.timezone)
    made_at = _in_words(now, zone)
    if manifest is None:
        return ReportContent(
            connector.name, ended.run_id, *_headline(connector, ended, None), made_at=made_at
        )
    finished = completions_of(folder)
    as_of = parse_instant(manifest.as_of)
    return ReportContent(
        connector.name,
        ended.run_id,
        *_headline(connector, ended, finished.told),
        made_at=made_at,
        as_of=_in_words(as_of, zone) if as_of else "",
        provenance=words.PROVENANCE.get(manifest.provenance, manifest.provenance),
        learners=manifest.learners,
        status=manifest.sendable_status,
        finished=finished,
        groups=groups_of(folder, manifest),
        nothing_to_send=_nothing_to_send(manifest),
        warnings=tuple(
            (words.WARNINGS.get(name, words.humanize(name)), count)
            for name, count in manifest.warnings.items()
        ),
    )


def _headline(connector: Connector, ended: RunEnd, told: int | None) -> tuple[str, str, str, str]:
    """Return tone, headline, what happened, and advice."""
    if ended.failed:
        return "failed", "This run did not finish", ended.what, ended.advice
    if ended.outcome == "nothing_to_send":
        return "good", "Nothing to send: the LMS knows everything already", "", ""
    if ended.outcome == "already_delivered":
        return "good", "Nothing to send: the news of this run went out before", ended.what, ""
    if ended.outcome == "delivered":
        learners = words.plural(told or 0, "learner")
        went = (
            "lies ready for the LMS to fetch" if connector.delivery.method in DROPPED else "went to the LMS"
        )
        return "good", f"News about {learners} {went}", ended.what, ""
    return "waiting", "Nothing was sent", ended.what, ""


def _nothing_to_send(manifest: Manifest) -> tuple[tuple[str, int], ...]:
    withheld = manifest.records.withheld.items()
    found = [(words.nothing_to_send(reason), count) for reason, count in withheld]
    return tuple(sorted(found, key=lambda one: -one[1]))


def _in_words(instant: datetime, zone: ZoneInfo) -> str:
    local = instant.astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M} {zone.key}"

"""The content of the report, gathered from the folder of a run."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.load.outcome import OutcomeKind
from include.codebashing_lms.reporting import wording as words
from include.codebashing_lms.reporting.report.completions import Completions, completions_of
from include.codebashing_lms.reporting.report.set_aside import SetAsideGroup, groups_of
from include.codebashing_lms.reporting.run_end import RunEnd
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.transform.manifest import Manifest

DROPPED = ("folder", "sftp")


@dataclass(frozen=True)
class ReportContent:
    """The content of a report.

    :param tone: good, waiting or failed.
    :param manifest: None when the run did not come that far; then the report has no numbers and names.
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
    manifest: Manifest | None = None
    finished: Completions | None = None
    groups: tuple[SetAsideGroup, ...] = ()
    nothing_to_send: tuple[tuple[str, int], ...] = ()
    warnings: tuple[tuple[str, int], ...] = ()


def report_content(connector: Connector, end: RunEnd, folder: StagedPath, now: datetime) -> ReportContent:
    """Return the content of the report of a run.

    :param folder: the folder of the run.
    """
    zone, manifest = connector.lms.zone, end.manifest
    made_at = _minute(now, zone)
    if manifest is None:
        return ReportContent(connector.name, end.run_id, *_headline(connector, end, None), made_at=made_at)
    finished = completions_of(folder)
    as_of = parse_instant(manifest.as_of)
    return ReportContent(
        connector.name,
        end.run_id,
        *_headline(connector, end, finished.changed_learners),
        made_at=made_at,
        as_of=_minute(as_of, zone) if as_of else "",
        provenance=words.PROVENANCE.get(manifest.provenance, manifest.provenance),
        manifest=manifest,
        finished=finished,
        groups=groups_of(folder, manifest),
        nothing_to_send=tuple(
            (words.nothing_to_send(reason), count)
            for reason, count in sorted(manifest.records.withheld.items(), key=lambda one: -one[1])
        ),
        warnings=tuple((words.warning(name), count) for name, count in manifest.warnings.items()),
    )


def _headline(connector: Connector, end: RunEnd, learners: int | None) -> tuple[str, str, str, str]:
    """Return tone, headline, what happened, and advice.

    :param learners: learners with new or changed rows in this run.
    """
    if end.failed:
        return "failed", "This run did not finish", end.message, end.advice
    if end.outcome == OutcomeKind.NOTHING_TO_SEND:
        return "good", "Nothing to send: the LMS knows everything already", "", ""
    if end.outcome == OutcomeKind.ALREADY_DELIVERED:
        return "good", "Nothing to send: this run was sent before", end.message, ""
    if end.outcome == OutcomeKind.DELIVERED:
        who = words.plural(learners or 0, "learner")
        dropped = connector.delivery.method in DROPPED
        headline = f"Progress of {who} {'is ready for the LMS to fetch' if dropped else 'went to the LMS'}"
        return "good", headline, end.message, ""
    return "waiting", "Nothing was sent", end.message, ""


def _minute(instant: datetime, zone: ZoneInfo) -> str:
    local = instant.astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M} {zone.key}"

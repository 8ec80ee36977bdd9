"""alerts.json: what the last run looked like, so that a message is about news, and says since when."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields

from include.codebashing_lms.staging.files import StagedPath, read_json, write_json
from include.codebashing_lms.staging.layout import ALERT_STATE
from include.codebashing_lms.transform.manifest import Manifest


@dataclass(frozen=True)
class AlertState:
    """What was known after the last run.

    :param set_aside: learners by the reason why they are set aside.
    :param courses: every course that was ever seen; None before the first run.
    :param last_good: when the last good run ended.
    """

    set_aside: dict[str, int] = field(default_factory=dict)
    courses: list[str] | None = None
    last_good: str | None = None
    failing_since: str | None = None
    failing_runs: int = 0


def read_state(home: StagedPath) -> AlertState:
    """Return what was kept of earlier runs.

    :param home: <staging>/<connector>
    """
    kept: StagedPath = home / ALERT_STATE
    found = read_json(kept) if kept.exists() else {}
    return AlertState(**{one.name: found[one.name] for one in fields(AlertState) if one.name in found})


def write_state(home: StagedPath, memory: AlertState) -> None:
    """Keep it for the next run."""
    write_json(home / ALERT_STATE, asdict(memory))


def after_failure(memory: AlertState, now: str) -> AlertState:
    """Return what is known after a run that failed."""
    kept = asdict(memory)
    since = memory.failing_since or now
    return AlertState(**(kept | {"failing_since": since, "failing_runs": memory.failing_runs + 1}))


def after_success(memory: AlertState, manifest: Manifest, courses: Iterable[str], now: str) -> AlertState:
    """Return what is known after a run that went through."""
    return AlertState(
        manifest.learners_set_aside(), sorted({*(memory.courses or ()), *courses}), last_good=now
    )

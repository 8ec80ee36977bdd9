"""alerts.json: the state after the last run, so that a message is about new findings and has a since."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace

from include.codebashing_lms.staging.files import StagedPath, read_json, write_json
from include.codebashing_lms.staging.layout import ALERT_STATE
from include.codebashing_lms.transform.manifest import Manifest


@dataclass(frozen=True)
class AlertState:
    """The state after a run.

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
    """Return the state after the run before.

    :param home: <staging>/<connector>
    """
    staged: StagedPath = home / ALERT_STATE
    found = read_json(staged) if staged.exists() else {}
    return AlertState(**{one.name: found[one.name] for one in fields(AlertState) if one.name in found})


def write_state(home: StagedPath, state: AlertState) -> None:
    """Keep the state for the next run."""
    write_json(home / ALERT_STATE, asdict(state))


def after_failure(state: AlertState, now: str) -> AlertState:
    """Return the state after a run that failed."""
    return replace(state, failing_since=state.failing_since or now, failing_runs=state.failing_runs + 1)


def after_success(state: AlertState, manifest: Manifest, courses: Iterable[str], now: str) -> AlertState:
    """Return the state after a run that went through."""
    return AlertState(manifest.learners_set_aside(), sorted({*(state.courses or ()), *courses}), last_good=now)

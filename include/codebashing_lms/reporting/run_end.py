"""How a run ended, for the report and for alerts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include.codebashing_lms.load.outcome import OutcomeKind
from include.codebashing_lms.transform.manifest import Manifest

NO_ADVICE = (
    "Not foreseen, see the task's log. Clear the task once the reason is gone; left alone, "
    "the next good run sends everything missed."
)


@dataclass(frozen=True)
class RunEnd:
    """The end of a run.

    :param failed: the task that failed, None when all is well.
    :param failure: its error, origin, retryable, message and advice; None when the task was killed.
    :param manifest: None when the run did not come that far.
    :param outcome: how load ended, with its sentence and the rows that the LMS refused, some of them as
        before; None when it did not.
    """

    connector: str
    run_id: str
    logical_date: datetime
    failed: str | None = None
    failure: dict[str, Any] | None = None
    manifest: Manifest | None = None
    outcome: OutcomeKind | None = None
    sentence: str = ""
    refused: int = 0
    known_refusals: int = 0

    @property
    def message(self) -> str:
        """Return the sentence of the failure, or of load."""
        if self.failed:
            killed = f"The task {self.failed} was killed, was lost, or met something that was not foreseen."
            return str(self.failure["message"]) if self.failure else killed
        return self.sentence

    @property
    def advice(self) -> str:
        """Return what to do about a failure."""
        if not self.failed:
            return ""
        return str(self.failure["advice"]) if self.failure else NO_ADVICE

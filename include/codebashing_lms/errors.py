"""What can go wrong, as types: the class says who has to act, the message says what to do.

CodebashingLmsError
    retryable = False   a person must act, trying again cannot help
    retryable = True    trying again later is the remedy
    origin          where to look: configuration | source | data | staging | destination
    not_delivered   of a delivery: the LMS surely has nothing of the file
    retry_after     of a source or an LMS: seconds that it asked to wait, None where it did not say

Messages carry no secret, no body of an answer and no person's name, address or ID.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class CodebashingLmsError(Exception):
    """Base of all errors of this package; catch it to catch them all."""

    retryable = False
    origin = "configuration"

    def __init__(self, message: str, *, not_delivered: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.not_delivered = not_delivered
        self.retry_after = retry_after
        self._before = self._after = ""

    def add_context(self, before: str = "", after: str = "") -> None:
        """Have the message stand between two texts; the error stays the same in all else."""
        self._before = before + self._before
        self._after += after

    def __str__(self) -> str:
        return f"{self._before}{super().__str__()}{self._after}"

    def notice(self) -> str:
        """Return one line for the person on call: class, message, whether it may wait."""
        remedy = "a later try may succeed" if self.retryable else "needs a person, not retried"
        return (
            f"[{type(self).__name__}, {self.origin}, {remedy}] {self} "
            "Nothing is lost: the next good run sends everything missed."
        )


@contextmanager
def error_context(before: str) -> Iterator[None]:
    """Add to our errors what they are about: an address, a page, a file."""
    try:
        yield
    except CodebashingLmsError as error:
        error.add_context(before)
        raise


class ConnectorError(CodebashingLmsError):
    """The connector file, an Airflow connection or the trigger form holds something unusable."""

    def __init__(self, message: str, *, not_delivered: bool = True) -> None:
        super().__init__(message, not_delivered=not_delivered)


class RunDateError(CodebashingLmsError):
    """The run's logical date is in the future, or cannot be known."""


class SourceError(CodebashingLmsError):
    """Codebashing answered, but not with a snapshot; a person has to look."""

    origin = "source"


class SourceUnavailableError(SourceError):
    """Codebashing did not answer, or not to the end: connection, time-out, 429, 5xx, truncated body."""

    retryable = True


class SnapshotError(CodebashingLmsError):
    """A snapshot is no JSON array of records, or not the one that was staged."""

    origin = "data"


class TruncatedSnapshotError(SnapshotError):
    """A snapshot ends in the middle: the connection broke off on the way."""

    retryable = True


class ShapeError(CodebashingLmsError):
    """A key that is needed is in no record at all: renamed or not sent."""

    origin = "data"


class GuardError(CodebashingLmsError):
    """A guard of the connector file stopped the run before anything was sent."""

    origin = "data"


class StagingError(CodebashingLmsError):
    """A staged file is missing, altered or cannot be written."""

    origin = "staging"


class LedgerConflictError(StagingError):
    """Another run sent the LMS something while this run computed what to send."""

    retryable = True


class DeliveryError(CodebashingLmsError):
    """The LMS refused the delivery; a person has to look."""

    origin = "destination"


class DeliveryUnavailableError(DeliveryError):
    """The LMS could not be reached, or the delivery broke off."""

    retryable = True


class FirstDeliveryError(DeliveryError):
    """A first delivery, or one to a new destination, waits for a person's answer."""


class UnknownJobError(DeliveryError):
    """The LMS does not know an import job that it gave us the ID of."""

"""What can go wrong, as types: the class says whose move it is, the message says what to do.

CodebashingLmsError
    retryable = False   a person must act, trying again cannot help
    retryable = True    trying again later is the remedy
    origin          where to look: configuration | source | data | staging | destination
    nothing_taken   of a delivery: it is certain that the LMS took nothing

Messages carry no secret, no body of an answer and nobody's name, address or ID.
"""


class CodebashingLmsError(Exception):
    """Base of all errors of this package; catch it to catch them all."""

    retryable = False
    origin = "configuration"
    nothing_taken = False

    def notice(self) -> str:
        """Return one line for the person on call: class, message, whether it may wait."""
        whose = "heals by itself when tried again" if self.retryable else "needs a person, not retried"
        return (
            f"[{type(self).__name__}, {self.origin}, {whose}] {self} "
            "Nothing is lost: the next good run sends everything missed."
        )


class ConnectorError(CodebashingLmsError):
    """The connector file, an Airflow connection or the trigger form holds something unusable."""

    nothing_taken = True


class RunDateError(CodebashingLmsError):
    """The run's logical date is in the future, or cannot be told truthfully."""


class SourceError(CodebashingLmsError):
    """Codebashing answered, but not with a snapshot; a person has to look."""

    origin = "source"


class SourceUnavailableError(SourceError):
    """Codebashing did not answer, or not to the end: connection, time-out, 429, 5xx, cut body.

    retry_after = how many seconds it asked to wait, None where it did not say
    """

    retryable = True
    retry_after: float | None = None


class SnapshotError(CodebashingLmsError):
    """A snapshot is no JSON array of records, or not the one that was staged."""

    origin = "data"


class TruncatedSnapshotError(SnapshotError):
    """A snapshot ends in the middle: cut off on the way."""

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
    """Another run told the LMS something while this one decided what to tell it."""

    retryable = True


class DeliveryError(CodebashingLmsError):
    """The LMS refused the delivery; a person has to look."""

    origin = "destination"


class DeliveryUnavailableError(DeliveryError):
    """The LMS could not be reached, or the delivery broke off.

    retry_after = how many seconds it asked to wait, None where it did not say
    """

    retryable = True
    retry_after: float | None = None


class FirstDeliveryError(DeliveryError):
    """A first delivery, or one to a new destination, waits for a word from a person."""


class UnknownJobError(DeliveryError):
    """The LMS does not know an import job that it gave us the ID of."""

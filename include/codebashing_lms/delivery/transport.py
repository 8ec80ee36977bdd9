"""Ways to hand a file to the LMS: `folder`, `sftp`, `http`.

A way sends one parcel and knows where it went. It never says more than it can know: a file that was
dropped may still be refused by the LMS, an import endpoint's 2xx is its own word for it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from include.codebashing_lms.config.delivery import FolderDelivery, SftpDelivery

LONGEST_REASON = 200


@dataclass(frozen=True)
class OutboundFile:
    """One file on its way to the LMS."""

    path: Path
    name: str
    bytes: int
    sha256: str
    idempotency_key: str


@dataclass(frozen=True)
class Refusal:
    """A row that the LMS did not take; it says which by its number in the file, or by learner and course.

    :param reason: the LMS's word for it, cut to LONGEST_REASON characters. It may name people: it goes to
        staged lists only.
    :param row: number of the row in the file, from 0, the header not counted.
    """

    reason: str
    row: int | None = None
    user_key: str | None = None
    course_id: str | None = None


@dataclass(frozen=True)
class SendResult:
    """What is known after a parcel was sent.

    :param sent: False when an earlier try of ours turned out to have sent it.
    :param job: the LMS works on it under this ID, and can be asked about it.
    """

    sent: bool = True
    job: str | None = None
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class JobStatus:
    """What the LMS says of a job.

    :param sentence: the LMS's state in our words, for a receipt and an error.
    """

    state: Literal["working", "done", "failed"]
    refusals: tuple[Refusal, ...] = ()
    sentence: str = ""


class Transport(Protocol):
    """How a file gets to the LMS."""

    @property
    def result(self) -> str:
        """What is known of a file after it was sent, e.g. `dropped as`."""

    def address(self, name: str) -> str:
        """Return where a file of this name goes, without credentials."""

    def send(self, outbound: OutboundFile, resuming: bool) -> SendResult:
        """Send the parcel; an earlier try of ours, now `resuming`, may turn out to have done so."""

    def check(self) -> str:
        """Find out without writing whether a delivery could work; return what was seen as a sentence."""


@runtime_checkable
class SupportsJobs(Transport, Protocol):
    """A way to an LMS that works on a file for a while, and can be asked about it."""

    def job_status(self, job: str) -> JobStatus:
        """Ask how far a job is; UnknownJobError where the LMS does not know it."""


@runtime_checkable
class SupportsPickup(Transport, Protocol):
    """A way to a place where files lie until the LMS fetches them."""

    @property
    def delivery(self) -> "FolderDelivery | SftpDelivery":
        """What the connector file says of it."""

    def probe(self) -> str:
        """Find out more, by writing a file and removing it; return what was seen as a sentence."""

    def exists(self, name: str) -> bool:
        """Tell whether a file of this name lies there, of any content; False where nobody may look."""

    def holds(self, name: str, size: int, sha256: str) -> bool:
        """Tell whether exactly this file lies there; False also where nobody may look."""

    def remaining(self, names: Collection[str]) -> set[str]:
        """Return which of these files still lie there."""

    def remove(self, names: Collection[str]) -> None:
        """Remove files of ours, and their markers."""

    def results(self, names: Collection[str]) -> dict[str, list[bytes]]:
        """Return what the LMS's result files about these files hold, as far as there are any."""


@runtime_checkable
class SupportsJobLookup(SupportsJobs, Protocol):
    """A way to an LMS that can be asked whether it began a job, where its answer was lost."""

    def find_job(self, key: str) -> str | None:
        """Return the job of the parcel with this idempotency key; None where the LMS has none."""


def marker_name(pattern: str, name: str) -> str:
    """Return the name of the marker that tells the LMS that the file of this name is complete."""
    return pattern.replace("{file}", name)

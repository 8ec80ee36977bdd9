"""What a transport is: how a file gets to the LMS, by folder, SFTP, HTTP or an API of its own.

A transport sends one file and knows its address. It claims no more than it can know: the LMS may still refuse
a file that was dropped, and the 2xx of an import endpoint is the endpoint's own claim.
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
    """One file to send.

    :param path: the file on this machine; `name` its name at the LMS.
    :param bytes: its size.
    :param sha256: its checksum, in hex.
    :param idempotency_key: the same for every attempt to send this file of this delivery.
    :param refused_before: at most so many of its rows the LMS refused when they were last sent.
    """

    path: Path
    name: str
    bytes: int
    sha256: str
    idempotency_key: str
    refused_before: int = 0


@dataclass(frozen=True)
class Refusal:
    """A row that the LMS refused, named by its number in the file, or by learner and course.

    :param reason: the LMS's own text, of LONGEST_REASON characters at most. It may name people: it stands in
        staged lists only.
    :param row: number of the row in the file, from 0, without the header.
    """

    reason: str
    row: int | None = None
    user_key: str | None = None
    course_id: str | None = None


@dataclass(frozen=True)
class SendResult:
    """What is known after a file was sent.

    :param sent: False when an earlier attempt of ours turned out to have sent the file.
    :param job: the ID of the LMS's import job, None where the LMS works without jobs.
    """

    sent: bool = True
    job: str | None = None
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class JobStatus:
    """The state of an import job.

    :param sentence: what a person should know of a failed job, for the receipt and the error.
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
        """Return the address of a file of this name, without credentials."""

    def send(self, outbound: OutboundFile, resuming: bool) -> SendResult:
        """Send a file.

        :param resuming: whether an earlier attempt of ours may have sent it; the transport then looks first,
            where the LMS lets it.
        """

    def check(self) -> str:
        """Find out without writing whether a delivery could work; return a sentence about it."""


@runtime_checkable
class SupportsJobs(Transport, Protocol):
    """A transport to an LMS that imports a file in a job, and answers how far the job is."""

    def job_status(self, job: str) -> JobStatus:
        """Ask for the state of a job; UnknownJobError where the LMS does not know it."""


@runtime_checkable
class SupportsPickup(Transport, Protocol):
    """A transport that drops files in a directory, where the LMS picks them up."""

    @property
    def delivery(self) -> "FolderDelivery | SftpDelivery":
        """The section `delivery` of the connector file."""

    def probe(self) -> str:
        """Write a file and remove it; return a sentence about what worked."""

    def exists(self, name: str) -> bool:
        """Return whether a file of this name is there, of any content; False where the login may not look."""

    def holds(self, name: str, size: int, sha256: str) -> bool:
        """Return whether exactly this file is there; False also where the login may not look."""

    def remaining(self, names: Collection[str]) -> set[str]:
        """Return the names of the files that are still there."""

    def remove(self, names: Collection[str]) -> None:
        """Remove files of ours, and their markers."""

    def results(self, names: Collection[str]) -> dict[str, list[bytes]]:
        """Return the contents of the LMS's result files, by the name of our file."""


@runtime_checkable
class SupportsJobLookup(SupportsJobs, Protocol):
    """A transport to an LMS that finds a job by our key, where the answer that named the job was lost."""

    def find_job(self, key: str) -> str | None:
        """Return the job of the file with this idempotency key; None where the LMS has none."""


def marker_name(pattern: str, name: str) -> str:
    """Return the name of the marker file, which says that the file of this name is complete."""
    return pattern.replace("{file}", name)

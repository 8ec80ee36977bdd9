"""Ways to hand a file to the LMS: `folder`, `sftp`, `http`.

A way sends one parcel and knows where it went. It never says more than it can know: a file that was
dropped may still be refused by the LMS, an import endpoint's 2xx is its own word for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from include.codebashing_lms.errors import DeliveryError


@dataclass(frozen=True)
class Parcel:
    """One file on its way to the LMS."""

    path: Path
    name: str
    bytes: int
    sha256: str
    idempotency_key: str


class Way(Protocol):
    """How a file gets to the LMS."""

    @property
    def result(self) -> str:
        """What is known of a file after it was sent, e.g. `dropped as`."""

    def address(self, name: str) -> str:
        """Return where a file of this name goes, without credentials."""

    def deliver(self, parcel: Parcel, resuming: bool) -> bool:
        """Send the parcel; False when an earlier try of ours, now `resuming`, turns out to have done so."""

    def occupied(self, name: str) -> bool:
        """Tell whether a file of this name lies at the LMS, of any content; False where nobody can look."""

    def found(self, name: str, size: int, sha256: str) -> bool:
        """Tell whether exactly this file lies at the LMS; False also where nobody can look."""

    def try_connection(self) -> str:
        """Find out without writing whether a delivery could work; return what was seen as a sentence."""

    def probe(self) -> str:
        """Find out more, by writing a probe where that is harmless; return what was seen as a sentence."""


@contextmanager
def nothing_taken_yet() -> Iterator[None]:
    """Note on errors that the LMS cannot have taken anything by then."""
    try:
        yield
    except DeliveryError as error:
        error.nothing_taken = True
        raise


def done_name(pattern: str, name: str) -> str:
    """Return the name of the marker that tells the LMS that the file of this name is complete."""
    return pattern.replace("{file}", name)

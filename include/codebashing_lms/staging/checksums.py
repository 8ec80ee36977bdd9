"""SHA-256 of staged files: a file that something altered since it was written is not used."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.staging.files import StagedPath, local_copy


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sha256(path: Path, expected: str, what: str) -> None:
    """Raise StagingError where a staged file is not the one that was written."""
    if (found := sha256_of(path)) != expected:
        raise StagingError(
            f"{what} is not the file that was staged: its checksum is {found[:12]}…, not {expected[:12]}…. "
            "Something altered it since. Trigger a new run; it reads the source anew."
        )


@contextmanager
def verified(staged: StagedPath, sha256: str) -> Iterator[Path]:
    """Give a file that transform staged on this machine; raise StagingError where it is gone or altered."""
    if not staged.exists():
        raise StagingError(
            f"{staged} is not there: it was removed, or the workers do not share the staging area. "
            "Nothing was sent. Clear transform and load to build it again."
        )
    with local_copy(staged) as copy:
        if sha256_of(copy) != sha256:
            raise StagingError(
                f"{staged} is not what transform wrote: its checksum differs. Nothing was sent. "
                "Find out who writes there, then clear transform and load to build it again."
            )
        yield copy

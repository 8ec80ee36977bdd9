"""A file to deliver, of any content."""

from pathlib import Path

from include.codebashing_lms.delivery import Parcel
from include.codebashing_lms.staging import sha256_of
from tests.load.staged_run import NAME


def parcel(folder: Path, content: bytes) -> Parcel:
    """Return a file on its way, of any content."""
    path = folder / NAME
    path.write_bytes(content)
    return Parcel(path, NAME, len(content), sha256_of(path), "key")

"""What the manifest says of a written part of the LMS file."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class FilePart(Struct, frozen=True):
    """A written file.

    :param file: its name in the run's folder.
    :param course: the LMS's id of the one course that it is about, where each course has a file.
    """

    file: str
    bytes: int
    sha256: str
    rows: int
    course: str | UnsetType = UNSET


def first_part(parts: list[FilePart]) -> dict[str, Any]:
    """Return what the manifest says of the first part by itself."""
    return {"file": parts[0].file, "bytes": parts[0].bytes, "sha256": parts[0].sha256}

"""A written part of the LMS file, as the manifest describes it."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class FilePart(Struct, frozen=True):
    """A written file.

    :param file: its name in the run's folder.
    :param course: the LMS's id of its course, where each course has a file of its own.
    """

    file: str
    bytes: int
    sha256: str
    rows: int
    course: str | UnsetType = UNSET


def first_part(parts: list[FilePart]) -> dict[str, Any]:
    """Return the fields of the manifest about the first part."""
    return {"file": parts[0].file, "bytes": parts[0].bytes, "sha256": parts[0].sha256}

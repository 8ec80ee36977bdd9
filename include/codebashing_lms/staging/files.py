"""Files that the tasks of a run leave for each other.

A staged path is a `pathlib.Path` or anything shaped like one, such as Airflow's ObjectStoragePath on
`file://` or `s3://`. A file appears whole or not at all, and on a file system only its owner reads it.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from msgspec import ValidationError, convert

from include.codebashing_lms.errors import StagingError
from include.codebashing_lms.staging.exclusive_create import put_new
from include.codebashing_lms.staging.scratch import OLD, temporary_folder

OWNER_ONLY = 0o600

Kind = TypeVar("Kind")


class StagedPath(Protocol):
    """The part of a path's interface that staging needs."""

    @property
    def name(self) -> str:
        """Last part of the path."""

    @property
    def parent(self) -> Any:
        """The folder of the path."""

    def __truediv__(self, key: Any, /) -> Any: ...

    def exists(self) -> bool:
        """Return whether the file or folder is there."""

    def iterdir(self) -> Iterator[Any]:
        """Give the paths in the folder."""

    def unlink(self) -> None:
        """Remove the file."""


def on_disk(path: StagedPath) -> Path | None:
    """Return the path on the file system of this machine, None for an object store."""
    if not hasattr(path, "protocol"):
        return path if isinstance(path, Path) else None
    # in Airflow 3.1 an ObjectStoragePath is a pathlib.Path, too, even on S3
    return Path(path.path) if path.protocol in ("file", "local", "") else None  # type: ignore[attr-defined]


@contextmanager
def atomic_write(target: StagedPath, part_in: StagedPath | None = None) -> Iterator[Path]:
    """Give a local path to write to; publish the file as `target` unless the block fails, else remove it.

    On a file system the unfinished file is in the folder of `target`, or in `part_in`, on the same file
    system.
    """
    final = on_disk(target)
    with _part_of(target, final, part_in) as part:
        yield part
        if final is None:
            target.fs.put_file(str(part), target.path)  # type: ignore[attr-defined]
        else:
            part.chmod(OWNER_ONLY)
            _flush(part)
            part.replace(final)


@contextmanager
def _part_of(target: StagedPath, final: Path | None, part_in: StagedPath | None = None) -> Iterator[Path]:
    """Give an empty local file for what `target` will hold; remove it unless it was renamed."""
    try:
        folder = None
        if final:
            folder = (part_in and on_disk(part_in)) or final.parent
            for needed in (folder, final.parent):
                needed.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:60]}.", suffix=".part", dir=folder)
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise StagingError(
            f"Cannot write {target.name} to the staging area ({os.strerror(error.errno or 0)}). "
            "Check free space and the rights of the Airflow workers there."
        ) from error


@contextmanager
def local_copy(source: StagedPath) -> Iterator[Path]:
    """Give a staged file as a file of the same name on this machine."""
    here = on_disk(source)
    if here is not None:
        yield here
        return
    with temporary_folder() as folder:
        copy = Path(folder) / source.name
        source.fs.get_file(source.path, str(copy))  # type: ignore[attr-defined]
        yield copy


def write_json(target: StagedPath, content: object) -> None:
    """Stage a small JSON document."""
    with atomic_write(target) as part:
        part.write_bytes(_as_json(content))


def _as_json(content: object) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def create_exclusive_json(target: StagedPath, content: object) -> bool:
    """Stage a small JSON document unless the name is taken; return whether it was free."""
    return create_exclusive(target, lambda part: part.write_bytes(_as_json(content)))


def create_exclusive(target: StagedPath, write: Callable[[Path], object]) -> bool:
    """Stage the file that `write` writes, unless the name is taken; return whether it was free.

    Of several writers that create the same name at once exactly one succeeds.
    """
    final = on_disk(target)
    with _part_of(target, final) as part:
        write(part)
        return _link(part, final) if final else put_new(target, part)


def _link(part: Path, final: Path) -> bool:
    """Publish a whole file under a name that must be free: a rename would replace another file."""
    _flush(part)
    try:
        os.link(part, final)
    except FileExistsError:
        return False
    _flush(final.parent)
    return True


def _flush(path: Path) -> None:
    """Let the content of a file, or the names in a folder, survive a power failure."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_json(source: StagedPath) -> Any:
    """Read a staged JSON document."""
    with local_copy(source) as copy:
        return json.loads(copy.read_text(encoding="utf-8"))


def read_struct(source: StagedPath, kind: type[Kind]) -> Kind:
    """Read a staged JSON document of a type; ValueError where it is not one."""
    try:
        return convert(read_json(source), kind)
    except ValidationError as error:  # a ValueError from msgspec 0.21 on only
        raise ValueError(f"{source} is damaged: {error}") from error


def remove_partial_files(folder: StagedPath) -> None:
    """Remove half-written files of a killed task from a folder that only its run writes to."""
    here = on_disk(folder)
    for part in here.glob(".*.part") if here else ():
        part.unlink(missing_ok=True)


def remove_stale_partial_files(folder: StagedPath) -> None:
    """Remove half-written files of killed tasks from a shared folder; a young one may still be written."""
    here = on_disk(folder)
    for part in here.glob(".*.part") if here else ():
        with suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > OLD:
                part.unlink()

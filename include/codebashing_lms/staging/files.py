"""Where the tasks of a run leave files for each other.

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
    """As much of a path as staging needs."""

    @property
    def name(self) -> str:
        """Last part of the path."""

    @property
    def parent(self) -> Any:
        """The folder it lies in."""

    def __truediv__(self, key: Any, /) -> Any: ...

    def exists(self) -> bool:
        """Tell whether it is there."""

    def iterdir(self) -> Iterator[Any]:
        """Give what lies in it."""

    def unlink(self) -> None:
        """Remove it."""


def on_disk(path: StagedPath) -> Path | None:
    """Return the path on this machine's file system, None for an object store."""
    if not hasattr(path, "protocol"):
        return path if isinstance(path, Path) else None
    # in Airflow 3.1 an ObjectStoragePath is a pathlib.Path, too, even one on S3
    return Path(path.path) if path.protocol in ("file", "local", "") else None  # type: ignore[attr-defined]


@contextmanager
def atomic_write(target: StagedPath, part_in: StagedPath | None = None) -> Iterator[Path]:
    """Give a local path to write to; publish it as `target` when the block ends well, else remove it.

    On a file system the unfinished file lies beside `target`, or in `part_in` on the same file system.
    """
    final = on_disk(target)
    try:
        if final is None:
            part = Path(_temporary(None, target.name))
        else:
            beside = (part_in and on_disk(part_in)) or final.parent
            for folder in (beside, final.parent):
                folder.mkdir(parents=True, exist_ok=True)
            part = Path(_temporary(beside, target.name))
        try:
            yield part
            _publish(part, target, final)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(target, error) from error


def _cannot_write(target: StagedPath, error: OSError) -> StagingError:
    return StagingError(
        f"Cannot write {target.name} to the staging area ({os.strerror(error.errno or 0)}). "
        "Check free space and the rights of the Airflow workers there."
    )


def _temporary(folder: Path | None, name: str) -> str:
    handle, path = tempfile.mkstemp(prefix=f".{name[:60]}.", suffix=".part", dir=folder)
    os.close(handle)
    return path


def _publish(part: Path, target: StagedPath, final: Path | None) -> None:
    if final is None:
        target.fs.put_file(str(part), target.path)  # type: ignore[attr-defined]
        return
    part.chmod(OWNER_ONLY)
    _flush(part)
    part.replace(final)


@contextmanager
def local_copy(source: StagedPath) -> Iterator[Path]:
    """Give the staged file as a file of the same name on this machine."""
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
    """Stage a small JSON document unless one is there already; tell whether it is this one."""
    return create_exclusive(target, lambda part: part.write_bytes(_as_json(content)))


def create_exclusive(target: StagedPath, write: Callable[[Path], object]) -> bool:
    """Stage what `write` writes, unless the name is taken; tell whether it is this one.

    Of several that create the same name at once exactly one succeeds.
    """
    final = on_disk(target)
    try:
        if final is not None:
            final.parent.mkdir(parents=True, exist_ok=True)
        part = Path(_temporary(final.parent if final else None, target.name))
        try:
            write(part)
            return _link(part, final) if final else put_new(target, part)
        finally:
            part.unlink()
    except OSError as error:
        raise _cannot_write(target, error) from error


def _link(part: Path, final: Path) -> bool:
    """Publish a whole file under a name that must be free: a rename would replace what is there."""
    _flush(part)
    try:
        os.link(part, final)
    except FileExistsError:
        return False
    _flush(final.parent)
    return True


def _flush(path: Path) -> None:
    """Have a file's content, or a folder's names, survive a power failure."""
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
    """Remove what a killed task left half-written in a folder that only its run writes to."""
    here = on_disk(folder)
    for part in here.glob(".*.part") if here else ():
        part.unlink(missing_ok=True)


def remove_stale_partial_files(folder: StagedPath) -> None:
    """Remove what killed tasks left half-written in a shared folder; what is young may be in the making."""
    here = on_disk(folder)
    for part in here.glob(".*.part") if here else ():
        with suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > OLD:
                part.unlink()

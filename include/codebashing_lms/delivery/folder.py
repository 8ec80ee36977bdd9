"""Delivery to a folder of this machine, or to a share mounted there."""

import errno
import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from include.codebashing_lms.config.delivery import FolderDelivery
from include.codebashing_lms.delivery.results import LARGEST_RESULT, results_about, results_error, with_markers
from include.codebashing_lms.delivery.transport import OutboundFile, SendResult, marker_name
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError
from include.codebashing_lms.staging.checksums import sha256_of

PERMANENT = {
    errno.ENOENT: "does not exist on this worker. Create or mount it, or correct {section}.directory.",
    errno.ENOTDIR: "is no folder. Correct {section}.directory.",
    errno.EACCES: "may not be written by the Airflow worker's user. Grant it that right.",
    errno.EPERM: "may not be written by the Airflow worker's user. Grant it that right.",
    errno.EROFS: "is mounted read-only. Mount it writable, or correct {section}.directory.",
    errno.ENAMETOOLONG: "does not take so long a file name. Shorten lms.options.file_name.",
}
RETRYABLE = {
    errno.ENOSPC: "is on a full disk. Free space there.",
    errno.EDQUOT: "is over the worker user's disk quota. Free space there or raise the quota.",
}


@dataclass(frozen=True)
class FolderTransport:
    """Files in a folder, where the LMS picks them up.

    :param section: the section of the connector file that holds `directory`, for messages.
    """

    delivery: FolderDelivery
    section: str = "delivery"
    result = "dropped as"

    @property
    def folder(self) -> Path:
        """Return the folder."""
        return Path(self.delivery.directory)

    def address(self, name: str) -> str:
        """Return the file's path."""
        return str(self.folder / name)

    def send(self, outbound: OutboundFile, resuming: bool) -> SendResult:
        """Put the file there under a hidden name and rename it; the marker comes last."""
        in_place = resuming and self.holds(outbound.name, outbound.bytes, outbound.sha256)
        if not in_place:
            with self._translate_errors(not_delivered=True):
                _copy(outbound.path, self.folder / outbound.name)
        with self._translate_errors():
            if self.delivery.done_file:
                (self.folder / marker_name(self.delivery.done_file, outbound.name)).touch()
        return SendResult(sent=not in_place)

    def exists(self, name: str) -> bool:
        """Return whether the folder has a file of this name."""
        with self._translate_errors():
            return (self.folder / name).exists()

    def holds(self, name: str, size: int, sha256: str) -> bool:
        """Return whether the folder has exactly this file."""
        with self._translate_errors():
            target = self.folder / name
            return target.is_file() and target.stat().st_size == size and sha256_of(target) == sha256

    def remaining(self, names: Collection[str]) -> set[str]:
        """Return the names of the files that the folder still has."""
        with self._translate_errors():
            self.folder.stat()  # a folder that is gone does not mean that files were picked up
            return {name for name in names if (self.folder / name).exists()}

    def remove(self, names: Collection[str]) -> None:
        """Remove files of ours, and their markers."""
        with self._translate_errors():
            for name in with_markers(names, self.delivery.done_file):
                (self.folder / name).unlink(missing_ok=True)

    def results(self, names: Collection[str]) -> dict[str, list[bytes]]:
        """Return the contents of the LMS's result files, by the name of our file."""
        results = self.delivery.results
        if not results:
            return {}
        folder = Path(results.directory or self.delivery.directory)
        try:
            present = [path.name for path in folder.iterdir()]
            return results_about(names, results.name, present, lambda name: _read(folder / name))
        except OSError as error:
            raise results_error(str(folder), os.strerror(error.errno or 0)) from error

    def check(self) -> str:
        """Look whether the folder is there and writable."""
        with self._translate_errors():
            # stat raises the right error, and needs no right to list the folder.
            (self.folder / "..").stat()
            if not os.access(self.folder, os.W_OK | os.X_OK, effective_ids=True):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return f"The folder {self.folder} is there and may be written; nothing was written."

    def probe(self) -> str:
        """Write, rename and delete a file there."""
        with self._translate_errors():
            probe = self.folder / f".codebashing_lms_probe_{uuid.uuid4().hex}"
            renamed = probe.with_name(f"{probe.name}.renamed")
            try:
                probe.touch()
                probe.rename(renamed)
            finally:
                probe.unlink(missing_ok=True)
                renamed.unlink(missing_ok=True)
        return f"In the folder {self.folder} a hidden file could be written, renamed and deleted."

    @contextmanager
    def _translate_errors(self, not_delivered: bool = False) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            code = error.errno or 0
            if code in PERMANENT:
                kind, advice = DeliveryError, PERMANENT[code].format(section=self.section)
            else:
                kind = DeliveryUnavailableError
                advice = RETRYABLE.get(code, f"could not be written ({os.strerror(code)}).")
            raise kind(f"The {self.section} folder {self.folder} {advice}", not_delivered=not_delivered) from error


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        with source.open("rb") as staged, part.open("xb") as file:
            shutil.copyfileobj(staged, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_RESULT)

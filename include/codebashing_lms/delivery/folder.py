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
from include.codebashing_lms.delivery.results import LARGEST_RESULT, no_results, results_about, with_markers
from include.codebashing_lms.delivery.transport import (
    OutboundFile,
    SendResult,
    marker_name,
    not_delivered_on_error,
)
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError
from include.codebashing_lms.staging.checksums import sha256_of

PERMANENT = {
    errno.ENOENT: "does not exist on this worker. Create or mount it, or correct delivery.directory.",
    errno.ENOTDIR: "is no folder. Correct delivery.directory.",
    errno.EACCES: "may not be written by the Airflow worker's user. Grant it that right.",
    errno.EPERM: "may not be written by the Airflow worker's user. Grant it that right.",
    errno.EROFS: "is mounted read-only. Mount it writable, or correct delivery.directory.",
    errno.ENAMETOOLONG: "does not take so long a file name. Shorten lms.options.file_name.",
}
RETRYABLE = {
    errno.ENOSPC: "is on a full disk. Free space there.",
    errno.EDQUOT: "is over the worker user's disk quota. Free space there or raise the quota.",
}


@dataclass(frozen=True)
class FolderTransport:
    """Files that lie in a folder for the LMS to fetch."""

    delivery: FolderDelivery
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
            with not_delivered_on_error(), self._explained():
                _copy(outbound.path, self.folder / outbound.name)
        with self._explained():
            if self.delivery.done_file:
                (self.folder / marker_name(self.delivery.done_file, outbound.name)).touch()
        return SendResult(sent=not in_place)

    def exists(self, name: str) -> bool:
        """Tell whether a file of this name still lies in the folder."""
        with self._explained():
            return (self.folder / name).exists()

    def holds(self, name: str, size: int, sha256: str) -> bool:
        """Tell whether exactly this file still lies in the folder."""
        with self._explained():
            target = self.folder / name
            return target.is_file() and target.stat().st_size == size and sha256_of(target) == sha256

    def remaining(self, names: Collection[str]) -> set[str]:
        """Return which of these files still lie in the folder."""
        with self._explained():
            self.folder.stat()  # of a folder that is gone nothing was picked up
            return {name for name in names if (self.folder / name).exists()}

    def remove(self, names: Collection[str]) -> None:
        """Remove files of ours, and their markers."""
        with self._explained():
            for name in with_markers(names, self.delivery.done_file):
                (self.folder / name).unlink(missing_ok=True)

    def results(self, names: Collection[str]) -> dict[str, list[bytes]]:
        """Return what the LMS's result files about these files hold."""
        results = self.delivery.results
        if not results:
            return {}
        folder = Path(results.directory or self.delivery.directory)
        try:
            found = results_about(names, results.name, [one.name for one in folder.iterdir()])
            return {name: [_read(folder / one) for one in those] for name, those in found.items()}
        except OSError as error:
            raise no_results(str(folder), os.strerror(error.errno or 0)) from error

    def check(self) -> str:
        """Look whether the folder is there and writable."""
        with self._explained():
            # Raises what is wrong with the folder, without needing the right to list it.
            (self.folder / "..").stat()
            if not os.access(self.folder, os.W_OK | os.X_OK, effective_ids=True):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return f"The folder {self.folder} is there and may be written; nothing was written."

    def probe(self) -> str:
        """Write, rename and delete a file there."""
        with self._explained():
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
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            code = error.errno or 0
            where = f"The delivery folder {self.folder}"
            if code in PERMANENT:
                raise DeliveryError(f"{where} {PERMANENT[code]}") from error
            advice = RETRYABLE.get(code, f"could not be written ({os.strerror(code)}).")
            raise DeliveryUnavailableError(f"{where} {advice}") from error


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

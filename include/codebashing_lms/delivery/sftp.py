"""Delivery to a drop directory on an SFTP server."""

import posixpath
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.codebashing_lms.config.delivery import SftpDelivery
from include.codebashing_lms.connections.model import SftpConnection
from include.codebashing_lms.delivery.results import results_about, results_error, with_markers
from include.codebashing_lms.delivery.sftp_files import exists, holds, read, remove, rename
from include.codebashing_lms.delivery.transport import OutboundFile, SendResult, marker_name
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError

if TYPE_CHECKING:
    from paramiko import SFTPClient

FULL = ("space", "quota", "full")


@dataclass(frozen=True)
class SftpTransport:
    """Files in a directory of an SFTP server, where the LMS picks them up.

    :param section: the section of the connector file that holds `directory`, for messages.
    """

    delivery: SftpDelivery
    connection: SftpConnection
    section: str = "delivery"
    result = "dropped as"

    def address(self, name: str) -> str:
        """Return the file's address, without the login; `~` is the login's home."""
        path = posixpath.normpath(self._path(name))
        home = "" if path.startswith("/") else "/~/"
        return f"sftp://{self.connection.host}:{self.connection.port}{home}{path}"

    def send(self, outbound: OutboundFile, resuming: bool) -> SendResult:
        """Upload under a hidden name, check the size, rename; the marker comes last."""
        with self._session() as sftp:
            path, part = self._path(outbound.name), self._path(f".{outbound.name}{self.delivery.temp_suffix}")
            remove(sftp, part)
            with self._translate_errors("read back a file of", not_delivered=True):
                in_place = resuming and holds(sftp, path, outbound.bytes, outbound.sha256)
            if not in_place:
                self._upload(sftp, outbound, path, part)
            if self.delivery.done_file:
                with self._translate_errors("create the done_file in"):
                    sftp.open(self._path(marker_name(self.delivery.done_file, outbound.name)), "w").close()
        return SendResult(sent=not in_place)

    def exists(self, name: str) -> bool:
        """Return whether the directory has a file of this name; False where the login may not look."""
        with self._session() as sftp, self._translate_errors("look at a file of"):
            try:
                return exists(sftp, self._path(name))
            except PermissionError:
                return False

    def holds(self, name: str, size: int, sha256: str) -> bool:
        """Return whether the directory has exactly this file."""
        with self._session() as sftp:
            return holds(sftp, self._path(name), size, sha256)

    def remaining(self, names: Collection[str]) -> set[str]:
        """Return the names of the files that the directory still has."""
        with self._session() as sftp, self._translate_errors("look at a file of"):
            return {name for name in names if exists(sftp, self._path(name))}

    def remove(self, names: Collection[str]) -> None:
        """Remove files of ours, and their markers."""
        with self._session() as sftp:
            for name in with_markers(names, self.delivery.done_file):
                with self._translate_errors("delete a file in"), suppress(FileNotFoundError):
                    sftp.remove(self._path(name))

    def results(self, names: Collection[str]) -> dict[str, list[bytes]]:
        """Return the contents of the LMS's result files, by the name of our file."""
        results = self.delivery.results
        if not results:
            return {}
        folder = results.directory or self.delivery.directory
        with self._session() as sftp:
            try:
                present = sftp.listdir(folder)
                return results_about(
                    names, results.name, present, lambda name: read(sftp, posixpath.join(folder, name))
                )
            except (FileNotFoundError, PermissionError) as error:
                raise results_error(folder, type(error).__name__) from None
            except OSError:
                raise DeliveryUnavailableError(
                    "The connection was lost while the LMS's results were read. Nothing was sent."
                ) from None

    def check(self) -> str:
        """Log in and look at the directory."""
        with self._session():
            return f"The login works and the directory {self.address('')} is there; nothing was written."

    def probe(self) -> str:
        """Write, rename and delete a file there."""
        with self._session() as sftp:
            probe = self._path(f".codebashing_lms_probe_{uuid.uuid4().hex}")
            renamed = f"{probe}.renamed"
            try:
                with self._translate_errors("create a file in"):
                    sftp.open(probe, "w").close()
                with self._translate_errors("rename a file in"):
                    rename(sftp, probe, renamed)
                with self._translate_errors("delete a file in"):
                    sftp.remove(renamed)
            finally:
                remove(sftp, probe)
                remove(sftp, renamed)
        return f"In {self.address('')} a hidden file could be written, renamed and deleted."

    def _path(self, name: str) -> str:
        return posixpath.join(self.delivery.directory, name)

    @contextmanager
    def _session(self) -> Iterator["SFTPClient"]:
        from include.codebashing_lms.connections.sftp import session

        with session(self.connection, self.delivery.conn_id, self.delivery.deadline) as sftp:
            with self._translate_errors("look into", not_delivered=True):
                sftp.stat(self._path("."))
            yield sftp

    def _upload(self, sftp: "SFTPClient", outbound: OutboundFile, path: str, part: str) -> None:
        try:
            with self._translate_errors("create a file in", not_delivered=True), outbound.path.open("rb") as file:
                sftp.putfo(file, part, confirm=False)
            # putfo does not wait for the answers to single writes: on a full disk only the size shows it.
            with self._translate_errors("look at a file of", not_delivered=True):
                arrived = sftp.stat(part).st_size
            if arrived != outbound.bytes:
                raise self._full(f"Only {arrived} of {outbound.bytes} bytes arrived in", not_delivered=True)
            with self._translate_errors("rename a file in"):
                rename(sftp, part, path)
        finally:
            remove(sftp, part)

    @contextmanager
    def _translate_errors(self, action: str, not_delivered: bool = False) -> Iterator[None]:
        """Say what the server refused; its own text is read, but not repeated."""
        from include.codebashing_lms.connections.sftp import server_of, translate_loss

        with translate_loss(server_of(self.connection), not_delivered):
            try:
                yield
            except OSError as error:
                raise self._error(error, action, not_delivered) from None

    def _error(self, error: OSError, action: str, not_delivered: bool) -> DeliveryError:
        directory, kind = self.address(""), DeliveryError
        if isinstance(error, FileNotFoundError):
            message = (
                f"There is no directory {directory}, or the login may not see it. Create it there, or correct"
                f" {self.section}.directory (a path without leading slash starts at the login's home)."
            )
        elif isinstance(error, PermissionError):
            message = (
                f"The SFTP server does not allow the login to {action} {directory}. "
                "Ask the LMS's administrator for the rights to create, rename and delete files there."
            )
        elif any(hint in str(error).lower() for hint in FULL):
            return self._full(f"The SFTP server could not {action}", not_delivered)
        else:
            kind = DeliveryUnavailableError
            message = f"The SFTP server failed to {action} {directory}, or the connection was lost on the way."
        return kind(message, not_delivered=not_delivered)

    def _full(self, what: str, not_delivered: bool) -> DeliveryUnavailableError:
        return DeliveryUnavailableError(
            f"{what} {self.address('')}: the disk or the quota there seems to be full. "
            "Ask the LMS's administrator to make room. No part of the file was left there.",
            not_delivered=not_delivered,
        )

"""Delivery to a drop directory on an SFTP server."""

import posixpath
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.codebashing_lms.config.delivery import SftpDelivery
from include.codebashing_lms.connections.model import SftpConnection
from include.codebashing_lms.delivery.results import no_results, results_about, with_markers
from include.codebashing_lms.delivery.sftp_files import holds, lies, read, remove, rename
from include.codebashing_lms.delivery.transport import OutboundFile, SendResult, marker_name
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError

if TYPE_CHECKING:
    from paramiko import SFTPClient

FULL = ("space", "quota", "full")


@dataclass(frozen=True)
class SftpTransport:
    """Files that lie in a directory of an SFTP server for the LMS to fetch."""

    delivery: SftpDelivery
    connection: SftpConnection
    result = "dropped as"

    def address(self, name: str) -> str:
        """Return the file's address, without the login; `~` is the login's home."""
        path = posixpath.normpath(self._path(name))
        home = "" if path.startswith("/") else "/~/"
        return f"sftp://{self.connection.host}:{self.connection.port}{home}{path}"

    def send(self, outbound: OutboundFile, resuming: bool) -> SendResult:
        """Upload under a hidden name, check the size, rename; the marker comes last."""
        placed: list[str] = []
        try:
            return self._deliver(outbound, resuming, placed)
        except DeliveryError as error:
            error.nothing_taken = not placed
            raise

    def _deliver(self, outbound: OutboundFile, resuming: bool, placed: list[str]) -> SendResult:
        """Do so; `placed` gets the file's path when from then on it may have its name there."""
        with self._logged_in() as sftp:
            part = self._path(f".{outbound.name}{self.delivery.temp_suffix}")
            remove(sftp, part)
            with self._explained("read back a file of"):
                there = self._path(outbound.name)
                in_place = resuming and holds(sftp, there, outbound.bytes, outbound.sha256)
            if not in_place:
                self._upload(sftp, outbound, part, placed)
            placed.append(there)
            self._mark_done(sftp, outbound.name)
        return SendResult(sent=not in_place)

    def exists(self, name: str) -> bool:
        """Tell whether a file of this name still lies in the directory; False where nobody may look."""
        with self._logged_in() as sftp, self._explained("look at a file of"):
            try:
                return lies(sftp, self._path(name))
            except PermissionError:
                return False

    def holds(self, name: str, size: int, sha256: str) -> bool:
        """Tell whether exactly this file still lies in the directory."""
        with self._logged_in() as sftp:
            return holds(sftp, self._path(name), size, sha256)

    def remaining(self, names: Collection[str]) -> set[str]:
        """Return which of these files still lie in the directory."""
        with self._logged_in() as sftp, self._explained("look at a file of"):
            return {name for name in names if lies(sftp, self._path(name))}

    def remove(self, names: Collection[str]) -> None:
        """Remove files of ours, and their markers."""
        with self._logged_in() as sftp:
            for name in with_markers(names, self.delivery.done_file):
                with self._explained("delete a file in"), suppress(FileNotFoundError):
                    sftp.remove(self._path(name))

    def results(self, names: Collection[str]) -> dict[str, list[bytes]]:
        """Return what the LMS's result files about these files hold."""
        results = self.delivery.results
        if not results:
            return {}
        folder = results.directory or self.delivery.directory
        with self._logged_in() as sftp:
            try:
                found = results_about(names, results.name, sftp.listdir(folder))
                paths = {
                    name: [posixpath.join(folder, one) for one in those] for name, those in found.items()
                }
                return {name: [read(sftp, path) for path in those] for name, those in paths.items()}
            except (FileNotFoundError, PermissionError) as error:
                raise no_results(folder, type(error).__name__) from None
            except OSError:
                raise DeliveryUnavailableError(
                    "The connection was lost while the LMS's results were read. Nothing was sent."
                ) from None

    def check(self) -> str:
        """Log in and look at the directory."""
        with self._logged_in():
            return f"The login works and the directory {self.address('')} is there; nothing was written."

    def probe(self) -> str:
        """Write, rename and delete a file there."""
        with self._logged_in() as sftp:
            probe = self._path(f".codebashing_lms_probe_{uuid.uuid4().hex}")
            renamed = f"{probe}.renamed"
            try:
                with self._explained("create a file in"):
                    sftp.open(probe, "w").close()
                with self._explained("rename a file in"):
                    rename(sftp, probe, renamed)
                with self._explained("delete a file in"):
                    sftp.remove(renamed)
            finally:
                remove(sftp, probe)
                remove(sftp, renamed)
        return f"In {self.address('')} a hidden file could be written, renamed and deleted."

    def _path(self, name: str) -> str:
        return posixpath.join(self.delivery.directory, name)

    @contextmanager
    def _logged_in(self) -> Iterator["SFTPClient"]:
        from include.codebashing_lms.connections.sftp import session

        with session(self.connection, self.delivery.conn_id, self.delivery.deadline) as sftp:
            with self._explained("look into"):
                sftp.stat(self._path("."))
            yield sftp

    def _upload(self, sftp: "SFTPClient", outbound: OutboundFile, part: str, placed: list[str]) -> None:
        try:
            with self._explained("create a file in"), outbound.path.open("rb") as file:
                sftp.putfo(file, part, confirm=False)
            # Answers to single writes are not waited for: on a full disk only the size tells.
            with self._explained("look at a file of"):
                arrived = sftp.stat(part).st_size
            if arrived != outbound.bytes:
                raise self._full(f"Only {arrived} of {outbound.bytes} bytes arrived in")
            placed.append(self._path(outbound.name))
            with self._explained("rename a file in"):
                rename(sftp, part, self._path(outbound.name))
        finally:
            remove(sftp, part)

    def _mark_done(self, sftp: "SFTPClient", name: str) -> None:
        if self.delivery.done_file:
            with self._explained("create the done_file in"):
                sftp.open(self._path(marker_name(self.delivery.done_file, name)), "w").close()

    @contextmanager
    def _explained(self, action: str) -> Iterator[None]:
        """Say what the server refused; its own words are looked at, but not repeated."""
        where = self.address("")
        try:
            yield
        except FileNotFoundError:
            raise DeliveryError(
                f"There is no directory {where}, or the login may not see it. Create it there, or correct "
                "delivery.directory (a path without leading slash starts at the login's home)."
            ) from None
        except PermissionError:
            raise DeliveryError(
                f"The SFTP server does not allow the login to {action} {where}. "
                "Ask the LMS's administrator for the rights to create, rename and delete files there."
            ) from None
        except OSError as error:
            if any(word in str(error).lower() for word in FULL):
                raise self._full(f"The SFTP server could not {action}") from None
            raise DeliveryUnavailableError(
                f"The SFTP server failed to {action} {where}, or the connection was lost on the way."
            ) from None

    def _full(self, what: str) -> DeliveryUnavailableError:
        return DeliveryUnavailableError(
            f"{what} {self.address('')}: the disk or the quota there seems to be full. "
            "Ask the LMS's administrator to make room. No part of the file was left there."
        )

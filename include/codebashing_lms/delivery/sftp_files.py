"""Single files on an SFTP server: rename, remove, compare, read."""

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from include.codebashing_lms.delivery.results import LARGEST_RESULT

if TYPE_CHECKING:
    from paramiko import SFTPClient

BLOCK_BYTES = 32768


def rename(sftp: "SFTPClient", source: str, target: str) -> None:
    """Rename, over an existing file if need be, also where the server lacks OpenSSH's extension."""
    try:
        sftp.posix_rename(source, target)
    except OSError:
        try:
            sftp.rename(source, target)
        except PermissionError:
            raise
        except OSError:
            remove(sftp, target)
            sftp.rename(source, target)


def remove(sftp: "SFTPClient", path: str) -> None:
    """Remove a file, if it is there and may be removed."""
    from paramiko import SSHException

    # On a lost connection the file stays; the next attempt removes it.
    with suppress(OSError, EOFError, SSHException):
        sftp.remove(path)


def holds(sftp: "SFTPClient", path: str, size: int, sha256: str) -> bool:
    """Return whether the server has exactly this file; one of the same size is read back.

    False also where the login may not read, as in a directory for uploads only.
    """
    try:
        if sftp.stat(path).st_size != size:
            return False
        digest = hashlib.sha256()
        with sftp.open(path, "rb") as file:
            file.prefetch(size)
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    except (FileNotFoundError, PermissionError):
        return False
    return digest.hexdigest() == sha256


def exists(sftp: "SFTPClient", path: str) -> bool:
    """Return whether the server has a file; PermissionError where the login may not look."""
    try:
        sftp.stat(path)
    except FileNotFoundError:
        return False
    return True


def read(sftp: "SFTPClient", path: str) -> bytes:
    """Return the content of a result file, up to LARGEST_RESULT bytes."""
    with sftp.open(path, "rb") as file:
        return bytes(file.read(LARGEST_RESULT))

"""Single files on an SFTP server: looked for, read, renamed and removed."""

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from include.codebashing_lms.delivery.results import LARGEST_RESULT

if TYPE_CHECKING:
    from paramiko import SFTPClient

PIECE = 32768


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
    # EOFError is a lost connection: the next try removes what this one could not.
    with suppress(OSError, EOFError):
        sftp.remove(path)


def holds(sftp: "SFTPClient", path: str, size: int, sha256: str) -> bool:
    """Tell whether exactly this file lies there; it is read back, as one of the same size may be another.

    Where nothing may be read back, as in a letter box, nothing can be told: False.
    """
    try:
        if sftp.stat(path).st_size != size:
            return False
        digest = hashlib.sha256()
        with sftp.open(path, "rb") as file:
            file.prefetch(size)
            while piece := file.read(PIECE):
                digest.update(piece)
    except (FileNotFoundError, PermissionError):
        return False
    return digest.hexdigest() == sha256


def lies(sftp: "SFTPClient", path: str) -> bool:
    """Tell whether there is a file; raise PermissionError where nobody may look."""
    try:
        sftp.stat(path)
    except FileNotFoundError:
        return False
    return True


def read(sftp: "SFTPClient", path: str) -> bytes:
    """Return what a result file of the LMS holds, as far as such a file may go."""
    with sftp.open(path, "rb") as file:
        return bytes(file.read(LARGEST_RESULT))

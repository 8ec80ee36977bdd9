"""Temporary space of this machine: folders that are removed after use, or a day after a kill."""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from include.codebashing_lms.errors import StagingError

PREFIX = "codebashing-lms-scratch-"
OLD = 24 * 60 * 60  # seconds
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder in the temporary space of this machine; remove it with all files in it."""
    try:
        with temporary_folder() as folder:
            yield Path(folder)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise StagingError(
            f"The worker's temporary space {tempfile.gettempdir()} is full ({os.strerror(error.errno)}). "
            "Free space there, or let TMPDIR name a larger disk."
        ) from error


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a temporary folder; remove those that killed tasks left, for they hold personal data."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(FileNotFoundError):
            status = left.lstat()
            if status.st_uid == os.geteuid() and time.time() - status.st_mtime > OLD:
                shutil.rmtree(left, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=PREFIX)

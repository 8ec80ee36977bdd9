"""Temporary space of the machine: folders that are removed when they are done with, or a day after a kill."""

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
    """Give a folder in this machine's temporary space; remove it with all that is in it."""
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
    """Make a temporary folder, and remove those that killed tasks left: people are in them."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(FileNotFoundError):
            about = left.lstat()
            if about.st_uid == os.geteuid() and time.time() - about.st_mtime > OLD:
                shutil.rmtree(left, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=PREFIX)

"""A conditional put: creates a file in an object store only if its name is free.

A store that ignores the condition would let two runs overwrite each other; a process tests each store once.
"""

import errno
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from include.codebashing_lms.errors import StagingError

TAKEN = ("PreconditionFailed", "412")
# another writer is creating the same name at this moment
IN_CONFLICT = ("ConditionalRequestConflict", "OperationAborted", "409")
WAITS = (0.1, 0.2, 0.4, 0.8, 1.6)  # seconds

_tested: set[tuple[Any, str]] = set()


def put_new(target: Any, local: Path) -> bool:
    """Put a file into an object store unless its name is taken; return whether it was put."""
    _require_conditional_put(target)
    return _put(target.fs, local, target.path)


def _put(fs: Any, local: Path, path: str) -> bool:
    for wait in WAITS:
        try:
            fs.put_file(str(local), path, mode="create")
        except FileExistsError:
            return False
        except OSError as error:
            if _code(error) in TAKEN:
                return False
            if _code(error) not in IN_CONFLICT:
                raise
            time.sleep(wait)
        else:
            return True
    raise OSError(errno.EBUSY, "others keep writing to the same name")


def _code(error: OSError) -> str | None:
    response = getattr(error.__cause__, "response", None) or {}
    code: str | None = response.get("Error", {}).get("Code")
    return code


def _require_conditional_put(target: Any) -> None:
    bucket = target.path.partition("/")[0]
    if (target.fs, bucket) in _tested:
        return
    if not _creates_once(target.fs, f"{target.parent.path}/.probe-{uuid.uuid4().hex}"):
        raise StagingError(
            f"The object store of the staging area ({bucket}) does not create a file on the condition that "
            "none is there (If-None-Match), so two runs at once could overwrite each other's journal. "
            "Point staging.uri at one that does, such as AWS S3, or at a file system."
        )
    _tested.add((target.fs, bucket))


def _creates_once(fs: Any, path: str) -> bool:
    """Return whether creating a file twice fails; the first may fail, too, where its answer was lost."""
    with tempfile.NamedTemporaryFile() as empty:
        try:
            _, again = (_put(fs, Path(empty.name), path) for _ in range(2))
        except (TypeError, NotImplementedError):
            return False
        except OSError as error:
            if error.errno == errno.ENOSYS:
                return False
            raise
    fs.rm_file(path)
    return not again

"""A file to deliver, of any content."""

from pathlib import Path

from include.codebashing_lms.delivery.transport import OutboundFile
from include.codebashing_lms.staging.checksums import sha256_of
from tests.load.staged_run import NAME


def outbound(folder: Path, content: bytes) -> OutboundFile:
    """Return an outbound file of any content."""
    path = folder / NAME
    path.write_bytes(content)
    return OutboundFile(path, NAME, len(content), sha256_of(path), "key")

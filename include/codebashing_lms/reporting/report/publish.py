"""Where the report goes: a folder, an SFTP server, or any address that the staging area could have, too."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.codebashing_lms.config.delivery import FolderDelivery, SftpDelivery
from include.codebashing_lms.config.lists import PathResolver
from include.codebashing_lms.config.notifications import Report
from include.codebashing_lms.connections.model import SftpConnection
from include.codebashing_lms.delivery.folder import FolderTransport
from include.codebashing_lms.delivery.sftp import SftpTransport
from include.codebashing_lms.delivery.transport import OutboundFile, Transport
from include.codebashing_lms.errors import CodebashingLmsError
from include.codebashing_lms.staging.checksums import sha256_of
from include.codebashing_lms.staging.files import StagedPath, atomic_write, local_copy


def publish(
    report: Report, site: SftpConnection | None, files: list[StagedPath], resolve: PathResolver
) -> None:
    """Put copies of staged files where the connector file wants the report; an older report is replaced.

    :param files: in this order, so that a report never names a list that is not there yet.
    :param site: of report.conn_id.
    """
    with _told_apart():
        for file in files:
            with local_copy(file) as copy:
                if report.uri:
                    _copy(copy, resolve(report.uri) / file.name)
                else:
                    _way(report, site).send(_parcel(copy), resuming=False)


def _copy(source: Path, target: StagedPath) -> None:
    with atomic_write(target) as part:
        shutil.copyfile(source, part)


def _way(report: Report, site: SftpConnection | None) -> Transport:
    directory = report.directory or ""
    if site:
        return SftpTransport(SftpDelivery(directory=directory), site)
    return FolderTransport(FolderDelivery(directory=directory))


def _parcel(file: Path) -> OutboundFile:
    return OutboundFile(file, file.name, file.stat().st_size, sha256_of(file), str(uuid.uuid4()))


@contextmanager
def _told_apart() -> Iterator[None]:
    """Have errors say that it was the report, not the training data, that could not be put down."""
    try:
        yield
    except CodebashingLmsError as error:
        what = str(error).replace("delivery.", "report.").replace("The delivery folder", "The folder")
        raise type(error)(f"The report could not be put down; the run itself is untouched. {what}") from None

"""Publishes the report: to a folder, an SFTP server, or any address that a staging area can have."""

import shutil
import uuid

from include.codebashing_lms.config.delivery import FolderDelivery, SftpDelivery
from include.codebashing_lms.config.lists import PathResolver
from include.codebashing_lms.config.notifications import Report
from include.codebashing_lms.connections.model import SftpConnection
from include.codebashing_lms.delivery.folder import FolderTransport
from include.codebashing_lms.delivery.sftp import SftpTransport
from include.codebashing_lms.delivery.transport import OutboundFile, Transport
from include.codebashing_lms.errors import error_context
from include.codebashing_lms.staging.checksums import sha256_of
from include.codebashing_lms.staging.files import StagedPath, atomic_write, local_copy


def publish(report: Report, connection: SftpConnection | None, files: list[StagedPath], resolve: PathResolver) -> None:
    """Put copies of staged files where the connector file wants the report; an older report is replaced.

    :param files: in this order, so that a report never names a list that is not there yet.
    :param connection: the SFTP connection of report.conn_id, None without one.
    """
    with error_context("The report could not be published; the run itself is unchanged. "):
        for file in files:
            with local_copy(file) as copy:
                if report.uri:
                    with atomic_write(resolve(report.uri) / file.name) as part:
                        shutil.copyfile(copy, part)
                else:
                    size, sha256 = copy.stat().st_size, sha256_of(copy)
                    outbound = OutboundFile(copy, copy.name, size, sha256, str(uuid.uuid4()))
                    _transport(report, connection).send(outbound, resuming=False)


def _transport(report: Report, connection: SftpConnection | None) -> Transport:
    directory = report.directory or ""
    if connection:
        return SftpTransport(SftpDelivery(directory=directory), connection, "report")
    return FolderTransport(FolderDelivery(directory=directory), "report")

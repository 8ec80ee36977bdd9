"""Packing of a file for the LMS: compressed, then encrypted, as the connector file says."""

import gzip
import logging
import shutil
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.codebashing_lms.config.delivery import Delivery, FolderDelivery, HttpDelivery, SftpDelivery
from include.codebashing_lms.config.lists import PathResolver
from include.codebashing_lms.connections.model import SftpConnection
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.staging.files import local_copy
from include.codebashing_lms.staging.scratch import scratch_folder
from include.codebashing_lms.staging.zip_member import timeless_member

if TYPE_CHECKING:
    from include.codebashing_lms.delivery.pgp import Recipient, Signer

log = logging.getLogger(__name__)

SUFFIXES = {"zip": ".zip", "gzip": ".gz"}
BLOCK_BYTES = 1 << 20
LEVEL = 6
SOON = timedelta(days=30)


@dataclass(frozen=True)
class Packing:
    """How a file is packed."""

    compression: str | None = None
    recipient: "Recipient | None" = None
    signer: "Signer | None" = None

    def name(self, plain: str) -> str:
        """Return the name of a packed file."""
        return plain + SUFFIXES.get(self.compression or "", "") + (".pgp" if self.recipient else "")

    @property
    def metadata(self) -> dict[str, str]:
        """Return the packing as a receipt names it; empty for a file that is sent as it is."""
        metadata = {
            "compression": self.compression,
            "encrypted_to": self.recipient and self.recipient.fingerprint,
            "signed_by": self.signer and self.signer.fingerprint,
        }
        return {name: value for name, value in metadata.items() if value}

    @property
    def sentence(self) -> str:
        """Describe the keys in a sentence; blank without encryption."""
        if not self.recipient:
            return ""
        signed = f", and signed with {self.signer.fingerprint}" if self.signer else ""
        to = f"{self.recipient.fingerprint}, which {self.recipient.validity}"
        return f" Files are encrypted to the PGP key {to}{signed}."

    def wrap(self, plain: Path, packed: Path) -> None:
        """Write the packed file."""
        compress = _zip if self.compression == "zip" else _gzip
        if not self.recipient:
            compress(plain, packed)
            return
        from include.codebashing_lms.delivery.pgp import encrypt_and_sign

        with scratch_folder() as scratch:
            inner = plain
            if self.compression:
                inner = scratch / "compressed"
                compress(plain, inner)
            encrypt_and_sign(inner, packed, self.recipient, self.signer)


def packing_of(delivery: Delivery, connection: Any, resolve: PathResolver) -> Packing:
    """Return the packing of a connector's files; ConnectorError where a key cannot be used."""
    if isinstance(delivery, HttpDelivery) or not delivery.pgp:
        return Packing(delivery.compression)
    from include.codebashing_lms.delivery import pgp

    recipient = pgp.recipient(*_public_key(delivery, connection, resolve))
    if recipient.until < datetime.now(UTC) + SOON:
        log.warning("The LMS's PGP key %s: ask for the next one", recipient.validity)
    signer = None
    if isinstance(delivery, SftpDelivery) and delivery.pgp and delivery.pgp.sign:
        where = f"pgp_private_key in the extra of the connection {delivery.conn_id}"
        if not connection.pgp_private_key:
            raise ConnectorError(f"delivery.pgp.sign is on, but there is no {where}.")
        signer = pgp.signer(connection.pgp_private_key, connection.pgp_private_key_passphrase, where)
    return Packing(delivery.compression, recipient, signer)


def _public_key(
    delivery: FolderDelivery | SftpDelivery, connection: SftpConnection | None, resolve: PathResolver
) -> tuple[bytes, str]:
    location = delivery.pgp.key if delivery.pgp else None
    if location:
        try:
            with local_copy(resolve(location)) as copy:
                return Path(copy).read_bytes(), f"delivery.pgp.key, {location},"
        except (OSError, ValueError, ImportError) as error:  # no such file, no such kind of address
            raise ConnectorError(f"delivery.pgp.key: {location} cannot be read ({type(error).__name__}).") from error
    where = f"pgp_public_key in the extra of the connection {getattr(delivery, 'conn_id', '')}"
    if not connection or not connection.pgp_public_key:
        raise ConnectorError(f"delivery.pgp.key is not set, and there is no {where}: one of them must be.")
    return connection.pgp_public_key.encode(errors="replace"), where


def _zip(plain: Path, packed: Path) -> None:
    member = timeless_member(plain.name)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.file_size = plain.stat().st_size  # zipfile needs the size in advance for files beyond 4 GB
    with (
        zipfile.ZipFile(packed, "w", compresslevel=LEVEL) as archive,
        plain.open("rb") as source,
        archive.open(member, "w") as target,
    ):
        shutil.copyfileobj(source, target, BLOCK_BYTES)


def _gzip(plain: Path, packed: Path) -> None:
    with plain.open("rb") as source, packed.open("wb") as file, gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as target:
        shutil.copyfileobj(source, target, BLOCK_BYTES)

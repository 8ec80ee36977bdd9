"""OpenPGP: a file is encrypted to the LMS's public key and, as an option, signed with our private key.

pysequoia encrypts to revoked and expired keys, too, so this module checks them. Its error texts are not
repeated.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from pysequoia import Cert, PySigner, Tsk, encrypt, encrypt_file
from pysequoia.packet import KeyFlags, Packet, PacketPile, SignatureType, Tag

from include.codebashing_lms.delivery.pgp_unflagged import certificate_for, is_unflagged
from include.codebashing_lms.errors import ConnectorError

NEVER = datetime.max.replace(tzinfo=UTC)
ASK = "Ask the LMS's administrator for the present one."
SUBKEYS = (Tag.PublicSubkey, Tag.SecretSubkey)
SECRETS = (Tag.SecretKey, Tag.SecretSubkey)

Component = list[Packet]


@dataclass(frozen=True)
class Recipient:
    """The LMS's public key.

    :param fingerprint: what identifies the key.
    :param cert: what files are encrypted to.
    :param until: the instant at which the key expires; NEVER for a key that does not.
    """

    fingerprint: str
    cert: Cert = field(repr=False)
    until: datetime

    @property
    def validity(self) -> str:
        """Return how long the key can be used, after `which`."""
        return "does not expire" if self.until == NEVER else f"can be used until {self.until:%Y-%m-%d}"


@dataclass(frozen=True)
class Signer:
    """Our private key, ready to sign."""

    fingerprint: str
    signer: PySigner = field(repr=False)


def recipient(key: bytes, where: str) -> Recipient:
    """Return the LMS's public key; ConnectorError says what is wrong with the key that stands `where`."""
    components = _components(key, f"{where} is no OpenPGP public key, or it is truncated.")
    if any(packet.tag in SECRETS for packet in chain(*components)):
        raise ConnectorError(
            f"{where} is a private key, with which anybody could read the files. Only its owner may have it: "
            "remove it, and put the LMS's public key there."
        )
    cert = Cert.from_packets(_without_expired(components))
    fingerprint = cert.fingerprint.upper()
    flags = [(subkey, _flags(subkey)) for subkey in components[1:]]
    ends = [_end(subkey) for subkey, use in flags if use and (use.transport_encryption or use.storage_encryption)]
    until = min(_end_of(cert, where), max(ends, default=NEVER))
    if not ends and is_unflagged(components[0]):
        cert = certificate_for(components[0][0])
    try:
        encrypt(b"", recipients=[cert])
    except RuntimeError:
        raise ConnectorError(
            f"{where} ({fingerprint}) has no part for encryption that is in force and of a "
            f"usual kind: RSA or an elliptic curve. {ASK}"
        ) from None
    return Recipient(fingerprint, cert, until)


def signer(key: str, passphrase: str | None, where: str) -> Signer:
    """Return our private key; ConnectorError says what is wrong with the key that stands `where`."""
    no_key = f"{where} is no OpenPGP private key, or it is truncated: keep its line breaks, as \\n in JSON."
    components = _components(key.encode(errors="replace"), no_key)
    if not any(packet.tag in SECRETS for packet in chain(*components)):
        raise ConnectorError(no_key)
    secret = Tsk.from_packets(_without_expired(components))
    cert = secret.extract_certificate()
    _end_of(cert, where)
    if not any((flags := _flags(one)) and flags.signing for one in components):
        raise ConnectorError(f"{where} is not for signing. Make a key that is, and give its public half to the LMS.")
    try:
        return Signer(cert.fingerprint.upper(), secret.signer(passphrase))
    except (RuntimeError, UnicodeError):
        wrong = "is wrong" if passphrase else "is missing"
        raise ConnectorError(
            f"{where} cannot be used: pgp_private_key_passphrase beside it {wrong}, or its part for signing "
            "was revoked or has expired."
        ) from None


def encrypt_and_sign(plain: Path, target: Path, to: Recipient, by: Signer | None) -> None:
    """Write a file encrypted, and signed if there is a signer, in OpenPGP's binary form."""
    encrypt_file(plain, target, recipients=[to.cert], signer=by.signer if by else None, armor=False)


def _components(key: bytes, wrong: str) -> list[Component]:
    """Return the packets of a key by component: its primary key first, then each subkey."""
    try:
        keys = Cert.split_bytes(key)
        packets = list(PacketPile.from_bytes(key)) if keys else []
    except RuntimeError:
        raise ConnectorError(wrong) from None
    if len(keys) != 1:
        raise ConnectorError(f"{wrong} It must hold exactly one key; it holds {len(keys)}.")
    components: list[Component] = [[]]
    for packet in packets:
        if packet.tag in SUBKEYS:
            components.append([])
        components[-1].append(packet)
    return components


def _without_expired(components: list[Component]) -> list[Packet]:
    """Return the packets without expired subkeys; pysequoia itself leaves revoked ones out."""
    now = datetime.now(UTC)
    return [*components[0], *chain(*(subkey for subkey in components[1:] if _end(subkey) > now))]


def _newest(component: Component) -> Packet | None:
    signatures = [
        packet
        for packet in component
        if packet.tag == Tag.Signature and packet.signature_type != SignatureType.SubkeyRevocation and packet.key_flags
    ]
    return max(signatures, key=lambda packet: packet.signature_created or NEVER, default=None)


def _flags(component: Component) -> KeyFlags | None:
    signature = _newest(component)
    return signature.key_flags if signature else None


def _end(subkey: Component) -> datetime:
    signature, created = _newest(subkey), subkey[0].key_created
    period = signature.key_validity_period if signature else None
    return created + period if created and period else NEVER


def _end_of(cert: Cert, where: str) -> datetime:
    """Return when a key as a whole expires; ConnectorError where it has expired or was revoked."""
    which = f"{where} ({cert.fingerprint.upper()})"
    if cert.is_revoked:
        raise ConnectorError(f"{which} was revoked by its owner. {ASK}")
    try:
        end = cert.expiration or NEVER
    except RuntimeError:
        raise ConnectorError(
            f"{which} is signed with SHA-1, which is not safe any more, or is of a rare kind: neither RSA "
            f"nor one of the usual elliptic curves. {ASK}"
        ) from None
    if end <= datetime.now(UTC):
        raise ConnectorError(f"{which} expired on {end:%Y-%m-%d}. {ASK}")
    return end

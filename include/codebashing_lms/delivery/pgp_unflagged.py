"""A public key without key flags: it does not say what it is for, and so is for all that its kind can do.

gpg encrypts to such a key; pysequoia encrypts only to a key that says so. So a certificate is made that says
so: its primary key is new, and its subkey is the LMS's key. An encrypted file names the subkey only, by the
ID that the LMS's key has.
Packets and signatures are those of RFC 4880, sections 5.2.4, 5.5.2 and 12.2.
"""

import hashlib
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pysequoia import Cert
from pysequoia.packet import Packet, PublicKeyAlgorithm, Tag

VERSION, EDDSA, SHA256 = 4, 22, 8
CERTIFICATION, SUBKEY_BINDING = 0x13, 0x18
CREATED, KEY_FLAGS, FEATURES = 2, 27, 30
CERTIFIES, ENCRYPTS, PROTECTS_INTEGRITY = b"\x01", b"\x0c", b"\x01"
ED25519 = bytes.fromhex("092b06010401da470f01")  # the curve's object identifier, after its length
USER_ID = b"certificate of one message"


def is_unflagged(component: list[Packet]) -> bool:
    """Return whether a key is of a kind that encrypts, and none of its signatures has key flags."""
    key = component[0]
    flagged = any(packet.key_flags for packet in component if packet.tag == Tag.Signature)
    return key.key_algorithm == PublicKeyAlgorithm.RSAEncryptSign and key.body[0] == VERSION and not flagged


def certificate_for(key: Packet) -> Cert:
    """Return a certificate with a key as its subkey for encryption."""
    secret = Ed25519PrivateKey.generate()
    public = b"\x40" + secret.public_key().public_bytes_raw()
    primary = bytes([VERSION]) + _now() + bytes([EDDSA]) + ED25519 + _number(public)
    hashed_primary, hashed_key = (b"\x99" + len(body).to_bytes(2) + body for body in (primary, key.body))
    hashed_user = b"\xb4" + len(USER_ID).to_bytes(4) + USER_ID
    packets = (
        (Tag.PublicKey, primary),
        (Tag.UserID, USER_ID),
        (Tag.Signature, _signature(secret, CERTIFICATION, CERTIFIES, hashed_primary + hashed_user)),
        (Tag.PublicSubkey, key.body),
        (Tag.Signature, _signature(secret, SUBKEY_BINDING, ENCRYPTS, hashed_primary + hashed_key)),
    )
    return Cert.from_bytes(b"".join(_packet(int(tag), body) for tag, body in packets))


def _signature(secret: Ed25519PrivateKey, kind: int, flags: bytes, about: bytes) -> bytes:
    """Return a signature of the certificate's own key.

    :param about: what is signed, as it is hashed.
    """
    fields = ((CREATED, _now()), (KEY_FLAGS, flags), (FEATURES, PROTECTS_INTEGRITY))
    subpackets = b"".join(bytes([1 + len(value), name]) + value for name, value in fields)
    hashed = bytes([VERSION, kind, EDDSA, SHA256]) + len(subpackets).to_bytes(2) + subpackets
    trailer = bytes([VERSION, 0xFF]) + len(hashed).to_bytes(4)
    digest = hashlib.sha256(about + hashed + trailer).digest()
    signed = secret.sign(digest)
    return hashed + b"\0\0" + digest[:2] + _number(signed[:32]) + _number(signed[32:])


def _now() -> bytes:
    return int(time.time()).to_bytes(4)


def _number(value: bytes) -> bytes:
    stripped = value.lstrip(b"\0")
    return int.from_bytes(stripped).bit_length().to_bytes(2) + stripped


def _packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4) + body

"""Files that travel encrypted: gpg reads them, a bad key stops them, and a retry sends the same bytes."""

import gzip
import hashlib
import logging
import re
import stat
import traceback
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from include.codebashing_lms.errors import ConnectorError, DeliveryUnavailableError
from include.codebashing_lms.staging.checksums import sha256_of
from tests.delivery.connections import sftp_connection
from tests.delivery.test_sftp import drop_on
from tests.fakes.gnupg import LMS, PASSPHRASE, US, gnupg
from tests.fakes.proxy import Fault, Proxy
from tests.load.staged_run import CSV, MANY, NAME, stage

PACKED = f"{NAME}.pgp"


@pytest.fixture(scope="module")
def gpg():
    with gnupg() as keyring:
        keyring.make(LMS, lasts="1y")
        keyring.make(US, passphrase=PASSPHRASE)
        yield keyring


@pytest.fixture(scope="module")
def keys(gpg):
    """What an SFTP connection holds in its extra."""
    return {
        "pgp_public_key": gpg.public(LMS),
        "pgp_private_key": gpg.private(US, PASSPHRASE),
        "pgp_private_key_passphrase": PASSPHRASE,
    }


def refused(staged, connection, **pgp):
    """Return the message with which a key is refused, in a run and in a check, before anything is sent."""
    messages = set()
    for run in ({}, {"check_only": True}):
        with pytest.raises(ConnectorError) as failure:
            staged.load(drop_on(pgp=pgp), connection, **run)
        shown = "".join(traceback.format_exception(failure.value))
        secrets = {"BEGIN PGP", "5ecret", PASSPHRASE, *(connection.pgp_private_key or "").splitlines()[3:6]}
        assert not [secret for secret in secrets if secret in shown]
        messages.add(str(failure.value))
    assert not (staged.folder / "receipt.json").exists()
    [message] = messages
    return message


def test_round_trip(gpg, keys, staged, sftp, drop):
    outcome = staged.load(drop_on(pgp={}), sftp_connection(sftp, **keys))
    assert [path.name for path in drop.iterdir()] == [PACKED]
    assert gpg.decrypt(drop / PACKED) == (CSV, None)
    receipt = staged.receipt
    assert receipt["packing"] == {"encrypted_to": gpg.fingerprint(LMS)}
    assert (receipt["file"], receipt["sha256"]) == (PACKED, sha256_of(drop / PACKED))
    assert receipt["content"]["sha256"] == staged.manifest["sha256"] == sha256_of(staged.file)
    assert outcome["where"].endswith(f"/{PACKED}")
    assert stat.S_IMODE((staged.folder / PACKED).stat().st_mode) == 0o600


def test_signed_round_trip_of_a_compressed_file(gpg, keys, staged, sftp, drop):
    staged.load(drop_on(pgp={"sign": True}, compression="gzip"), sftp_connection(sftp, **keys))
    content, signer = gpg.decrypt(drop / f"{NAME}.gz.pgp")
    assert (gzip.decompress(content), signer) == (CSV, gpg.fingerprint(US))
    assert staged.receipt["packing"] == {
        "compression": "gzip",
        "encrypted_to": gpg.fingerprint(LMS),
        "signed_by": gpg.fingerprint(US),
    }


def test_large_file(gpg, keys, tmp_path, sftp, drop):
    staged = stage(tmp_path / "staging", MANY)
    staged.load(drop_on(pgp={"sign": True}), sftp_connection(sftp, **keys))
    assert gpg.decrypt(drop / PACKED) == (staged.file.read_bytes(), gpg.fingerprint(US))


@pytest.mark.parametrize("armored", [True, False])
def test_key_in_a_file_for_a_folder(armored, gpg, staged, drop, tmp_path):
    key = tmp_path / "lms.key"
    key.write_bytes(gpg.public(LMS).encode() if armored else gpg("--export", LMS))
    staged.load({"method": "folder", "directory": str(drop), "pgp": {"key": str(key)}})
    assert gpg.decrypt(drop / PACKED) == (CSV, None)


@pytest.mark.parametrize("kind", ["rsa2048", "nistp256", "cv25519"])
def test_kinds_of_keys(kind, gpg, staged, sftp, drop):
    fingerprint = gpg.make(f"{kind}@example.org", kind.replace("cv", "ed"), "sign")
    gpg("--passphrase", "", "--quick-add-key", fingerprint, kind, "encr", "never")
    staged.load(drop_on(pgp={}), sftp_connection(sftp, pgp_public_key=gpg.public(f"{kind}@example.org")))
    assert gpg.decrypt(drop / PACKED) == (CSV, None)


def test_check_says_which_key_and_until_when(gpg, keys, staged, sftp):
    outcome = staged.load(drop_on(pgp={"sign": True}), sftp_connection(sftp, **keys), check_only=True)
    until = datetime.now(UTC) + timedelta(days=365)
    assert f"{gpg.fingerprint(LMS)}, which can be used until {until:%Y-%m}" in outcome["sentence"]
    assert f"signed with {gpg.fingerprint(US)}" in outcome["sentence"]
    for_ever = staged.load(drop_on(pgp={}), sftp_connection(sftp, pgp_public_key=gpg.public(US)), check_only=True)
    assert f"{gpg.fingerprint(US)}, which does not expire." in for_ever["sentence"]


def test_end_of_a_subkey_counts_and_is_announced(gpg, staged, sftp, drop, caplog):
    fingerprint = gpg.make("soon@example.org", "ed25519", "sign")
    gpg("--passphrase", "", "--quick-add-key", fingerprint, "cv25519", "encr", "10d")
    connection = sftp_connection(sftp, pgp_public_key=gpg.public("soon@example.org"))
    until = datetime.now(UTC) + timedelta(days=10)
    with caplog.at_level(logging.WARNING):
        outcome = staged.load(drop_on(pgp={}), connection, check_only=True)
    assert f"can be used until {until:%Y-%m}" in outcome["sentence"]
    assert f"key can be used until {until:%Y-%m}" in caplog.text


def without_flags(gpg, who, algorithm=hashes.SHA256, lasts=None, flags=b""):
    """Return an RSA key without Key Flags as old programs make it, its private half in the keyring of gpg.

    :param lasts: seconds until it expires.
    """
    secret = rsa.generate_private_key(65537, 2048)
    public, private = secret.public_key().public_numbers(), secret.private_numbers()
    made = int(datetime.now(UTC).timestamp()) - 100
    body = b"\x04" + made.to_bytes(4) + b"\x01" + number(public.n) + number(public.e)
    subpackets = b"\x05\x02" + made.to_bytes(4) + b"\x02\x1e\x01" + flags
    subpackets += b"\x05\x09" + lasts.to_bytes(4) if lasts else b""
    name = {hashes.SHA256: b"\x08", hashes.SHA1: b"\x02"}[algorithm]
    hashed = b"\x04\x13\x01" + name + len(subpackets).to_bytes(2) + subpackets
    user = who.encode()
    about = b"\x99" + len(body).to_bytes(2) + body + b"\xb4" + len(user).to_bytes(4) + user
    about += hashed + b"\x04\xff" + len(hashed).to_bytes(4)
    signed = int.from_bytes(secret.sign(about, padding.PKCS1v15(), algorithm()))
    digest = hashlib.new(algorithm.name, about).digest()[:2]
    fingerprint = hashlib.sha1(b"\x99" + len(body).to_bytes(2) + body, usedforsecurity=False).digest()
    issuer = b"\x09\x10" + fingerprint[-8:]
    signature = hashed + len(issuer).to_bytes(2) + issuer + digest + number(signed)
    p, q = sorted((private.p, private.q))
    numbers = b"".join(map(number, (private.d, p, q, pow(p, -1, q))))
    hidden = body + b"\0" + numbers + (sum(numbers) & 0xFFFF).to_bytes(2)
    gpg("--import", feed=packet(5, hidden) + packet(13, user) + packet(2, signature))
    return packet(6, body) + packet(13, user) + packet(2, signature)


def number(value):
    return value.bit_length().to_bytes(2) + value.to_bytes((value.bit_length() + 7) // 8)


def packet(tag, body):
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4) + body


@pytest.mark.parametrize("lasts", [None, 864_000])
def test_key_that_does_not_say_what_it_is_for_encrypts_as_with_gpg(gpg, staged, drop, tmp_path, lasts):
    who = f"noflags{lasts}@example.org"
    (tmp_path / "lms.key").write_bytes(without_flags(gpg, who, lasts=lasts))
    to_folder = {"method": "folder", "directory": str(drop), "pgp": {"key": str(tmp_path / "lms.key")}}
    until = datetime.now(UTC) + timedelta(seconds=(lasts or 0) - 100)
    validity = f"can be used until {until:%Y-%m-%d}" if lasts else "does not expire"
    assert f"{gpg.fingerprint(who)}, which {validity}" in staged.load(to_folder, check_only=True)["sentence"]
    staged.load(to_folder)
    assert gpg.decrypt(drop / PACKED) == (CSV, None)
    assert staged.receipt["packing"] == {"encrypted_to": gpg.fingerprint(who)}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"algorithm": hashes.SHA1}, "is signed with SHA-1, which is not safe any more"),
        ({"lasts": 50}, "expired on"),
        ({"flags": b"\x02\x1b\x03"}, "has no part for encryption"),
    ],
)
def test_key_without_flags_that_is_refused(gpg, staged, drop, tmp_path, options, expected):
    (tmp_path / "lms.key").write_bytes(without_flags(gpg, "refused@example.org", **options))
    to_folder = {"method": "folder", "directory": str(drop), "pgp": {"key": str(tmp_path / "lms.key")}}
    with pytest.raises(ConnectorError, match=expected):
        staged.load(to_folder)
    assert not list(drop.iterdir())


def revoked(gpg, who):
    fingerprint = gpg.make(who)
    certificate = (gpg.home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text()
    gpg("--import", feed=certificate.replace(":-----BEGIN", "-----BEGIN").encode())
    return gpg.public(who)


def with_subkey(gpg, who, **options):
    fingerprint = gpg.make(who, "ed25519", "sign", time="20250101T000000")
    gpg("--passphrase", "", "--quick-add-key", fingerprint, "cv25519", "encr", "1y", **options)
    return gpg.public(who)


def made_with_sha1(gpg, who):
    gpg("--passphrase", "", "--cert-digest-algo", "SHA1", "--quick-gen-key", who, "rsa2048", "sign,encr", "never")
    return gpg.public(who)


def of_a_rare_kind(gpg, who):
    gpg.make(who, "brainpoolP256r1", "sign")
    return gpg.public(who)


def expired(gpg, who):
    gpg.make(who, lasts="1y", time="20200101T000000")
    return gpg.public(who)


def without_encryption(gpg, who):
    gpg.make(who, "ed25519", "sign")
    return gpg.public(who)


UNUSABLE = {
    "no_key": (lambda gpg, who: "ssh-ed25519 AAAA", "no OpenPGP public key, or it is truncated"),
    "truncated": (lambda gpg, who: gpg.public(LMS)[:400], "no OpenPGP public key, or it is truncated"),
    "two": (lambda gpg, who: gpg("--export", LMS, US).decode("latin-1"), "is no OpenPGP public key, or"),
    "two_armored": (lambda gpg, who: gpg("--armor", "--export", LMS, US).decode(), "exactly one key; it holds 2"),
    "private": (lambda gpg, who: gpg.private(LMS), "is a private key, .* put the LMS's public key there"),
    "revoked": (revoked, "was revoked by its owner. Ask the LMS's administrator for the present one"),
    "expired": (expired, "expired on 2020-12-31. Ask the LMS's administrator"),
    "subkey_expired": (
        lambda gpg, who: with_subkey(gpg, who, time="20250101T000000"),
        "has no part for encryption that is in force",
    ),
    "no_encryption": (without_encryption, "has no part for encryption that is in force"),
    "sha1": (made_with_sha1, "is signed with SHA-1, which is not safe any more"),
    "rare": (of_a_rare_kind, "is of a rare kind: neither RSA nor one of the usual elliptic curves"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable_key_of_the_lms(case, gpg, staged, sftp, drop):
    make, expected = UNUSABLE[case]
    connection = sftp_connection(sftp, pgp_public_key=make(gpg, f"{case}@example.org"))
    message = refused(staged, connection)
    assert message.startswith("pgp_public_key in the extra of the connection lms_sftp ")
    assert re.search(expected, message), message
    assert not list(drop.iterdir())


def test_missing_keys(gpg, keys, staged, sftp, tmp_path):
    assert "delivery.pgp.key is not set, and there is no pgp_public_key" in refused(staged, sftp_connection(sftp))
    gone = refused(staged, sftp_connection(sftp), key=str(tmp_path / "gone"))
    assert gone == f"delivery.pgp.key: {tmp_path}/gone cannot be read (FileNotFoundError)."
    unsigned = sftp_connection(sftp, pgp_public_key=keys["pgp_public_key"])
    assert "pgp.sign is on, but there is no pgp_private_key" in refused(staged, unsigned, sign=True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"pgp_private_key_passphrase": None}, "pgp_private_key_passphrase beside it is missing"),
        ({"pgp_private_key_passphrase": "wr0ng-5ecret"}, "pgp_private_key_passphrase beside it is wrong"),
        ({"pgp_private_key_passphrase": "\ud800"}, "pgp_private_key_passphrase beside it is wrong"),
        ({"pgp_private_key": "5ecret\ud800"}, "is no OpenPGP private key, or it is truncated"),
    ],
)
def test_unusable_key_of_ours(changes, expected, keys, staged, sftp):
    message = refused(staged, sftp_connection(sftp, **{**keys, **changes}), sign=True)
    assert expected in message


def test_other_unusable_keys_of_ours(gpg, keys, staged, sftp):
    public = refused(staged, sftp_connection(sftp, **{**keys, "pgp_private_key": keys["pgp_public_key"]}), sign=True)
    assert "is no OpenPGP private key" in public
    gpg.make("certify@example.org", "ed25519", "cert")
    unsigning = {**keys, "pgp_private_key": gpg.private("certify@example.org")}
    assert "is not for signing" in refused(staged, sftp_connection(sftp, **unsigning), sign=True)
    gpg.make("past@example.org", lasts="1y", time="20200101T000000")
    past = {**keys, "pgp_private_key": gpg.private("past@example.org")}
    assert "expired on 2020-12-31" in refused(staged, sftp_connection(sftp, **past), sign=True)


def test_retry_sends_the_same_bytes(gpg, keys, staged, sftp, drop):
    delivery = drop_on(pgp={"sign": True})
    with Proxy(sftp.port, listening=False) as proxy, pytest.raises(DeliveryUnavailableError):
        staged.load(delivery, sftp_connection(sftp, port=proxy.port, **keys))
    assert staged.receipt["state"] == "sending"
    staged_before, sha256 = (staged.folder / PACKED).read_bytes(), staged.receipt["sha256"]
    staged.load(delivery, sftp_connection(sftp, **keys))
    assert (drop / PACKED).read_bytes() == staged_before
    assert staged.receipt["sha256"] == sha256


def test_file_whose_arrival_was_not_seen_is_recognised(gpg, keys, staged, sftp, drop):
    """A file that is encrypted anew is another file; the LMS would get it a second time."""
    delivery = drop_on(pgp={})
    with Proxy(sftp.port) as proxy:
        stage(staged.folder.parents[3] / "other").load(delivery, sftp_connection(sftp, port=proxy.port, **keys))
    (drop / PACKED).unlink()
    seen = set()
    for before_the_end in range(0, 600, 60):
        run = stage(staged.folder.parents[3] / f"try{before_the_end}")
        with Proxy(sftp.port, Fault(down=proxy.traffic[0].down - before_the_end)) as cut:
            try:
                run.load(delivery, sftp_connection(sftp, port=cut.port, **keys))
            except DeliveryUnavailableError:
                there = (drop / PACKED).exists() and sha256_of(drop / PACKED)
                outcome = run.load(delivery, sftp_connection(sftp, **keys))
                seen.add("by an earlier try" in outcome["sentence"])
                if there == run.receipt["sha256"]:
                    assert "by an earlier try" in outcome["sentence"]
        assert gpg.decrypt(drop / PACKED) == (CSV, None)
        assert sha256_of(drop / PACKED) == run.receipt["sha256"]
        (drop / PACKED).unlink()
    assert seen == {True, False}


def test_another_key_packs_anew(gpg, keys, staged, sftp, drop):
    delivery = drop_on(pgp={})
    with Proxy(sftp.port, listening=False) as proxy, pytest.raises(DeliveryUnavailableError):
        staged.load(delivery, sftp_connection(sftp, port=proxy.port, **keys))
    before = staged.receipt["sha256"]
    gpg.make("next@example.org")
    staged.load(delivery, sftp_connection(sftp, pgp_public_key=gpg.public("next@example.org")))
    assert staged.receipt["sha256"] != before
    assert staged.receipt["packing"] == {"encrypted_to": gpg.fingerprint("next@example.org")}

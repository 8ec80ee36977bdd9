"""The keys of an SFTP connection: the server's host key, which is pinned, and our own private key."""

import io
import logging
import re
from contextlib import suppress
from pathlib import Path

import paramiko
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

from include.codebashing_lms.connections.model import SftpConnection
from include.codebashing_lms.errors import ConnectorError

log = logging.getLogger(__name__)

KNOWN_HOSTS_LINE = re.compile(r"\s(ssh|ecdsa|rsa)-")
PRIVATE_KEY_TYPES = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class _RefuseUnknown(paramiko.MissingHostKeyPolicy):
    """Refuses an unknown server, and says which key to pin."""

    def __init__(self, conn_id: str) -> None:
        self.conn_id = conn_id

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Refuse the server."""
        raise ConnectorError(
            f"The host key of the SFTP server {hostname} is not pinned: " + how_to_pin(key, self.conn_id)
        )


class _AcceptUnknown(paramiko.MissingHostKeyPolicy):
    """Accepts an unknown server, as `no_host_key_check` says, and logs its key."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Accept the server."""
        log.warning("Host key of %s not checked (no_host_key_check): it is %s", hostname, key.fingerprint)


def how_to_pin(key: paramiko.PKey, conn_id: str) -> str:
    """Return the fingerprint of a server's key, and the text for the connection that trusts it."""
    return (
        f"it shows {key.fingerprint}. Have the LMS's administrator confirm this fingerprint, then put "
        f'into the extra of the connection {conn_id}: "host_key": "{key.get_name()} {key.get_base64()}"'
    )


def pin(client: paramiko.SSHClient, connection: SftpConnection, conn_id: str) -> None:
    """Make the client know the server's key, and refuse any other."""
    pinned = [text for text in (connection.host_key, connection.known_hosts) if text]
    if pinned and connection.no_host_key_check or len(pinned) > 1:
        raise ConnectorError(
            f"The extra of the connection {conn_id} must hold only one of host_key, known_hosts and "
            "no_host_key_check; prefer host_key."
        )
    if connection.no_host_key_check:
        client.set_missing_host_key_policy(_AcceptUnknown())
        return
    client.set_missing_host_key_policy(_RefuseUnknown(conn_id))
    try:
        for entry in _entries(connection):
            for name in entry.hostnames or ():
                client.get_host_keys().add(name, entry.key.get_name(), entry.key)
    except (InvalidHostKey, paramiko.SSHException, OSError, ValueError):
        raise ConnectorError(
            f"host_key or known_hosts in the extra of the connection {conn_id} cannot be read. Write "
            '"host_key": "ssh-ed25519 AAAA…", or into known_hosts lines of that format or a file\'s path.'
        ) from None


def _known_hosts_line(connection: SftpConnection, host_key: str) -> str:
    """Return a host key as a line of known_hosts; as in Airflow, a key without a type is ssh-rsa."""
    name = connection.host if connection.port == paramiko.config.SSH_PORT else f"[{connection.host}]:{connection.port}"
    parts = host_key.split()
    return " ".join([name, *(parts if len(parts) > 1 else ["ssh-rsa", *parts])])


def _entries(connection: SftpConnection) -> list[HostKeyEntry]:
    lines = [_known_hosts_line(connection, connection.host_key)] if connection.host_key else []
    lines += _known_hosts_lines(connection.known_hosts) if connection.known_hosts else []
    entries = [entry for entry in map(HostKeyEntry.from_line, lines) if entry and entry.key]
    if lines and not entries:
        raise ValueError("no host key")
    return entries


def _known_hosts_lines(text: str) -> list[str]:
    if not KNOWN_HOSTS_LINE.search(text):
        text = Path(text).read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def private_key(connection: SftpConnection, conn_id: str) -> paramiko.PKey | None:
    """Return our private key, None where the connection logs in with a password."""
    if not connection.username or not (connection.password or connection.private_key or connection.key_file):
        raise ConnectorError(
            f"The connection {conn_id} lacks a login, or a password or private key (private_key or key_file)."
        )
    text = connection.private_key
    if connection.key_file and not text:
        try:
            text = Path(connection.key_file).read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise ConnectorError(f"The key_file of the connection {conn_id} cannot be read on this worker.") from error
    return _parse(text, connection.private_key_passphrase, conn_id) if text else None


def _parse(text: str, passphrase: str | None, conn_id: str) -> paramiko.PKey:
    for key_type in PRIVATE_KEY_TYPES:
        with suppress(paramiko.SSHException, ValueError):
            return key_type.from_private_key(io.StringIO(text), passphrase)
    raise ConnectorError(
        f"The private key of the connection {conn_id} cannot be read: it is none of ed25519, ECDSA and RSA, "
        "it is truncated (keep its line breaks), or private_key_passphrase is missing or wrong."
    )

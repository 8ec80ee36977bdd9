"""A session on an SFTP server: a pinned host key, one try to log in, and a deadline."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import paramiko

from include.codebashing_lms.connections.deadline import deadline
from include.codebashing_lms.connections.model import SftpConnection
from include.codebashing_lms.connections.sftp_keys import how_to_pin, pin, private_key
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError

CONNECT_TIMEOUT = 30


@contextmanager
def session(connection: SftpConnection, conn_id: str, seconds: float) -> Iterator[paramiko.SFTPClient]:
    """Give an SFTP client, for `seconds` seconds at most; messages name the connection by `conn_id`."""
    client = paramiko.SSHClient()
    key = private_key(connection, conn_id)
    pin(client, connection, conn_id)
    server = server_of(connection)
    with closing(_connect(connection, conn_id, seconds)) as sock:

        def abort() -> None:
            """End every wait for the server, in every thread."""
            sock.shutdown(socket.SHUT_RDWR)

        # paramiko itself may wait for ever, e.g. when a session is opened.
        with deadline(abort, seconds, server), translate_loss(server), client:
            with translate_loss(server, not_delivered=True):
                _log_in(client, sock, connection, key, conn_id, seconds)
                sftp = client.open_sftp()
            with closing(sftp):
                yield sftp


def server_of(connection: SftpConnection) -> str:
    """Return a server as messages name it."""
    return f"the SFTP server {connection.host}:{connection.port}"


@contextmanager
def translate_loss(server: str, not_delivered: bool = False) -> Iterator[None]:
    """Raise DeliveryUnavailableError where the connection is lost."""
    try:
        yield
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise DeliveryUnavailableError(
            f"The connection to {server} was lost, or it does not speak SFTP ({type(error).__name__}).",
            not_delivered=not_delivered,
        ) from error


def _connect(connection: SftpConnection, conn_id: str, seconds: float) -> socket.socket:
    address = (connection.host, connection.port)
    try:
        return socket.create_connection(address, timeout=min(seconds, CONNECT_TIMEOUT))
    except OSError as error:
        raise DeliveryUnavailableError(
            f"No connection to {server_of(connection)} ({error.strerror or 'timed out'}). If this lasts, "
            f"check host and port of the connection {conn_id} and the firewalls between.",
            not_delivered=True,
        ) from error


def _log_in(
    client: paramiko.SSHClient,
    sock: socket.socket,
    connection: SftpConnection,
    key: paramiko.PKey | None,
    conn_id: str,
    seconds: float,
) -> None:
    try:
        client.connect(
            connection.host,
            connection.port,
            connection.username,
            None if key else connection.password,
            key,
            sock=sock,
            allow_agent=False,
            look_for_keys=False,
            # Not our limit: the watchdog comes first.
            banner_timeout=2 * seconds,
            auth_timeout=2 * seconds,
        )
    except paramiko.BadHostKeyException as error:
        raise DeliveryError(
            f"The SFTP server {connection.host}:{connection.port} shows another host key than the one that "
            f"is pinned (pinned: {error.expected_key.fingerprint}). Either it got a new key or someone is in "
            f"between: {how_to_pin(error.key, conn_id)}",
            not_delivered=True,
        ) from None
    except paramiko.BadAuthenticationType as error:
        raise DeliveryError(
            f"The SFTP server takes only these kinds of login: {', '.join(sorted(error.allowed_types))}. "
            f"Give the connection {conn_id} the password or the private key that it wants.",
            not_delivered=True,
        ) from None
    except paramiko.AuthenticationException:
        # A server that hangs up here may mean a refusal, too: trying again could lock the account.
        raise DeliveryError(
            f"The SFTP server refused the login of the connection {conn_id}, or hung up on it. "
            "It was tried once and is not tried again, so that the account is not locked. "
            "Check login, password or private key, and that the public key is known there.",
            not_delivered=True,
        ) from None

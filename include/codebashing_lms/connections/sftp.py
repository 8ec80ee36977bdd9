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
    """Give an SFTP client; `conn_id` names the connection in messages, all ends after `seconds` seconds."""
    client = paramiko.SSHClient()
    key = private_key(connection, conn_id)
    pin(client, connection, conn_id)
    server = f"the SFTP server {connection.host}:{connection.port}"
    with closing(_connected(connection, conn_id, seconds)) as sock:

        def abort() -> None:
            """End every wait for the server, in whatever thread it is."""
            sock.shutdown(socket.SHUT_RDWR)

        # paramiko itself may wait for ever, e.g. when a session is opened.
        with deadline(abort, seconds, server), _loss_explained(server), client:
            _log_in(client, sock, connection, key, conn_id, seconds)
            with closing(client.open_sftp()) as sftp:
                yield sftp


def _connected(connection: SftpConnection, conn_id: str, seconds: float) -> socket.socket:
    try:
        return socket.create_connection(
            (connection.host, connection.port), timeout=min(seconds, CONNECT_TIMEOUT)
        )
    except OSError as error:
        raise DeliveryUnavailableError(
            f"No connection to the SFTP server {connection.host}:{connection.port} "
            f"({error.strerror or 'timed out'}). If this lasts, check host and port of the connection "
            f"{conn_id} and the firewalls between."
        ) from error


@contextmanager
def _loss_explained(server: str) -> Iterator[None]:
    try:
        yield
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise DeliveryUnavailableError(
            f"The connection to {server} was lost, or it does not speak SFTP ({type(error).__name__})."
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
            "between: " + how_to_pin(error.key, conn_id)
        ) from None
    except paramiko.BadAuthenticationType as error:
        raise DeliveryError(
            f"The SFTP server takes only these kinds of login: {', '.join(sorted(error.allowed_types))}. "
            f"Give the connection {conn_id} the password or the private key that it wants."
        ) from None
    except paramiko.AuthenticationException:
        # A server that hangs up here may mean a refusal, too: trying again could lock the account.
        raise DeliveryError(
            f"The SFTP server refused the login of the connection {conn_id}, or hung up on it. "
            "It was tried once and is not tried again, so that the account is not locked. "
            "Check login, password or private key, and that the public key is known there."
        ) from None

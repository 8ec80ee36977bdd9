"""OpenSSH's sshd, where that is installed."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh

from include.codebashing_lms.connections.model import SftpConnection

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PRIVILEGE_SEPARATION = Path("/run/sshd")
CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {home}/host_key
AuthorizedKeysFile {home}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
"""


def new_keys() -> dict[str, asyncssh.SSHKey]:
    """Return the key of a server, and the key of its only login."""
    return {name: asyncssh.generate_private_key("ssh-ed25519", comment=name) for name in ("host", "own")}


@contextmanager
def openssh(home: Path, keys: dict[str, asyncssh.SSHKey]) -> Iterator[SftpConnection]:
    """Run a server; give the connection of its only login."""
    (home / "host_key").touch(mode=0o600)
    (home / "host_key").write_bytes(keys["host"].export_private_key())
    (home / "authorized_keys").write_bytes(keys["own"].export_public_key())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (home / "config").write_text(CONFIG.format(port=port, home=home))
    with subprocess.Popen([SSHD, "-D", "-f", home / "config", "-E", home / "log"]) as server:
        wait_for(port, server)
        yield SftpConnection(
            "127.0.0.1",
            port,
            getpass.getuser(),
            private_key=keys["own"].export_private_key().decode(),
            host_key=keys["host"].export_public_key().decode(),
        )
        server.terminate()


def wait_for(port, server):
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert server.poll() is None, "sshd did not start"
            time.sleep(0.05)
        else:
            return
    raise AssertionError("sshd did not listen")

"""ProFTPD's SFTP server, where that is installed: its rights and its errors are not OpenSSH's."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh

from include.codebashing_lms.connections.model import SftpConnection
from tests.fakes.openssh import wait_for

PROFTPD = shutil.which("proftpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
MISSING = "ProFTPD with mod_sftp is not installed (Debian: proftpd-core, proftpd-mod-crypto)"
LOGIN, PASSWORD = "lms", "s3cret"
PASSWORD_HASH = "$5$codebashing$KQcl32s.eiQWqcL8.SaG6aSjRTY5u5PDIAFSG.UiZNC"
CONFIG = """
ServerType standalone
Port 0
DefaultAddress 127.0.0.1
SocketBindTight on
UseIPv6 off
LoadModule mod_sftp.c
User {user}
Group {group}
PidFile {home}/pid
ScoreboardFile {home}/scoreboard
SystemLog {home}/system.log
<VirtualHost 127.0.0.1>
  Port {port}
  RootLogin on
  RequireValidShell off
  AuthPAM off
  AuthOrder mod_auth_file.c
  AuthUserFile {home}/passwd
  AllowOverwrite {overwrite}
  SFTPEngine on
  SFTPHostKey {home}/host_key
  SFTPLog {home}/sftp.log
</VirtualHost>
"""


def is_installed() -> bool:
    """Tell whether a ProFTPD with SFTP is installed."""
    return PROFTPD is not None and Path("/usr/lib/proftpd/mod_sftp.so").exists()


@contextmanager
def proftpd(home: Path, drop: Path, overwrite: bool = True) -> Iterator[SftpConnection]:
    """Run a server; give the connection of its only login, with `drop` as its home."""
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    (home / "host_key").touch(mode=0o600)
    (home / "host_key").write_bytes(host_key.export_private_key())
    (home / "passwd").touch(mode=0o600)
    (home / "passwd").write_text(
        f"{LOGIN}:{PASSWORD_HASH}:{os.getuid()}:{os.getgid()}::{drop}:/bin/sh\n", encoding="utf-8"
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    owner = Path("/proc/self").owner(), Path("/proc/self").group()
    switch = "on" if overwrite else "off"
    (home / "config").write_text(CONFIG.format(home=home, port=port, overwrite=switch, user=owner[0], group=owner[1]))
    with (home / "out").open("wb") as out:
        command = [str(PROFTPD), "--nodaemon", "--config", str(home / "config")]
        with subprocess.Popen(command, stdout=out, stderr=out) as server:
            wait_for(port, server)
            yield SftpConnection("127.0.0.1", port, LOGIN, PASSWORD, host_key=host_key.export_public_key().decode())
            server.terminate()

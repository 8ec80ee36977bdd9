"""A stand-in for an LMS's SFTP drop: a real SFTP server on loopback that serves one folder.

python -m demo.sftp --port 2222 --folder /tmp/drop
"""

import argparse
import asyncio
import tempfile
import threading
from pathlib import Path
from types import TracebackType

import asyncssh

USERNAME = "lms-drop"
PASSWORD = "sftp-demo-password"


class SftpServer:
    """An SFTP server in a thread of its own; `logins` counts the attempts to log in."""

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        password: str | None = PASSWORD,
        public_key: str | None = None,
        files: type[asyncssh.SFTPServer] = asyncssh.SFTPServer,
        address: str = "127.0.0.1",
    ) -> None:
        self.folder = folder
        self.address = address
        self.port = port
        self.password = password
        self.public_key = asyncssh.import_public_key(public_key) if public_key else None
        self.files = files
        self.logins = 0
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def host_key(self) -> str:
        """Return the server's key in the form of a connection's `host_key`."""
        return " ".join(self._key.export_public_key().decode().split()[:2])

    def __enter__(self) -> "SftpServer":
        self._thread.start()
        self._acceptor = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(timeout=10)
        self.port = self._acceptor.get_port()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            lambda: _Login(self),
            self.address,
            self.port,
            reuse_address=True,  # asyncssh before 2.24 leaves an aborted connection's port taken
            server_host_keys=[self._key],
            sftp_factory=lambda channel: self.files(channel, chroot=str(self.folder)),
        )

    async def _close(self) -> None:
        self._acceptor.close()
        sessions = asyncio.all_tasks() - {asyncio.current_task()}
        for task in sessions:
            task.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)


class _Login(asyncssh.SSHServer):
    """Accepts the password or the key."""

    def __init__(self, server: SftpServer) -> None:
        self.server = server

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return self.server.password is not None

    def validate_password(self, username: str, password: str) -> bool:
        self.server.logins += 1
        return (username, password) == (USERNAME, self.server.password)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self.server.logins += 1
        return username == USERNAME and key == self.server.public_key


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="An SFTP drop on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--address", default="127.0.0.1", help="the address to listen on; '' is every address")
    parser.add_argument("--folder", type=Path, help="the folder to serve, a new one by default")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="codebashing_drop_"))
    folder.mkdir(parents=True, exist_ok=True)
    with SftpServer(folder, options.port, address=options.address) as server:
        print(f"SFTP drop: sftp://{USERNAME}@127.0.0.1:{server.port}, password {PASSWORD}, folder {folder}")
        print(f"host_key: {server.host_key}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()

"""GnuPG, as an administrator of an LMS uses it: it makes the keys of the tests and decrypts the files."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

GPG = shutil.which("gpg")
PASSPHRASE = "pgp-5ecret-passphrase"
LMS, US = "lms@example.org", "us@example.org"


class Gpg:
    """A keyring of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *arguments: str | Path, feed: bytes = b"", time: str | None = None) -> bytes:
        """Run gpg; return what it prints."""
        clock = [f"--faked-system-time={time}"] if time else []
        always = ["--batch", "--quiet", "--no-tty", "--pinentry-mode=loopback", "--trust-model=always"]
        return subprocess.run(
            [str(GPG), *always, *clock, *map(str, arguments)],
            input=feed, capture_output=True, check=True, env=os.environ | {"GNUPGHOME": str(self.home)},
        ).stdout  # fmt: skip

    def make(
        self,
        who: str,
        kind: str = "future-default",
        use: str = "default",
        lasts: str = "never",
        passphrase: str = "",
        time: str | None = None,
    ) -> str:
        """Make a key; return its fingerprint."""
        self("--passphrase", passphrase, "--quick-gen-key", who, kind, use, lasts, time=time)
        return self.fingerprint(who)

    def fingerprint(self, who: str) -> str:
        lines = self("--list-keys", "--with-colons", f"={who}").decode().splitlines()
        return next(line.split(":")[9] for line in lines if line.startswith("fpr"))

    def public(self, who: str) -> str:
        return self("--armor", "--export", f"={who}").decode()

    def private(self, who: str, passphrase: str = "") -> str:
        return self("--armor", "--passphrase", passphrase, "--export-secret-keys", f"={who}").decode()

    def decrypt(self, file: Path) -> tuple[bytes, str | None]:
        """Return the content of a file, and the keys of its good signatures; an altered file raises."""
        plain = file.with_name("decrypted")
        status = self("--status-fd=1", "--yes", "--output", plain, "--decrypt", file).decode(errors="replace")
        content = plain.read_bytes()
        plain.unlink()
        signers = [line.split()[2] for line in status.splitlines() if line.startswith("[GNUPG:] VALIDSIG")]
        return content, signers[0] if signers else None


@contextmanager
def gnupg() -> Iterator[Gpg]:
    """Give an empty keyring, in a folder with a short name: the path of the agent's socket has a limit."""
    if GPG is None:
        pytest.skip("gpg is not installed")
    home = Path(tempfile.mkdtemp(prefix="gpg-"))
    try:
        yield Gpg(home)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
        shutil.rmtree(home, ignore_errors=True)  # the agent removes its sockets meanwhile

"""A PostgreSQL of one's own: Debian's package, a data folder that is thrown away, a socket in it."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TIMEOUT = 60  # seconds
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL, None where there is none or no driver for it."""
    if importlib.util.find_spec("psycopg") is None:
        return None
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else None


@contextmanager
def postgres(where: Path) -> Iterator[str]:
    """Run a server that only this user and root reach; give its address for SQLAlchemy."""
    home = Path(tempfile.mkdtemp(prefix="codebashing-lms-pg-"))
    # PostgreSQL refuses to run as root.
    user = pwd.getpwnam("nobody").pw_name if os.geteuid() == 0 else None
    if user:
        shutil.chown(home, user)
    data = home / "data"
    subprocess.run(
        [where / "initdb", "-D", data, "-U", "airflow", "-E", "UTF8", "--no-locale", "--auth=trust", "-N"],
        user=user, cwd=home, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    options = [f"-c{one}" for one in (*QUICK, "listen_addresses=", f"unix_socket_directories={home}")]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [where / "postgres", "-D", data, *options], user=user, cwd=home, stdout=log, stderr=log
        )
    try:
        _wait(server, home)
        yield f"postgresql+psycopg://airflow@/postgres?host={home}"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(TIMEOUT)
        shutil.rmtree(home)


def _wait(server: subprocess.Popen[bytes], home: Path) -> None:
    deadline = time.monotonic() + TIMEOUT
    while b"ready to accept connections" not in (home / "log").read_bytes():
        assert server.poll() is None, (home / "log").read_text()
        assert time.monotonic() < deadline, "PostgreSQL did not start"
        time.sleep(0.1)

"""The processes that make up an Airflow, started, watched and ended together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

PARTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
GRACE = 20  # seconds a part has to end by itself


def airflow(*arguments: str) -> list[str]:
    """Return a command of the Airflow that runs us."""
    return [sys.executable, "-m", "airflow", *arguments]


class Parts:
    """All parts, or some; each is a session of its own, so that Ctrl-C reaches us and not half of them."""

    def __init__(self, logs: Path, names: Iterable[str] = tuple(PARTS)) -> None:
        self.logs, self.names = logs, names
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Parts":
        for name in self.names:
            self._start(name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for impatient in (signal.SIGINT, signal.SIGTERM):
            signal.signal(impatient, signal.SIG_IGN)
        for part in self.running.values():
            _send(part, signal.SIGTERM)
        give_up = time.monotonic() + GRACE
        for part in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                part.wait(max(0.1, give_up - time.monotonic()))
            _send(part, signal.SIGKILL)
            part.wait()

    def _start(self, name: str) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                airflow(*PARTS[name]), stdout=log, stderr=log, start_new_session=True
            )

    def ended(self) -> list[str]:
        """Return the parts that no longer run."""
        return [name for name, part in self.running.items() if part.poll() is not None]

    def watch(self, say: Callable[[str], None]) -> None:
        """Start again whatever ends, for ever."""
        while True:
            time.sleep(1)
            for name in self.ended():
                say(f"{name} ended, its log is {self.logs.name}/{name}.log; starting it again")
                self._start(name)
                time.sleep(5)


def _send(part: subprocess.Popen[bytes], what: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(part.pid, what)

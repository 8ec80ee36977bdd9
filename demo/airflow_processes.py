"""The processes of an Airflow: starts, watches and ends them together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

PROCESSES = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
GRACE = 20  # seconds between the signals to end a process and to kill it


def airflow(*arguments: str) -> list[str]:
    """Return a command of the Airflow in this Python environment."""
    return [sys.executable, "-m", "airflow", *arguments]


class AirflowProcesses:
    """All processes, or some.

    Each process has a session of its own, so that Ctrl-C reaches only the demo, which then ends them all.
    """

    def __init__(self, logs: Path, names: Iterable[str] = tuple(PROCESSES)) -> None:
        self.logs, self.names = logs, names
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "AirflowProcesses":
        for name in self.names:
            self._start(name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for process in self.running.values():
            _send(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for process in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            _send(process, signal.SIGKILL)
            process.wait()

    def _start(self, name: str) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                airflow(*PROCESSES[name]), stdout=log, stderr=log, start_new_session=True
            )

    def ended(self) -> list[str]:
        """Return the names of processes that no longer run."""
        return [name for name, process in self.running.items() if process.poll() is not None]

    def watch(self, say: Callable[[str], None]) -> None:
        """Restart every process that ends, for ever."""
        while True:
            time.sleep(1)
            for name in self.ended():
                say(f"{name} ended, its log is {self.logs.name}/{name}.log; starting it again")
                self._start(name)
                time.sleep(5)


def _send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)

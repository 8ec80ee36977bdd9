"""Measures whole processes in turns: seconds from start to end, CPU seconds and peak memory."""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
POLL_INTERVAL = 0.005  # seconds
PEAK = re.compile(r"VmHWM:\s+(\d+)")

Command = list[str]


@dataclass(frozen=True)
class Run:
    """One run of a program."""

    seconds: float
    cpu: float
    megabytes: int


@dataclass(frozen=True)
class Measured:
    """All runs of a program; ratios are to the first program's run in the same turn, medians."""

    seconds: float
    ratio: float
    cpu_ratio: float
    megabytes: int


def peak_of_this_process() -> int:
    """Return the peak memory of this process so far, in MB."""
    found = PEAK.search(Path("/proc/self/status").read_text())
    return int(found[1]) // 1024 if found else 0


def run(command: Command) -> Run:
    """Run a process; Linux's high-water mark of memory only grows, so the last poll has the peak."""
    started, peak = time.monotonic(), 0
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors)
        ended = status = 0
        while not ended:
            found = PEAK.search(Path(f"/proc/{process.pid}/status").read_text())
            peak = int(found[1]) // 1024 if found else peak  # there is none once the process has ended
            time.sleep(POLL_INTERVAL)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        seconds, process.returncode = time.monotonic() - started, status
        if status:
            errors.seek(0)
            sys.exit(f"failed: {' '.join(command)}\n{errors.read().decode(errors='replace')[-2000:]}")
    return Run(seconds, used.ru_utime + used.ru_stime, peak)


def in_turns(programs: dict[str, Command], times: int) -> dict[str, Measured]:
    """Run all programs one after another, `times` times, after one turn that does not count."""
    turns = [{name: run(command) for name, command in programs.items()} for _ in range(times + 1)][1:]
    first = next(iter(programs))
    return {
        name: Measured(
            statistics.median(turn[name].seconds for turn in turns),
            statistics.median(turn[name].seconds / turn[first].seconds for turn in turns),
            statistics.median(turn[name].cpu / turn[first].cpu for turn in turns),
            max(turn[name].megabytes for turn in turns),
        )
        for name in programs
    }

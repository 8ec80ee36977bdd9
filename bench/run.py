"""`make bench`: measures whole processes in turns, and writes docs/benchmarks.md.

Every program reads the same saved snapshot. Ratios of neighbouring runs are what counts; seconds depend on
the machine. LEARNERS="10000 100000" chooses the sizes; a million needs 3 GB of disk, and for the script as
much memory as the machine has.
"""

import os
import platform
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.data import write

ROOT = Path(__file__).resolve().parents[1]
RUNS = int(os.environ.get("RUNS", "5"))
SIZES = [int(size) for size in os.environ.get("LEARNERS", "10000 100000").split()]
CONNECTOR = """name: {name}
source: {{conn_id: codebashing}}
courses: {courses}
delivery: {{method: folder, directory: /drop}}
guards: {{max_set_aside_percent: null}}
"""


def measure(command: list[str]) -> tuple[float, int]:
    """Run a process; return its wall-clock seconds and its peak memory in MB."""
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.monotonic() - started, usage.ru_maxrss // 1024


def side_by_side(ours: list[str], theirs: list[str]) -> tuple[float, float, int, int]:
    """Run two programs in turns; return median seconds, the median ratio of neighbours, and peak memories."""
    runs = [(measure(ours), measure(theirs)) for _ in range(RUNS + 1)][1:]
    seconds = statistics.median(mine for (mine, _), _ in runs)
    ratio = statistics.median(mine / other for (mine, _), (other, _) in runs)
    return seconds, ratio, max(peak for (_, peak), _ in runs), max(peak for _, (_, peak) in runs)


def bench_transform(folder: Path, snapshot: Path, learners: int, courses: str) -> str:
    """Return a line of the table: our render beside the cron script."""
    connector = folder / f"{courses}.yaml"
    connector.write_text(CONNECTOR.format(name=courses, courses=courses))
    out = folder / "out"
    render = [sys.executable, "-m", "include.codebashing_lms", "render", "--as-of", "2026-11-23T05:00:00Z"]
    ours = [*render, "--connector", str(connector), "--snapshot", str(snapshot), "--out", str(out)]
    theirs = [sys.executable, "bench/cron_script.py", courses, str(snapshot), str(folder / "cron.csv")]
    seconds, ratio, peak, their_peak = side_by_side(ours, theirs)
    rows = sum(1 for _ in next(out.glob("*.csv")).open("rb")) if learners <= 100_000 else 0
    print(f"{learners:,} learners, {courses}: {seconds:.2f} s, {ratio:.2f} of the script", file=sys.stderr)
    rate = f"{rows / seconds:,.0f}" if rows else "–"
    return f"| {learners:,} | {courses} | {seconds:.2f} | {ratio:.2f} | {peak} | {their_peak} | {rate} |"


def bench_load(folder: Path, snapshot: Path, learners: int) -> str:
    """Return a line of the second table: a load against a full ledger."""
    area = folder / "staging"
    first, second = ([sys.executable, "-m", "bench.ledger", "deliver", str(area), day] for day in "01")
    for day in "01":
        measure([sys.executable, "-m", "bench.ledger", "prepare", str(area), str(snapshot), day])
    filled, filled_peak = measure(first)
    seconds, peak = measure(second)
    return f"| {learners:,} | {filled:.1f} | {filled_peak} | {seconds:.1f} | {peak} |"


def main() -> None:
    """Measure, print and write the page."""
    transforms, loads = [], []
    for learners in SIZES:
        with TemporaryDirectory() as scratch:
            folder, snapshot = Path(scratch), Path(scratch) / "snapshot.json"
            write(snapshot, learners)
            transforms += [
                bench_transform(folder, snapshot, learners, courses) for courses in ("primary", "all")
            ]
            loads.append(bench_load(folder, snapshot, learners))
    commit = subprocess.check_output(["git", "describe", "--always", "--dirty"], cwd=ROOT, text=True).strip()
    page = PAGE.format(
        date=datetime.now(UTC).date(),
        commit=commit,
        machine=f"{os.cpu_count()} cores, {platform.machine()}",
        python=platform.python_version(),
        runs=RUNS,
        transforms="\n".join(transforms),
        loads="\n".join(loads),
    )
    (ROOT / "docs" / "benchmarks.md").write_text(page, encoding="utf-8")
    print(page)


PAGE = """# Benchmarks

Written by `make bench` on {date}, commit {commit}, {machine}, Python {python}. Whole processes with
their start-up, medians of {runs} runs in turns. The script (`bench/cron_script.py`) does what customers'
own scripts do: it reads everything into memory and checks nothing.

## transform

| learners | courses | seconds | ratio to the script | peak MB | script's peak MB | rows/s |
| --- | --- | --- | --- | --- | --- | --- |
{transforms}

## load with `send: changes`

The first delivery fills the ledger with a row a learner; the second finds nothing new.

| learners | first delivery s | peak MB | against the full ledger s | peak MB |
| --- | --- | --- | --- | --- |
{loads}
"""

if __name__ == "__main__":
    main()

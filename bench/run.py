"""`make bench`: measures whole processes in turns, checks that they agree, and writes docs/benchmarks.md.

Every program reads the same saved answer. Ratios of neighbouring runs are what counts; seconds depend on the
machine. LEARNERS="10000 100000" chooses the sizes and RUNS how often; a million takes 3 GB of disk, half an
hour, and for the cron script 15 GB of memory.
"""

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.agree import fingerprint, ids_that_stand_once
from bench.data import write
from bench.measure import ROOT, Command, Measured, in_turns, run

RUNS = int(os.environ.get("RUNS", "5"))
SIZES = [int(size) for size in os.environ.get("LEARNERS", "10000 100000").split()]
COURSES = ("primary", "all")
COMPARED = 100_000  # learners up to which every row of every program is compared
PEER_PYTHON = str(ROOT / ".bench" / "bin" / "python")
LEDGER = [sys.executable, "-m", "bench.ledger"]
MOST = {  # learners that a peer can do: memory ends orjson's, patience dlt's
    ("cron", "primary"): 1_000_000, ("cron", "all"): 1_000_000,
    ("orjson", "primary"): 100_000, ("orjson", "all"): 100_000,
    ("duckdb", "primary"): 1_000_000, ("duckdb", "all"): 1_000_000,
    ("dlt", "primary"): 100_000, ("dlt", "all"): 10_000,
}  # fmt: skip
CONNECTOR = """name: {name}
source: {{conn_id: codebashing}}
courses: {courses}
delivery: {{method: folder, directory: /drop}}
guards: {{max_set_aside_percent: null}}
"""


@dataclass(frozen=True)
class Case:
    """A number of learners, and which courses."""

    learners: int
    courses: str
    snapshot: Path
    folder: Path

    def out(self, program: str) -> Path:
        return self.folder / f"{program}_{self.courses}"

    def programs(self) -> dict[str, Command]:
        """Return the programs that can do this case, the cron script first."""
        peers = [peer for (peer, courses), most in MOST.items() if courses == self.courses]
        peers = [peer for peer in peers if self.learners <= MOST[peer, self.courses] or peer == "cron"]
        commands = {peer: self._peer(peer) for peer in peers}
        return {"cron": commands.pop("cron"), "ours": self._ours(), **commands}

    def _peer(self, name: str) -> Command:
        module = f"bench.peers.{name}_script"
        return [PEER_PYTHON, "-m", module, self.courses, str(self.snapshot), str(self.out(name))]

    def _ours(self) -> Command:
        connector = self.folder / f"{self.courses}.yaml"
        connector.write_text(CONNECTOR.format(name=self.courses, courses=self.courses))
        render = [
            sys.executable,
            "-m",
            "include.codebashing_lms",
            "render",
            "--as-of",
            "2026-11-23T05:00:00Z",
        ]
        files = [
            "--connector",
            str(connector),
            "--snapshot",
            str(self.snapshot),
            "--out",
            str(self.out("ours")),
        ]
        return [*render, *files]

    def rows(self) -> int:
        """Return how many rows we wrote."""
        return json.loads((self.out("ours") / "manifest.json").read_text())["records"]["emitted"]

    def check(self, ids: set[str], programs: dict[str, Command]) -> str:
        """Compare the rows of all programs; end everything where they differ."""
        if not ids:
            return "not compared"
        found = {
            name: fingerprint(next(self.out(name).glob("*_*.csv")) if name == "ours" else self.out(name), ids)
            for name in programs
        }
        if len(set(found.values())) > 1:
            sys.exit(f"{self.learners} learners, {self.courses}: the programs differ: {found}")
        rows, checksum = found["ours"]
        return f"{rows:,} rows agree ({checksum})"


def bench_transform(case: Case, ids: set[str]) -> tuple[list[str], Measured]:
    """Return the lines of a case, and what was measured of ours."""
    programs = case.programs()
    measured = in_turns(programs, RUNS)
    agreed = case.check(ids, programs)
    print(
        f"{case.learners:,} {case.courses}: {measured['ours'].ratio:.2f} of the cron script", file=sys.stderr
    )
    rows = case.rows()
    return [
        f"| {case.learners:,} | {case.courses} | {name} | {one.seconds:.2f} | {one.ratio:.2f} "
        f"| {one.cpu_ratio:.2f} | {one.megabytes} | {rows / one.seconds:,.0f} | {agreed} |"
        for name, one in measured.items()
    ], measured["ours"]


def bench_load(case: Case) -> str:
    """Return a line of the second table: deliveries of changes, without and against a full ledger."""
    area = case.folder / "staging"
    for day in "01":
        run([*LEDGER, "prepare", str(area), case.courses, day, str(case.snapshot)])
    first, second = (run([*LEDGER, "deliver", str(area), case.courses, day]) for day in "01")
    cells = (f"{one.seconds:.1f} | {one.megabytes}" for one in (first, second))
    return f"| {case.learners:,} | {' | '.join(cells)} |"


def bench_extract(case: Case) -> list[str]:
    """Return the lines of the third table."""
    command = [sys.executable, "-m", "bench.extract", str(case.snapshot)]
    found = json.loads(subprocess.check_output(command, cwd=ROOT))
    lines = [f"| {case.learners:,} | {name} | {rate:,.0f} |" for name, rate in found["mb_per_s"].items()]
    return [*lines, f"| {case.learners:,} | staged snapshot, share of the body | {found['share']:.1%} |"]


def ids_in(snapshot: Path) -> set[str]:
    """Return the employee IDs that stand once in a snapshot."""
    return ids_that_stand_once(one["employee_id"] for one in json.loads(snapshot.read_bytes()))


def bench_size(learners: int, ours: dict[tuple[int, str], Measured]) -> tuple[list[str], str, list[str]]:
    """Return the lines of a size for each table."""
    with TemporaryDirectory() as scratch:
        folder, snapshot = Path(scratch), Path(scratch) / "snapshot.json"
        write(snapshot, learners)
        ids = ids_in(snapshot) if learners <= COMPARED else set()
        transforms = []
        for courses in COURSES:
            case = Case(learners, courses, snapshot, folder)
            lines, ours[learners, courses] = bench_transform(case, ids)
            transforms += lines
        return transforms, bench_load(case), bench_extract(case)


def growth(ours: dict[tuple[int, str], Measured]) -> str:
    """Say how memory grows with the learners, from the smallest size of 100,000 and more to the largest."""
    sizes = sorted({learners for learners, _ in ours if learners >= COMPARED})
    if len(sizes) < 2:
        return ""
    low, high = sizes[0], sizes[-1]
    more = {courses: ours[high, courses].megabytes - ours[low, courses].megabytes for courses in COURSES}
    found = (f"{courses}: {size * 1e6 / (high - low):.0f} bytes" for courses, size in more.items())
    return (
        f"From {low:,} to {high:,} learners a transform's memory grows by, a learner: {', '.join(found)}.\n"
    )


def main() -> None:
    """Measure, print and write the page."""
    ours: dict[tuple[int, str], Measured] = {}
    found = [bench_size(learners, ours) for learners in SIZES]
    commit = subprocess.check_output(["git", "describe", "--always", "--dirty"], cwd=ROOT, text=True).strip()
    page = PAGE.format(
        date=datetime.now(UTC).date(),
        commit=commit,
        machine=f"{os.cpu_count()} cores, {platform.machine()}",
        python=platform.python_version(),
        runs=RUNS,
        transforms="\n".join(line for lines, _, _ in found for line in lines),
        loads="\n".join(line for _, line, _ in found),
        extracts="\n".join(line for _, _, lines in found for line in lines),
        growth=growth(ours),
    )
    (ROOT / "docs" / "benchmarks.md").write_text(page, encoding="utf-8")
    print(page)


PAGE = """# Benchmarks

Written by `make bench` on {date}, commit {commit}, {machine}, Python {python}. Whole processes with
their start-up, medians of {runs} runs in turns after one that does not count; ratios are to the cron
script's run of the same turn. The invented learners have 71 keys each, and names in several alphabets.

## transform

Ours has every rule on: set-aside, merging, conflicts, guards, manifest. The cron script is `requests` and
`csv`, with a saved file for the answer; the others are by orjson, DuckDB (on all cores) and dlt
(`bench/peers/`). They take the first learner of an ID and check nothing else, so rows are compared for the
IDs that stand once.

| learners | courses | program | seconds | ratio to cron | ratio of CPU time | peak MB | rows/s | compared |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{transforms}

{growth}
## load with `send: changes`

The first delivery fills the ledger with a row a learner; the second finds nothing new. One run each.

| learners | first delivery s | peak MB | against the full ledger s | peak MB |
| --- | --- | --- | --- | --- |
{loads}

## extract

MB of JSON a second from a loopback server that sends a file; the smallest of the parts limits all of it.

| learners | what | MB/s |
| --- | --- | --- |
{extracts}
"""

if __name__ == "__main__":
    main()

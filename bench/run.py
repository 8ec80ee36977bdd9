"""`make bench`: measures whole processes in turns, checks that they agree, and writes docs/benchmarks.md.

Every program reads the same saved answer. Compare ratios of runs in the same turn; seconds depend on the
machine. LEARNERS="10000 100000" chooses the sizes, RUNS the number of turns. A million learners take 4 GB of
disk, some half an hour, and 20 GB of memory for the cron script; where that memory is not free, the cron
script does not run.
"""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.agree import unique_ids
from bench.case import Case
from bench.data import write
from bench.measure import ROOT, Measured, in_turns, run

RUNS = int(os.environ.get("RUNS", "5"))
SIZES = [int(size) for size in os.environ.get("LEARNERS", "10000 100000 1000000").split()]
COURSES = ("primary", "all")
COMPARED = 100_000  # learners up to which every row of every program is compared
LOADED = {"primary": 1_000_000, "all": 100_000}  # learners up to which load is measured; more take too long
LEDGER = [sys.executable, "-m", "bench.ledger"]


def bench_transform(case: Case, ids: set[str]) -> tuple[list[str], Measured]:
    """Return the table's lines of a case, and our own measurements."""
    programs = case.programs()
    measured = in_turns(programs, RUNS)
    agreed = case.check(ids, programs)
    print(f"{case.learners:,} {case.courses}: {measured['ours'].seconds:.2f} s", file=sys.stderr)
    rows = case.rows()
    return [
        f"| {case.learners:,} | {case.courses} | {name} | {one.seconds:.2f} | {ratios(one, measured)} "
        f"| {one.megabytes} | {rows / one.seconds:,.0f} | {agreed} |"
        for name, one in measured.items()
    ], measured["ours"]


def ratios(one: Measured, measured: dict[str, Measured]) -> str:
    """Return both ratios to the cron script as cells; blank where the cron script did not run."""
    return f"{one.ratio:.2f} | {one.cpu_ratio:.2f}" if "cron" in measured else " | "


def bench_in_airflow(case: Case) -> str:
    """Return a line of the table of transforms in a process that has imported Airflow, too."""
    one = run(case.ours("bench.in_airflow"))
    return f"| {case.learners:,} | {case.courses} | {one.seconds:.2f} | {one.megabytes} |"


def bench_load(case: Case) -> str:
    """Return a line of the table of loads: the first delivery, and one against a full ledger."""
    area = case.folder / f"staging_{case.courses}"
    for day in "01":
        run([*LEDGER, "prepare", str(area), case.courses, day, str(case.snapshot)])
    first, second = (run([*LEDGER, "deliver", str(area), case.courses, day]) for day in "01")
    cells = (f"{one.seconds:.1f} | {one.megabytes}" for one in (first, second))
    return f"| {case.learners:,} | {case.courses} | {' | '.join(cells)} |"


def bench_extract(case: Case) -> list[str]:
    """Return the lines of the table of extracts."""
    command = [sys.executable, "-m", "bench.extract", str(case.snapshot)]
    found = json.loads(subprocess.check_output(command, cwd=ROOT))
    lines = [f"| {case.learners:,} | {name} | {rate:,.0f} |" for name, rate in found["mb_per_s"].items()]
    parts = {name: rate for name, rate in found["mb_per_s"].items() if name.endswith("alone")}
    return [
        *lines,
        f"| {case.learners:,} | limited by | {min(parts, key=parts.__getitem__)} |",
        f"| {case.learners:,} | peak memory beyond the imported modules | {found['memory']} MB |",
        f"| {case.learners:,} | staged snapshot, share of the body | {found['share']:.1%} |",
    ]


def ids_in(snapshot: Path) -> set[str]:
    """Return the employee IDs that occur once in a snapshot."""
    return unique_ids(one["employee_id"] for one in json.loads(snapshot.read_bytes()))


def bench_size(learners: int, ours: dict[tuple[int, str], Measured]) -> dict[str, list[str]]:
    """Return the lines for a number of learners, by table."""
    tables: dict[str, list[str]] = {"transforms": [], "in_airflow": [], "loads": [], "extracts": []}
    with TemporaryDirectory() as scratch:
        folder, snapshot = Path(scratch), Path(scratch) / "snapshot.json"
        write(snapshot, learners)
        ids = ids_in(snapshot) if learners <= COMPARED else set()
        for courses in COURSES:
            case = Case(learners, courses, snapshot, folder)
            lines, ours[learners, courses] = bench_transform(case, ids)
            tables["transforms"] += lines
            tables["in_airflow"].append(bench_in_airflow(case))
            tables["loads"] += [bench_load(case)] if learners <= LOADED[courses] else []
        tables["extracts"] = bench_extract(case)
    return tables


def growth(ours: dict[tuple[int, str], Measured]) -> str:
    """Say how time and memory grow from 100,000 learners, or the next larger size, to the largest size."""
    sizes = sorted({learners for learners, _ in ours if learners >= COMPARED})
    if len(sizes) < 2:
        return ""
    low, high = sizes[0], sizes[-1]
    lines = []
    for courses in COURSES:
        few, many = ours[low, courses], ours[high, courses]
        times, more = many.seconds / few.seconds, (many.megabytes - few.megabytes) * 1e6 / (high - low)
        lines.append(
            f"From {low:,} to {high:,} learners ({courses}) a transform takes {times:.1f} times as long and "
            f"{more:.0f} bytes of memory more a learner."
        )
    return "\n".join(lines) + "\n"


def output_of(module: str) -> str:
    """Return the table that another benchmark prints."""
    return subprocess.check_output([sys.executable, "-m", module], cwd=ROOT, text=True).strip()


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
        **{name: "\n".join(line for tables in found for line in tables[name]) for name in found[0]},
        growth=growth(ours),
        parsing=output_of("bench.parse"),
        dag_runs=output_of("bench.dag_runs"),
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
In a process that has imported `airflow.sdk` and the HTTP operator first, as a task has. One run each.

| learners | courses | seconds | peak MB |
| --- | --- | --- | --- |
{in_airflow}

## load with `send: changes`

The first delivery fills the ledger with every row; the second finds nothing new. One run each.

| learners | courses | first delivery s | peak MB | against the full ledger s | peak MB |
| --- | --- | --- | --- | --- | --- |
{loads}

## extract

MB of JSON a second from a loopback server that sends a file. A second thread compresses and writes while the
first reads HTTP and looks through the records, so that all of it is about as fast as the slowest part alone.

| learners | what | MB/s |
| --- | --- | --- |
{extracts}

## Airflow's part

What parsing the DAG file takes beyond importing `airflow.sdk` and the HTTP operator's module, in fresh
processes: run as a module, and as the DAG processor does it. The ten empty DAGs are Airflow's own part of it.

{parsing}

A whole `airflow dags test` on a thousand learners, beside one of an empty DAG of three tasks.

{dag_runs}
"""

if __name__ == "__main__":
    main()

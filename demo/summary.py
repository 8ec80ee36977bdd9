"""Prints what a run did: the file, the counts, the learners set aside, the folders."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

from demo.environment import ROOT

ROWS = 8
NEXT = """Next
  make ui                  the same DAG in Airflow's web interface
  make test                the whole test suite
  cp include/connectors/acme.yaml.example include/connectors/acme.yaml
                           your own connector; README.md has the rest of the 15 minutes"""


def print_summary(folder: Path) -> None:
    """Print what a delivered run did, from the files in its folder."""
    manifest = json.loads((folder / "manifest.json").read_text())
    receipt = json.loads((folder / "receipt.json").read_text())
    _print_file(Path(receipt["where"]))
    _print_counts(manifest)
    _print_set_aside(folder / "set_aside.csv")
    print("\nWhere everything is")
    print(f"  {_short(Path(receipt['where']))}")
    print(f"  {_short(folder)}/")
    for name in sorted(path.name for path in folder.iterdir()):
        print(f"    {name}")
    print(f"\n{NEXT}")


def _print_file(file: Path) -> None:
    with file.open(newline="", encoding="utf-8") as content:
        header, *rows = csv.reader(content)
    print(f"\nDelivered: {file.name}, {len(rows)} rows")
    _print_table([header, *rows[:ROWS]])
    if len(rows) > ROWS:
        print(f"  … and {len(rows) - ROWS} more")


def _print_counts(manifest: dict[str, Any]) -> None:
    records = manifest["records"]
    lines = [
        ("emitted", records["emitted"], _as_text(manifest["status"])),
        ("withheld", sum(records["withheld"].values()), _as_text(records["withheld"])),
        ("set aside", sum(records["set_aside"].values()), "needs a person, see below"),
        ("merged", records["merged"], "the same learner twice"),
    ]
    terms = " + ".join(f"{count} {disposition}" for disposition, count, _ in lines)
    print(f"\nNo record is lost: {records['read']} read = {terms}")
    for disposition, count, detail in lines:
        print(f"  {disposition:10}{count:4}  {detail}")
    if manifest["warnings"]:
        print(f"  warnings        {_as_text(manifest['warnings'])}")


def _print_set_aside(path: Path) -> None:
    with path.open(newline="", encoding="utf-8-sig") as content:
        rows = list(csv.DictReader(content))
    print("\nSet aside, and what to do about it")
    for (reason, detail), count in Counter((row["reason"], row["detail"]) for row in rows).items():
        print(f"  {count:3}  {reason}\n       {detail}")


def _as_text(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _print_table(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows[:1] + [["-" * width for width in widths]] + rows[1:]:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _short(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path

"""What a run did, for the terminal: the file, the numbers, who was set aside, where everything is."""

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


def report(folder: Path) -> None:
    """Show a run that delivered, from the files it left."""
    manifest = json.loads((folder / "manifest.json").read_text())
    receipt = json.loads((folder / "receipt.json").read_text())
    _delivered(Path(receipt["where"]))
    _numbers(manifest)
    _set_aside(folder / "set_aside.csv")
    print("\nWhere everything is")
    print(f"  {_short(Path(receipt['where']))}")
    print(f"  {_short(folder)}/")
    for name in sorted(path.name for path in folder.iterdir()):
        print(f"    {name}")
    print(f"\n{NEXT}")


def _delivered(file: Path) -> None:
    with file.open(newline="", encoding="utf-8") as content:
        header, *rows = csv.reader(content)
    print(f"\nDelivered: {file.name}, {len(rows)} rows")
    _table([header, *rows[:ROWS]])
    if len(rows) > ROWS:
        print(f"  … and {len(rows) - ROWS} more")


def _numbers(manifest: dict[str, Any]) -> None:
    records = manifest["records"]
    lines = [
        ("emitted", records["emitted"], _counts(manifest["status"])),
        ("withheld", sum(records["withheld"].values()), _counts(records["withheld"])),
        ("set aside", sum(records["set_aside"].values()), "needs a person, see below"),
        ("merged", records["merged"], "the same learner twice"),
    ]
    terms = " + ".join(f"{count} {place}" for place, count, _ in lines)
    print(f"\nNo record is lost: {records['read']} read = {terms}")
    for place, count, what in lines:
        print(f"  {place:10}{count:4}  {what}")
    if manifest["warnings"]:
        print(f"  warnings        {_counts(manifest['warnings'])}")


def _set_aside(listing: Path) -> None:
    with listing.open(newline="", encoding="utf-8-sig") as content:
        rows = list(csv.DictReader(content))
    print("\nSet aside, and what to do about it")
    for (reason, detail), count in Counter((row["reason"], row["detail"]) for row in rows).items():
        print(f"  {count:3}  {reason}\n       {detail}")


def _counts(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in numbers.items())


def _table(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows[:1] + [["-" * width for width in widths]] + rows[1:]:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _short(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path

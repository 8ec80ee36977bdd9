"""Snapshots that mean harm, thousands of learners of them, through the real transform and load.

    make fuzz RECORDS=100000 SEED=1

Whatever they hold: nothing crashes, every record is accounted for, the fates are those of a second reading
of the rules (tests/transform/oracle.py), every value stays in its cell, nothing lies outside the run's folder
and the drop, and the LMS is not told the same again. Some snapshots are damaged: they are read or refused.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
from msgspec import to_builtins

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.errors import CodebashingLmsError
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.journal import open_ledger
from include.codebashing_lms.load.prepare import LoadContext
from include.codebashing_lms.load.run import load
from include.codebashing_lms.staging.layout import run_folder
from include.codebashing_lms.transform.run import transform
from tests.end_to_end.hostile_content import HOSTILE, STRANGE, stays_in_its_cell
from tests.transform import oracle
from tests.transform.test_against_oracle import COLUMNS, DATES, ZONES, compare
from tests.transform.transform_run import connector, context, read_back

ROUND = 400  # learners in a snapshot
FIRST_DAY = datetime(2026, 11, 1, 5, tzinfo=UTC)
SLUGS = ["java", "python", "go", "", " ", *HOSTILE[:40]]
ANYTHING = r"(?s)^.+$"
SHAPES: list[dict[str, Any]] = [
    {},
    {"delimiter": ";", "quoting": "all"},
    {"delimiter": "\t", "line_ending": "\n"},
    {"delimiter": "|", "line_ending": "\r", "decimal_mark": ","},
    {"encoding": "utf-8", "bom": True},
    {"encoding": "cp1252", "delimiter": ";"},
    {"encoding": "shift_jis"},
    {"encoding": "utf-16"},
]
WHOLE = {
    "employee_id": None,
    "email": None,
    "primary_course_name": None,
    "primary_course_completed_lessons_count": None,
    "primary_course_lessons_count": None,
    "last_active_at": None,
    "java.completed_percentage": None,
    "java.completed_date": None,
}


@dataclass
class Found:
    """What went through."""

    records: int = 0
    snapshots: int = 0
    damaged: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    dispositions: Counter[str] = field(default_factory=Counter)


class Mischief:
    """Makes learners up: most are as they should be, some are not in one place, some in many."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def scalar(self) -> str:
        """Return some JSON value that is no text of ours."""
        rng = self.rng
        return rng.choice(
            [
                "null", "true", "false", "0", "-1", "1", "100", "99.995", "1e400", "-1e400", "1e-400", "NaN",
                "Infinity", "-0.0", "[]", "{}", '""', '" "', '"\\ud800"', '"\\udc00x"', '"\\u0000"', "[[[]]]",
                str(rng.randint(-(10**20), 10**20)), "9" * rng.choice([15, 16, 17, 400, 5000]),
                repr(rng.uniform(-10, 200)), json.dumps(rng.choice(HOSTILE[:60])), json.dumps(self.text()),
            ]
        )  # fmt: skip

    def text(self) -> str:
        """Return text of any kind, mostly short."""
        rng = self.rng
        if rng.random() < 0.02:
            return rng.choice(HOSTILE)
        ranges = [(0x20, 0x7E), (0, 0x1F), (0x80, 0x2FF), (0x600, 0x6FF), (0x2000, 0x206F), (0x1F300, 0x1FAFF)]
        signs = (rng.randint(*rng.choice(ranges)) for _ in range(rng.choice([0, 1, 2, 3, 8, 30])))
        return "".join(map(chr, signs))

    def date(self) -> str:
        """Return a date as JSON, most of them fine."""
        rng = self.rng
        return json.dumps(rng.choice([None, "2026-10-01T00:00:00", "2026-10-02", rng.choice(DATES)]))

    def learner(self, number: int) -> str:
        """Return a record as JSON."""
        rng = self.rng
        if rng.random() < 0.02:
            return rng.choice([one for one in STRANGE.values() if len(one) < 30_000 and one.isascii()])
        total = rng.choice([0, 1, 3, 4, 7, 100, 100_000])
        slug = rng.choice(SLUGS)
        who = number if rng.random() < 0.9 else rng.randint(0, ROUND)
        pairs = [
            ("employee_id", json.dumps(rng.choice([f"E{who}", f" E{who} ", who, float(who)]))),
            ("email", json.dumps(rng.choice([f"{who}@example.com", f"{who}@Example.com ", None]))),
            ("primary_course_name", json.dumps(slug)),
            ("primary_course_completed_lessons_count", json.dumps(rng.randint(0, total + 1))),
            ("primary_course_lessons_count", json.dumps(rng.choice([total, str(total), float(total), f"{total}.0"]))),
            ("last_active_at", self.date()),
        ]
        for course in dict.fromkeys([slug, *rng.sample(SLUGS, rng.choice([0, 1, 3]))]):
            pairs.append((f"{course}.completed_percentage", rng.choice(["0", "33.335", "100", "100.0", '"50"'])))
            pairs.append((f"{course}.completed_date", self.date()))
        for _ in range(rng.choice([0, 0, 1, 1, 2, 5])):
            at = rng.randrange(len(pairs))
            pairs[at] = (pairs[at][0], self.scalar())
        if rng.random() < 0.1:
            pairs.append(rng.choice([(self.text(), self.scalar()), (rng.choice(pairs)[0], self.scalar())]))
        rng.shuffle(pairs)
        return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in pairs) + "}"

    def snapshot(self, count: int) -> str:
        """Return a snapshot as JSON text."""
        learners = [self.learner(number) for number in range(count - 1)]
        return "[" + ",\n".join([*learners, json.dumps(WHOLE)]) + "]"

    def damaged(self, text: str) -> bytes:
        """Return a snapshot that something happened to."""
        rng, raw = self.rng, bytearray(text.encode())
        for _ in range(rng.choice([1, 1, 3, 30])):
            at = rng.randrange(len(raw))
            if rng.random() < 0.3:
                del raw[at : at + rng.choice([1, 2, 1000])]
            else:
                raw[at : at + rng.choice([0, 1])] = bytes([rng.randrange(256)])
        return bytes(raw[: rng.randrange(len(raw))] if rng.random() < 0.2 else raw)

    def sections(self) -> dict[str, Any]:
        """Return a connector file's sections that may be chosen freely."""
        rng = self.rng
        identity = {
            "on_missing": rng.choice(["set_aside", "use_email"]),
            "on_conflict": rng.choice(["set_aside", "best"]),
        }
        course_map = rng.choice([{}, {}, {"java": {"id": "=J,;\t|"}, "python": "ignore", "go": {"id": "=J,;\t|"}}])
        lms = {"course_map": course_map, "options": {"columns": COLUMNS, **rng.choice(SHAPES)}}
        lms["timezone"] = rng.choice(ZONES)
        return {
            "courses": rng.choice(["primary", "all", ["java", "go", *HOSTILE[:8]]]),
            "identity": identity | rng.choice([{}, {"pattern": ANYTHING}]),
            "lms": lms,
        }


@dataclass
class Round:
    """One snapshot on its way."""

    root: Path
    sections: dict[str, Any]
    number: int

    @property
    def connector(self) -> Connector:
        drop = {"delivery": {"method": "folder", "directory": str(self.root / "drop")}}
        return connector(**self.sections, **drop)

    def staged(self, snapshot: bytes, day: int) -> tuple[Path, dict[str, Any]]:
        """Transform a snapshot; return the run's folder, and what transform returned."""
        as_of = FIRST_DAY + timedelta(days=day)
        folder = run_folder(self.root / "staging", "acme", as_of, f"run{day}", 0)
        folder.mkdir(parents=True)
        path = folder / "snapshot.json"
        path.write_bytes(snapshot)
        about = context(run_id=f"run{day}", logical_date=as_of, as_of=as_of, extracted_at=as_of, provenance="live")
        return folder, transform(self.connector, path, None, folder, about, folder.joinpath)

    def agrees(self, text: str, got: SimpleNamespace) -> None:
        """Compare the fates with those of the second reading; it knows the default pattern and file only."""
        options = self.sections["lms"]["options"]
        if "pattern" in self.sections["identity"] or options.keys() != {"columns"}:
            return
        identity = self.sections["identity"]
        sys.setrecursionlimit(5000)  # some records are that deep
        items = json.loads(text, parse_int=lambda digits: int(digits[:300]))
        expected = oracle.expected(
            items,
            self.sections["courses"],
            self.sections["lms"]["course_map"],
            identity["on_missing"] == "use_email",
            identity["on_conflict"] == "best",
            ZoneInfo(self.sections["lms"]["timezone"]),
            FIRST_DAY,
        )
        compare(got, *expected, in_order=self.sections["courses"] == "primary")

    def accounted(self, got: SimpleNamespace, count: int) -> None:
        """Assert that every record is in exactly one place, and every value in its cell."""
        places = {name: sum(got.records[name].values()) for name in ("withheld", "set_aside")}
        places |= {name: got.records[name] for name in ("emitted", "merged")}
        assert sum(places.values()) == got.records["read"]
        assert got.records["read"] == (count if self.sections["courses"] == "primary" else got.records["read"])
        listed = Counter(pq.read_table(got.out / "left_out.parquet")["place"].to_pylist())
        unmapped = got.records["set_aside"].get("unmapped_course", 0)
        merged = {"withheld": places["withheld"], "merged": places["merged"], "set_aside": unmapped}
        assert listed == +Counter(merged)
        assert sum(int(line["records"]) for line in got.set_aside) == places["set_aside"]
        options = self.sections["lms"]["options"]
        got.raw = got.raw.decode(options.get("encoding", "utf-8")).encode().removeprefix(b"\xef\xbb\xbf")
        stays_in_its_cell(got, len(COLUMNS), delimiter=options.get("delimiter", ","))

    def delivered(self, folder: Path, transformed: dict[str, Any], send: str) -> dict[str, Any]:
        """Load a run, and look at what lies where afterwards."""
        run = LoadContext(run_id=folder.name.removesuffix(".0"), send=send)
        outcome = to_builtins(load(self.connector, None, transformed, folder, run, folder.joinpath))
        numbers = json.loads((folder / "manifest.json").read_text())["records"]
        left = sum(numbers["withheld"].values()) + sum(numbers["set_aside"].values()) + numbers["merged"]
        assert numbers["read"] == numbers["emitted"] + left
        return outcome

    def nothing_elsewhere(self, names: set[str]) -> None:
        """Assert that only our own folders are there, and only the delivered files in the drop."""
        assert {path.name for path in self.root.iterdir()} == {"staging", "drop"}
        own = {"runs", "ledger", "in_flight", "courses_seen.json", "snapshots"}
        assert {path.name for path in (self.root / "staging" / "acme").iterdir()} <= own
        assert {path.name for path in (self.root / "drop").iterdir()} == names
        for path in (self.root / "staging").rglob("*"):
            assert path.resolve().is_relative_to(self.root.resolve())


def good_snapshot(one: Round, text: str, count: int, found: Found) -> None:
    """Let a snapshot through twice; the second time there is nothing to tell."""
    (one.root / "drop").mkdir()
    folder, transformed = one.staged(text.encode(), 0)
    got = read_back(folder, transformed)
    one.accounted(got, count)
    one.agrees(text, got)
    outcome = one.delivered(folder, transformed, "full")
    emitted = got.records["emitted"]
    assert outcome["outcome"] == ("delivered" if emitted else "nothing_to_send")
    names = {got.manifest["file"]} if emitted else set()
    one.nothing_elsewhere(names)
    if emitted:
        assert (one.root / "drop" / got.manifest["file"]).read_bytes() == (folder / got.manifest["file"]).read_bytes()
        [destination_ledger] = ledgers(one.root / "staging" / "acme")
        assert len(open_ledger(destination_ledger).table) == emitted
    folder, transformed = one.staged(text.encode(), 1)
    assert one.delivered(folder, transformed, "changes")["outcome"] == "nothing_to_send"
    one.nothing_elsewhere(names)
    found.dispositions += Counter(emitted=emitted, merged=got.records["merged"])
    for place in ("withheld", "set_aside"):
        found.dispositions += Counter({f"{place}.{name}": times for name, times in got.records[place].items()})


def damaged_snapshot(one: Round, raw: bytes, found: Found) -> None:
    """Let something that may be no snapshot through: it is read, or refused in our words."""
    try:
        folder, transformed = one.staged(raw, 0)
    except CodebashingLmsError as error:
        found.refused[type(error).__name__] += 1
    else:
        got = read_back(folder, transformed)
        one.accounted(got, got.records["read"])


def one_round(seed: int, number: int, count: int, found: Found) -> None:
    """Make a snapshot up and let it through; a failure leaves it behind and says where."""
    rng = random.Random(f"{seed}.{number}")
    mischief = Mischief(rng)
    root = Path(tempfile.mkdtemp(prefix="codebashing-lms-fuzz-"))
    one = Round(root, mischief.sections(), number)
    text = mischief.snapshot(count)
    try:
        if number % 5 == 4:
            found.damaged += 1
            damaged_snapshot(one, mischief.damaged(text), found)
        else:
            good_snapshot(one, text, count, found)
    except BaseException:
        (root / "sections.json").write_text(json.dumps(one.sections))
        print(f"\nSeed {seed}, snapshot {number}: everything about it is in {root}", file=sys.stderr)
        raise
    found.records += count
    found.snapshots += 1
    shutil.rmtree(root)


def fuzz(records: int, seed: int, said: Callable[[str], object] = lambda text: None) -> Found:
    """Let so many records through; raise at the first that does harm."""
    found = Found()
    begun = time.monotonic()
    while found.records < records:
        one_round(seed, found.snapshots, min(ROUND, records - found.records), found)
        if found.snapshots % 25 == 0:
            said(f"{found.records} records, {time.monotonic() - begun:.0f} s")
    return found


def main() -> None:
    """Read the command line, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    asked = parser.parse_args()
    print(f"seed {asked.seed}")
    found = fuzz(asked.records, asked.seed, print)
    print(f"{found.records} records in {found.snapshots} snapshots, {found.damaged} of these damaged")
    for name, times in sorted(found.dispositions.items()):
        print(f"  {name:32} {times}")
    for name, times in sorted(found.refused.items()):
        print(f"  damaged, refused as {name:13} {times}")
    print("No crash; every sum holds; every value is in its cell; nothing lies elsewhere.")


if __name__ == "__main__":
    main()

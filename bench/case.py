"""A case of the benchmark of transform: a number of learners, and the programs that read their answer."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.agree import fingerprint
from bench.measure import ROOT, Command

CRON_NEEDS = 20_000  # bytes of memory a learner
PEER_PYTHON = str(ROOT / ".bench" / "bin" / "python")
MAX_LEARNERS = {  # of a peer: orjson would run out of memory, dlt take too long
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
        """Return the programs that can run this case; first the cron script, if there is memory for it."""
        limits = {peer: most for (peer, courses), most in MAX_LEARNERS.items() if courses == self.courses}
        peers = [peer for peer, most in limits.items() if self.learners <= most]
        cron = {"cron": self._peer("cron")} if self.has_room_for_cron() else {}
        return {**cron, "ours": self.ours(), **{peer: self._peer(peer) for peer in peers}}

    def has_room_for_cron(self) -> bool:
        """Tell whether there is memory for the whole answer as Python objects; print a line where not."""
        needed, free = self.learners * CRON_NEEDS, free_memory()
        if free < needed:
            print(
                f"{self.learners:,} {self.courses}: the cron script is left out: it needs some "
                f"{needed / 1e9:.0f} GB of memory, {free / 1e9:.0f} GB are free",
                file=sys.stderr,
            )
        return free >= needed

    def _peer(self, name: str) -> Command:
        module = f"bench.peers.{name}_script"
        return [PEER_PYTHON, "-m", module, self.courses, str(self.snapshot), str(self.out(name))]

    def ours(self, module: str = "include.codebashing_lms") -> Command:
        """Return our command, run as that module."""
        connector = self.folder / f"{self.courses}.yaml"
        connector.write_text(CONNECTOR.format(name=self.courses, courses=self.courses))
        files = ["--connector", connector, "--snapshot", self.snapshot, "--out", self.out("ours")]
        return [sys.executable, "-m", module, "render", "--as-of", "2026-11-23T05:00:00Z", *map(str, files)]

    def rows(self) -> int:
        """Return how many rows we wrote."""
        return json.loads((self.out("ours") / "manifest.json").read_text())["records"]["emitted"]

    def check(self, ids: set[str], programs: dict[str, Command]) -> str:
        """Compare the rows of all programs; exit where they differ."""
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


def free_memory() -> int:
    """Return the free memory in bytes."""
    found = re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())
    return int(found[1]) * 1024 if found else 0

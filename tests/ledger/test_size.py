"""Large ledgers, in processes of their own: memory does not grow with the rows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

SMALL, LARGE = 100_000, 1_000_000
BYTES_A_ROW = 60


def run(folder, learners, action):
    command = [sys.executable, "-m", "tests.ledger.large", str(folder), str(learners), action]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the peak memory from /proc")
def test_a_million_rows_need_hardly_more_memory_than_a_tenth(tmp_path):
    for action in ("first", "changed", "compare"):
        small, large = (run(tmp_path / str(learners), learners, action) for learners in (SMALL, LARGE))
        assert (small["rows"], large["rows"]) == (SMALL, LARGE)
        more = (large["megabytes"] - small["megabytes"]) * 1024 * 1024
        assert more < BYTES_A_ROW * (LARGE - SMALL), action

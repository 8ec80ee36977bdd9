"""A million rows, in a process of its own each."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.ledger.large import LEARNERS


def one_day(folder, *first):
    command = [sys.executable, "-m", "tests.ledger.large", str(folder), *first]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the peak memory as Linux tells it")
def test_a_million_rows(tmp_path):
    first, second = one_day(tmp_path, "first"), one_day(tmp_path)
    assert first["rows"] == second["rows"] == LEARNERS
    assert second["megabytes"] < 450

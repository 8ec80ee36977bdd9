"""Memory stays flat, whatever the size of the body."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.loopback import answer, serving
from tests.paths import ROOT

MEGABYTES = 60
READER = """
import re, sys
from pathlib import Path
from include.codebashing_lms.extract.fetch import fetch_snapshot
from tests.extract.source import connector, source_client

def peak():
    return int(re.search("VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def fetch(base_url, folder):
    client = source_client(connector(timeout=30).source, base_url)
    return fetch_snapshot(client, folder / "snapshots", folder / "run", None)

small, big, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
fetch(small, folder)
before = peak()
staged = fetch(big, folder)
print(staged.body_bytes, (peak() - before) // 1024)
"""


def learners(megabytes: int) -> bytes:
    record = json.dumps({"employee_id": "0042", "email": "someone@example.com", "note": "x" * 400}).encode()
    return b"[" + b",".join([record] * (megabytes * 1_000_000 // len(record))) + b"]"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the peak memory that Linux reports")
@pytest.mark.parametrize("compressed", [False, True])
def test_memory_is_flat(compressed, tmp_path):
    small, big = learners(4), learners(MEGABYTES)
    if compressed:
        small, big = gzip.compress(small, 1), gzip.compress(big, 1)
    headers = {"Content_Encoding": "gzip"} if compressed else {}
    with serving(answer(small, **headers)) as one, serving(answer(big, **headers)) as other:
        done = subprocess.run(
            [sys.executable, "-c", READER, one.base_url, other.base_url, str(tmp_path)],
            check=True, capture_output=True, text=True, cwd=ROOT, timeout=120,
        )  # fmt: skip
    size, growth = map(int, done.stdout.split())
    assert size > MEGABYTES * 990_000
    assert growth < 8

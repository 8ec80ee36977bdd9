"""Real processes at one ledger: two at once, and one that is killed at any moment."""

import random
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from include.codebashing_lms.ledger.journal import entries, open_ledger
from include.codebashing_lms.ledger.maintenance import rebuild
from include.codebashing_lms.ledger.numbered_files import numbered, numbers, read_metadata
from tests.ledger.writer import rows_of_delivery
from tests.paths import ROOT

ROWS = 20


def start(folder, name, rounds, how_many):
    arguments = [str(folder), name, str(rounds), str(how_many)]
    command = [sys.executable, "-m", "tests.ledger.writer", *arguments]
    pipe = subprocess.PIPE
    writer = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
    assert writer.stdout.readline() == "ready\n"
    return writer


def go(*writers):
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()


def is_whole(folder):
    """Check that the ledger opens, and equals the one folded from its journal; return it."""
    opened = open_ledger(folder)
    again = rebuild(folder)
    assert opened.number == again.number == len(entries(folder))
    assert opened.table.equals(again.table)
    for number in numbers(folder / "versions")[1:]:
        assert read_metadata(numbered(folder / "versions", number))["number"] == str(number)
    return opened


def test_two_writers_at_once(tmp_path):
    rounds = 25
    writers = [start(tmp_path, name, rounds, ROWS) for name in "ab"]
    go(*writers)
    outputs = [writer.communicate(timeout=120)[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert any("moved" in output for output in outputs)
    deliveries = [one["delivery"] for one in entries(tmp_path)]
    assert sorted(deliveries) == sorted(f"{name}-{number}" for name in "ab" for number in range(rounds))
    ledger = is_whole(tmp_path)
    assert len(ledger.table) == 2 * rounds * ROWS // 2 + ROWS // 2
    last = rows_of_delivery(deliveries[-1][0], rounds - 1, ROWS)["hundredths"].to_pylist()[-1]
    assert ledger.table.to_pandas().set_index("employee_id")["hundredths"]["0"] == last


def killed(folder, name, after):
    """Start a writer, kill it in the middle, return the deliveries that it reported."""
    writer = start(folder, name, 1000, 3000)
    go(writer)
    time.sleep(after)
    writer.send_signal(signal.SIGKILL)
    output, _ = writer.communicate(timeout=60)
    assert writer.returncode == -signal.SIGKILL
    return output.split()


def kill_again_and_again(folder, times, rng):
    entered = []
    for number in range(times):
        name = f"writer{number}"
        entered += killed(folder, name, rng.uniform(0, 0.6))
        there = [one["delivery"] for one in entries(folder)]
        assert there[: len(entered)] == entered
        assert len(there) <= len(entered) + 1  # the entry whose writer was killed before it could report it
        entered = there
        is_whole(folder)
    return entered


def test_killed_at_random_moments(tmp_path):
    entered = kill_again_and_again(tmp_path, 6, random.Random(20261123))
    assert len(entered) >= 6
    for number, one in enumerate(entries(tmp_path), 1):
        table = pq.read_table(numbered(tmp_path / "journal", number))
        name, _, at = one["delivery"].rpartition("-")
        expected = rows_of_delivery(name, int(at), 3000)["employee_id"].to_pylist()
        assert sorted(table["employee_id"].to_pylist()) == sorted(expected)


@pytest.mark.slow
def test_killed_at_many_more_moments(tmp_path):
    for seed in range(2):
        kill_again_and_again(tmp_path / str(seed), 20, random.Random(seed))

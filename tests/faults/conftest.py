"""A staged run to deliver through faults, and what must be true when it is over."""

import csv
import io
import shutil
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import demo.lms
import demo.sftp
from include.codebashing_lms.errors import DeliveryError
from include.codebashing_lms.ledger import entries, ledgers, open_ledger
from tests.delivery.conftest import StagedRun, drop, learner, lms, sftp, stage

__all__ = ["drop", "lms", "sftp"]
TRIES = 3
SECRETS = (demo.lms.TOKEN, demo.sftp.PASSWORD, "@example.com")
SOME = [learner(f"{number:08d}", "java", number % 5, 4) for number in range(1500)]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> StagedRun:
    """A file of some 70 kB, so that an upload takes several packets."""
    return stage(tmp_path_factory.mktemp("template") / "staging", SOME)


@pytest.fixture
def new_run(template: StagedRun, tmp_path: Path) -> Iterator[Callable[[], StagedRun]]:
    """Give a fresh copy of the staged run at every call."""
    root = template.folder.parents[3]
    made: list[Path] = []

    def copy() -> StagedRun:
        made.append(tmp_path / f"staging{len(made)}")
        shutil.copytree(root, made[-1])
        folder = made[-1] / template.folder.relative_to(root)
        return StagedRun(folder, template.transformed, template.run_id)

    yield copy
    for one in made:
        shutil.rmtree(one)


def through(attempt: Callable[[], dict[str, Any]]) -> list[Exception | dict[str, Any]]:
    """Try until it works, as Airflow does; return what came of every try, in which there is no secret."""
    results: list[Exception | dict[str, Any]] = []
    while len(results) < TRIES and not any(isinstance(result, dict) for result in results):
        try:
            results.append(attempt())
        except DeliveryError as error:
            told = "".join(traceback.format_exception(error))
            assert not [secret for secret in SECRETS if secret in told]
            results.append(error)
    assert isinstance(results[-1], dict), results
    return results


def agreed(staged: StagedRun, content: bytes) -> None:
    """Assert that receipt, journal and ledger say that exactly this content was delivered, once."""
    home = staged.folder.parents[2]
    assert content == staged.file.read_bytes()
    assert (staged.receipt["state"], staged.receipt["sha256"]) == ("delivered", staged.manifest["sha256"])
    [book] = ledgers(home)
    deliveries = [entry for entry in entries(book) if entry["kind"] == "delivery"]
    assert [entry["delivery"] for entry in deliveries] == [staged.receipt["delivery"]]
    rows = csv.DictReader(io.StringIO(content.decode()))
    told = open_ledger(book).table.select(["employee_id", "course_id", "hundredths"]).to_pylist()
    assert sorted((row["employee_id"], row["course_id"], row["percent_complete"]) for row in rows) == sorted(
        (one["employee_id"], one["course_id"], f"{one['hundredths'] / 100:g}") for one in told
    )
    assert not list((home / "open").glob("*"))
    assert not list(staged.folder.parents[3].rglob("*.part"))


def spread(total: int, count: int) -> list[int]:
    """Return so many offsets over a conversation of so many bytes, its first and last ones included."""
    return sorted({*(total * step // (count - 1) for step in range(count - 1)), max(total - 1, 0)})

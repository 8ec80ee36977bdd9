"""What must be true when a delivery through faults is over."""

import csv
import io
import traceback
from collections.abc import Callable
from typing import Any

import demo.lms
import demo.sftp
from include.codebashing_lms.errors import DeliveryError
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.journal import entries, open_ledger
from tests.load.staged_run import StagedRun, learner

TRIES = 3
SECRETS = (demo.lms.TOKEN, demo.sftp.PASSWORD, "@example.com")
SOME = [learner(f"{number:08d}", "java", number % 5, 4) for number in range(1500)]


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
    [destination_ledger] = ledgers(home)
    deliveries = [entry for entry in entries(destination_ledger) if entry["kind"] == "delivery"]
    assert [entry["delivery"] for entry in deliveries] == [staged.receipt["delivery"]]
    rows = csv.DictReader(io.StringIO(content.decode()))
    told = open_ledger(destination_ledger).table.select(["employee_id", "course_id", "hundredths"]).to_pylist()
    assert sorted((row["employee_id"], row["course_id"], row["percent_complete"]) for row in rows) == sorted(
        (one["employee_id"], one["course_id"], f"{one['hundredths'] / 100:g}") for one in told
    )
    assert not list((home / "in_flight").glob("*"))
    assert not list(staged.folder.parents[3].rglob("*.part"))


def spread(total: int, count: int) -> list[int]:
    """Return so many offsets over a conversation of so many bytes, its first and last ones included."""
    return sorted({*(total * step // (count - 1) for step in range(count - 1)), max(total - 1, 0)})

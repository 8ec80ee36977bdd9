import dataclasses
import json
import uuid

import pytest

from include.codebashing_lms.connections.model import HttpConnection, SftpConnection
from include.codebashing_lms.errors import ConnectorError, StagingError
from include.codebashing_lms.load.attempts import idempotency_key
from tests.load.staged_run import CSV, LEARNERS, NAME, RUN, learner, stage


@pytest.fixture
def folder(drop):
    return {"method": "folder", "directory": str(drop)}


def test_receipt_says_what_was_sent_where_when_and_by_whom(staged, drop, folder):
    outcome = staged.load(folder, skip_guards=("max_drop_percent",), reason="Layoffs")
    assert outcome["outcome"] == "delivered"
    assert outcome["sentence"] == f"{NAME} (2 rows, {len(CSV)} bytes) was dropped as {drop / NAME}."
    assert outcome["receipt"] == str(staged.folder / "receipt.json")
    receipt = staged.receipt
    assert uuid.UUID(receipt.pop("delivery"))
    assert receipt.pop("sending_since") <= receipt.pop("delivered_at")
    assert receipt == {
        "state": "delivered",
        "known": f"dropped as {drop / NAME}",
        "connector": "acme",
        "connector_sha256": "0",
        "as_of": "2026-11-23T05:15:02Z",
        "provenance": "live",
        "learners": {"read": 2, "known": 2},
        "package_version": "0.1.0",
        "run_id": RUN.run_id,
        "clear_number": 0,
        "triggered_by": "ada",
        "skipped_guards": ["max_drop_percent"],
        "reason": "Layoffs",
        "method": "folder",
        "where": str(drop / NAME),
        "destination": {"profile": "generic_csv", "method": "folder", "conn_id": "", "where": str(drop)},
        "file": NAME,
        "rows": 2,
        "refused": 0,
        "refusals_to_come": True,
        "bytes": len(CSV),
        "sha256": staged.transformed["sha256"],
        "sent_by_earlier_try": False,
    }
    assert (staged.folder / "receipt.json").stat().st_mode & 0o777 == 0o600


def test_receipt_says_sending_when_the_delivery_fails(staged, folder, drop):
    drop.rmdir()
    with pytest.raises(Exception, match="does not exist"):
        staged.load(folder)
    assert staged.receipt["state"] == "sending"


def test_second_load_of_a_run_sends_nothing(staged, drop, folder):
    first = staged.load(folder)
    (drop / NAME).unlink()
    second = staged.load(folder)
    assert second["outcome"] == "already_delivered"
    assert second["receipt"] == first["receipt"]
    assert "action resend" in second["sentence"]
    assert not list(drop.iterdir())


def test_load_after_clear_sends_nothing(staged, drop, folder, tmp_path):
    staged.load(folder)
    (drop / NAME).unlink()
    again = stage(tmp_path / "staging", [*LEARNERS, learner("1044", "java", 0, 4)], clear_number=1)
    outcome = again.load(folder, clear_number=1)
    assert outcome["outcome"] == "already_delivered"
    assert outcome["receipt"] == str(staged.folder / "receipt.json")
    assert not list(drop.iterdir())


def test_another_run_whose_folder_looks_alike_is_not_taken_for_this_one(staged, drop, folder, tmp_path):
    staged.load(folder, run_id="manual__2026-11-23T05_15_00_00_00")
    again = stage(tmp_path / "staging", clear_number=1)
    assert again.load(folder, clear_number=1)["outcome"] == "delivered"


def test_file_without_rows_is_not_sent(tmp_path, drop, folder):
    empty = stage(tmp_path / "staging", [])
    outcome = empty.load(folder)
    assert (outcome["outcome"], outcome["receipt"]) == ("nothing_to_send", None)
    assert not list(drop.iterdir())


def test_hold_sends_nothing(staged, drop, folder):
    assert staged.load({**folder, "hold": True})["outcome"] == "held"
    assert not list(drop.iterdir())


def test_dry_run_tries_and_sends_nothing(staged, drop, folder):
    outcome = staged.load(folder, dry_run=True)
    assert outcome["outcome"] == "dry_run"
    assert f"The folder {drop} is there and may be written" in outcome["sentence"]
    assert not list(drop.iterdir())
    assert not (staged.folder / "receipt.json").exists()


def test_check_only_leaves_no_probe(staged, drop, folder):
    outcome = staged.load(folder, check_only=True)
    assert outcome["outcome"] == "checked"
    assert "written, renamed and deleted" in outcome["sentence"]
    assert not list(drop.iterdir())


@pytest.mark.parametrize("name", [NAME, "manifest.json", "rows.parquet"])
def test_altered_file_is_refused(staged, drop, folder, name):
    with (staged.folder / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(StagingError, match=rf"{name} is not what transform wrote"):
        staged.load(folder)
    assert not list(drop.iterdir())


@pytest.mark.parametrize("name", [NAME, "manifest.json", "rows.parquet"])
def test_missing_file_is_refused(staged, folder, name):
    (staged.folder / name).unlink()
    with pytest.raises(StagingError, match=rf"{name} is not there"):
        staged.load(folder)


def test_connection_of_another_kind_is_refused(staged):
    with pytest.raises(ConnectorError, match="connection lms does not fit delivery.method sftp"):
        staged.load({"method": "sftp"}, HttpConnection("https://lms.example.com"))


def test_what_load_returns_is_small_and_json(staged, folder):
    assert len(json.dumps(staged.load(folder))) < 2048


def test_key_depends_on_all_that_makes_a_delivery():
    key = idempotency_key("acme", "run", "abc", "/drop/x.csv")
    assert key == idempotency_key("acme", "run", "abc", "/drop/x.csv")
    others = [
        idempotency_key("other", "run", "abc", "/drop/x.csv"),
        idempotency_key("acme", "run2", "abc", "/drop/x.csv"),
        idempotency_key("acme", "run", "abd", "/drop/x.csv"),
        idempotency_key("acme", "run", "abc", "/drop2/x.csv"),
    ]
    assert len({key, *others}) == 5


def test_secrets_are_in_no_representation():
    secrets = {"password": "s1", "private_key": "s2", "private_key_passphrase": "s3"}
    connection = SftpConnection("h", **secrets)
    assert not [value for value in secrets.values() if value in repr(connection)]
    assert dataclasses.asdict(connection)["password"] == "s1"

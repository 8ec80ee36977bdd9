"""The files of a ledger: what is there, what is missing, and what is damaged."""

import json
import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from include.codebashing_lms import __main__ as command
from include.codebashing_lms.errors import LedgerConflictError, StagingError
from include.codebashing_lms.ledger.destinations import other_destinations
from include.codebashing_lms.ledger.journal import REBUILD, append, entries, open_ledger
from include.codebashing_lms.ledger.maintenance import purge, rebuild
from include.codebashing_lms.ledger.numbered_files import numbers, numbers_without_gaps
from tests.ledger.connector import connector_of
from tests.ledger.journal_entries import DESTINATION, add_entry, day, mask, meta, noon, row, row_of, rows, versions


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def damage(path):
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)


def test_an_empty_start_writes_nothing(tmp_path):
    ledger = open_ledger(tmp_path / "new")
    assert (ledger.number, len(ledger.table), ledger.is_empty) == (0, 0, True)
    assert list(tmp_path.iterdir()) == []


def test_files_and_who_may_read_them(tmp_path):
    add_entry(tmp_path, 1, row("1"))
    assert names(tmp_path) == [
        "destination.json",
        "journal/000001.parquet",
        "versions/000000.parquet",
        "versions/000001.parquet",
    ]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*.*")} == {0o600}
    assert json.loads((tmp_path / "destination.json").read_text()) == DESTINATION
    assert not open_ledger(tmp_path).is_empty


def test_what_is_opened_is_what_was_written(tmp_path):
    written = add_entry(tmp_path, 1, row("1"), row("2", percent=100, email=None, user_key=None))
    opened = open_ledger(tmp_path)
    assert opened.number == written.number
    assert opened.table.equals(written.table)
    assert opened.table.schema.equals(written.table.schema)


def test_entries_have_their_metadata(tmp_path):
    add_entry(tmp_path, 1, row("1"), row("2"), run_id="manual__1")
    add_entry(tmp_path, 2, row("1"), unchanged=["2"], run_id="manual__2", reason="Grüße")
    first, second = entries(tmp_path)
    assert (first["number"], first["run_id"], first["rows"], first["unchanged"]) == (1, "manual__1", 2, 0)
    assert (second["kind"], second["reason"], second["rows"], second["unchanged"]) == ("delivery", "Grüße", 1, 1)
    assert second["as_of"] == "2026-11-02T12:00:00+00:00"
    assert datetime.fromisoformat(second["when"]) <= datetime.now(UTC)
    assert [one["number"] for one in reversed(entries(tmp_path))] == [2, 1]
    assert (len(entries(tmp_path)), list(entries(tmp_path / "none"))) == (2, [])


def test_a_delivery_enters_the_journal_once(tmp_path):
    first = add_entry(tmp_path, 1, row("1"), delivery="a")
    add_entry(tmp_path, 2, row("2"), delivery="b")
    assert add_entry(tmp_path, 3, row("1", percent=99), delivery="a").number == 2
    assert append(tmp_path, first, [rows(row("2"))], mask(first), meta(day(3), delivery="b")).number == 2
    assert row_of(open_ledger(tmp_path), "1")["hundredths"] == 5000


def test_the_second_of_two_writers_gets_an_error(tmp_path):
    stale = add_entry(tmp_path, 1, row("1"))
    add_entry(tmp_path, 2, row("2"))
    with pytest.raises(LedgerConflictError, match="journal entry 2") as moved:
        append(tmp_path, stale, [rows(row("3"))], mask(stale), meta(day(3)))
    assert moved.value.retryable
    assert set(open_ledger(tmp_path).table["employee_id"].to_pylist()) == {"1", "2"}


def test_the_first_entry_of_another_writer_seen_while_it_is_made(tmp_path, monkeypatch):
    expected = add_entry(tmp_path, 1, row("1"))
    listings = iter([[], numbers(tmp_path / "versions")])
    monkeypatch.setattr("include.codebashing_lms.ledger.journal.numbers", lambda _: next(listings))
    assert open_ledger(tmp_path).table.equals(expected.table)


def test_a_listing_that_lacks_a_name_is_made_again(tmp_path, monkeypatch):
    for number in range(1, 4):
        add_entry(tmp_path, number, row(str(number)))
    listings = iter([[1, 3], [1, 2, 3]])
    monkeypatch.setattr("include.codebashing_lms.ledger.numbered_files.numbers", lambda _: next(listings))
    assert numbers_without_gaps(tmp_path / "journal") == [1, 2, 3]


def test_an_entry_without_its_version_is_folded_in(tmp_path):
    add_entry(tmp_path, 1, row("1"))
    expected = add_entry(tmp_path, 2, row("2"))
    (tmp_path / "versions" / "000002.parquet").unlink()
    assert open_ledger(tmp_path).table.equals(expected.table)
    assert versions(tmp_path) == [0, 1, 2]


def test_a_ledger_that_is_gone_is_an_error(tmp_path):
    expected = add_entry(tmp_path, 1, row("1"))
    for version in (tmp_path / "versions").iterdir():
        version.unlink()
    with pytest.raises(StagingError) as gone:
        open_ledger(tmp_path)
    assert str(gone.value).endswith(f"Rebuild it: {REBUILD}")
    assert rebuild(tmp_path).table.equals(expected.table)
    assert open_ledger(tmp_path).table.equals(expected.table)


@pytest.mark.parametrize("lost", [(1,), (2,), (3,), (2, 3), (1, 2, 3)])
def test_a_journal_with_entries_missing_is_an_error(tmp_path, lost):
    for number in (1, 2, 3):
        add_entry(tmp_path, number, row(str(number)))
    for number in lost:
        (tmp_path / "journal" / f"{number:06d}.parquet").unlink()
    if lost == (1,):  # could have been purged: the ledger itself is whole
        assert open_ledger(tmp_path).number == 3
        return
    with pytest.raises(StagingError, match="Entries are missing"):
        open_ledger(tmp_path)


def test_a_folder_with_nothing_but_a_description_is_an_error(tmp_path):
    add_entry(tmp_path, 1, row("1"))
    for path in [*(tmp_path / "journal").iterdir(), *(tmp_path / "versions").iterdir()]:
        path.unlink()
    with pytest.raises(StagingError, match="Entries are missing"):
        open_ledger(tmp_path)


def test_a_damaged_version_is_rebuilt(tmp_path):
    expected = add_entry(tmp_path, 1, row("1"), row("2")).table
    damage(tmp_path / "versions" / "000001.parquet")
    with pytest.raises(StagingError, match=r"damaged.*can be rebuilt"):
        list(open_ledger(tmp_path))
    assert rebuild(tmp_path).table.equals(expected)
    assert open_ledger(tmp_path).table.equals(expected)


def test_a_damaged_entry_is_no_smaller_one(tmp_path):
    add_entry(tmp_path, 1, row("1"), row("2"))
    damage(tmp_path / "journal" / "000001.parquet")
    with pytest.raises(StagingError, match="backup"):
        rebuild(tmp_path)


def test_a_later_format_is_not_guessed_at(tmp_path, monkeypatch):
    with monkeypatch.context() as later:
        later.setattr("include.codebashing_lms.ledger.numbered_files.FORMAT", "3")
        add_entry(tmp_path, 1, row("1"))
    with pytest.raises(StagingError, match="format 3, this version knows 2"):
        open_ledger(tmp_path)


def test_old_versions_go_and_the_journal_stays(tmp_path):
    for number in range(1, 16):
        add_entry(tmp_path, number, row(str(number)))
    assert versions(tmp_path) == [0, *range(6, 16)]
    assert numbers(tmp_path / "journal") == list(range(1, 16))
    assert rebuild(tmp_path).number == 15


def test_what_killed_writers_left_goes_after_a_day(tmp_path):
    add_entry(tmp_path, 1, row("1"))
    old, young = (tmp_path / "journal" / f".000002.parquet.{name}.part" for name in ("old", "young"))
    for part in (old, young):
        part.touch()
    yesterday = time.time() - timedelta(days=1, minutes=1).total_seconds()
    os.utime(old, (yesterday, yesterday))
    assert add_entry(tmp_path, 2, row("2")).number == 2
    assert (old.exists(), young.exists()) == (False, True)


def test_a_purged_journal_goes_on_from_a_version(tmp_path):
    for number in range(1, 16):
        add_entry(tmp_path, number, row(str(number % 4), percent=number), when=day(number).isoformat())
    assert purge(tmp_path, day(4)) == 3
    assert purge(tmp_path, day(4)) == 0
    assert (numbers(tmp_path / "journal")[0], versions(tmp_path)[:3]) == (4, [0, 3, 6])
    expected = add_entry(tmp_path, 16, row("9"))
    assert 3 in versions(tmp_path)
    assert rebuild(tmp_path).table.equals(expected.table)
    assert purge(tmp_path, day(99)) == 12
    assert open_ledger(tmp_path).table.equals(expected.table)
    (tmp_path / "versions" / "000016.parquet").unlink()
    assert rebuild(tmp_path).table.equals(expected.table)


def test_an_interrupted_purge_ends_with_the_next(tmp_path):
    for number in range(1, 6):
        add_entry(tmp_path, number, row(str(number)), when=day(number).isoformat())
    purge(tmp_path, day(3))
    (tmp_path / "journal" / "000003.parquet").unlink()
    assert rebuild(tmp_path).number == 5
    assert purge(tmp_path, day(5)) == 1
    assert sorted(rebuild(tmp_path).table["employee_id"].to_pylist()) == list("12345")


def test_the_command_rebuilds_every_ledger_of_a_connector(tmp_path, capsys):
    connector, file = connector_of(tmp_path)
    home = tmp_path / "staging" / connector.name
    for destination in ("aaaa", "bbbb"):
        add_entry(home / "ledger" / destination, 1, row("1042"), row("0042"))
        (home / "ledger" / destination / "versions" / "000001.parquet").unlink()
    arguments = ["rebuild-ledger", "--connector", str(file), "--staging", str(tmp_path / "staging")]
    assert command.main(arguments) == 0
    output = capsys.readouterr().out
    assert output == "aaaa: 1 entry of the journal, 2 rows\nbbbb: 1 entry of the journal, 2 rows\n"
    assert versions(home / "ledger" / "aaaa") == [0, 1]
    assert arguments[0] in REBUILD


def test_the_command_finds_nothing_to_rebuild(tmp_path, capsys):
    _, file = connector_of(tmp_path)
    assert command.main(["rebuild-ledger", "--connector", str(file), "--staging", str(tmp_path)]) == 1
    assert "has no ledger" in capsys.readouterr().err


def test_another_destination_is_another_ledger(tmp_path):
    from include.codebashing_lms.ledger.destinations import destination_folder

    one, _ = connector_of(tmp_path)
    other, _ = connector_of(tmp_path, {"method": "sftp", "conn_id": "lms", "directory": "in"})
    third, _ = connector_of(tmp_path, {"method": "http", "conn_id": "lms", "endpoint": "/import"})
    folders = {destination_folder(tmp_path, each)[0].name for each in (one, other, third)}
    assert len(folders) == 3
    folder, about = destination_folder(tmp_path, other)
    assert len(folder.name) == 16
    add_entry(folder, 1, row("1"), destination=about)
    assert other_destinations(tmp_path, other) == []
    assert other_destinations(tmp_path, one) == ["in (sftp by the connection lms, profile generic_csv)"]


def test_a_first_writer_that_was_killed_leaves_an_empty_start(tmp_path):
    add_entry(tmp_path, 1, row("1"))
    (tmp_path / "journal" / "000001.parquet").unlink()
    (tmp_path / "versions" / "000001.parquet").unlink()
    (tmp_path / "destination.json").unlink()
    assert open_ledger(tmp_path).is_empty
    assert row_of(add_entry(tmp_path, 2, row("1")), "1")["sent_at"] == noon(2)

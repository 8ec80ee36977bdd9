"""A ledger in an object store."""

import pytest

from include.codebashing_lms.errors import LedgerConflictError, StagingError
from include.codebashing_lms.ledger.destinations import destination_folder, ledgers, other_destinations
from include.codebashing_lms.ledger.journal import append, entries, open_ledger
from include.codebashing_lms.ledger.maintenance import rebuild, roll_back
from tests.fakes.object_store import HandsOn, bucket_of, in_front_of
from tests.ledger.connector import connector_of
from tests.ledger.journal_entries import add_entry, day, mask, meta, row, row_of, rows, versions


def test_a_ledger_in_a_bucket(store, tmp_path):
    root, bucket = store
    connector, _ = connector_of(tmp_path)
    folder, about = destination_folder(root / connector.name, connector)
    assert open_ledger(folder).is_empty
    first = add_entry(folder, 1, row("1"), row("2"), destination=about)
    second = add_entry(folder, 2, row("1", percent=100), unchanged=["2"], reason="Grüße", destination=about)
    with pytest.raises(LedgerConflictError, match="journal entry 2"):
        append(folder, first, [rows(row("3"))], mask(first), meta(day(3), destination=about))
    assert row_of(open_ledger(folder), "1") == row_of(second, "1")
    assert [(one["number"], one["rows"], one["unchanged"]) for one in entries(folder)] == [(1, 2, 0), (2, 1, 1)]
    assert roll_back(folder, 1, meta(day(4), destination=about)).table.equals(first.table)
    assert (ledgers(root / connector.name), other_destinations(root / connector.name, connector)) == ([folder], [])
    place = f"training/acme/ledger/{folder.name}"
    assert {one.key.removeprefix(f"{place}/") for one in bucket.objects.all()} == {
        "destination.json",
        *(f"journal/{number:06d}.parquet" for number in (1, 2, 3)),
        *(f"versions/{number:06d}.parquet" for number in (0, 1, 2, 3)),
    }


def test_what_others_wrote_meanwhile_is_seen(store):
    """The store's client remembers listings; another process would not be heard of."""
    folder, bucket = store[0] / "ledger", store[1]
    add_entry(folder, 1, row("1"))
    assert open_ledger(folder).number == 1
    expected = add_entry(folder / "elsewhere", 1, row("1"))
    expected = add_entry(folder / "elsewhere", 2, row("2"))
    for name in ("journal", "versions"):
        source = f"training/ledger/elsewhere/{name}/000002.parquet"
        bucket.copy({"Bucket": bucket.name, "Key": source}, f"training/ledger/{name}/000002.parquet")
    assert open_ledger(folder).table.equals(expected.table)
    assert len(entries(folder)) == 2


def test_a_ledger_that_is_gone_from_a_bucket(store):
    folder, bucket = store[0] / "ledger", store[1]
    for number in range(1, 13):
        expected = add_entry(folder, number, row(str(number)))
    assert versions(folder) == [0, *range(3, 13)]
    bucket.objects.filter(Prefix="training/ledger/versions").delete()
    with pytest.raises(StagingError, match="rebuild-ledger"):
        open_ledger(folder)
    assert rebuild(folder).table.equals(expected.table)
    assert open_ledger(folder).table.equals(expected.table)


class LosesTheAnswer(HandsOn):
    """Puts the first journal entry and never says so: the client tries again, and finds the name taken."""

    lost: set[str]

    def is_lost(self):
        if self.command != "PUT" or "journal/" not in self.path or self.path in self.lost:
            return False
        self.lost.add(self.path)
        return True


def test_an_entry_whose_answer_was_lost_is_in(s3, monkeypatch):
    lost = set()
    with in_front_of(s3, type("Loses", (LosesTheAnswer,), {"lost": lost})) as address:
        name = f"lossy{s3.rpartition(':')[2]}"
        root, _ = bucket_of(address, name, monkeypatch, behind=s3)
        ledger = add_entry(root / "ledger", 1, row("1"))
        assert len(lost) == 1
        assert ledger.number == 1
        assert row_of(ledger, "1")["hundredths"] == 5000
        assert versions(root / "ledger") == [0, 1]

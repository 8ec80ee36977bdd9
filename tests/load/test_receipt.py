"""receipt.json: its states and their order, and what is in the file."""

import json

import pytest

from include.codebashing_lms.load.receipt import (
    TRANSITIONS,
    Content,
    Part,
    Pickup,
    State,
    read_receipt,
    transition,
    write_receipt,
)
from tests.load.receipts import receipt

OPTIONAL = {"packing", "content", "parts", "import", "after", "job", "wait", "resolution", "pickup", "known"}


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_a_receipt_comes_to_the_states_that_are_allowed_and_to_no_other(before, after):
    if after == before or after in TRANSITIONS[before]:
        assert transition(receipt(before), after, job="7") == receipt(after, job="7")
        return
    with pytest.raises(ValueError, match=f"that is {before} does not become {after}"):
        transition(receipt(before), after)


def test_a_delivered_one_stays_delivered():
    assert TRANSITIONS.keys() == set(State)
    assert TRANSITIONS[State.DELIVERED] == set()


def test_what_is_written_is_read(tmp_path):
    parts = [Part("a.gz", 1, "0", 1, "java", {"compression": "gzip"}, Content("a", 2, "1")), Part("b", 3, "2", 0)]
    whole = receipt(parts=parts, import_="by a person", pickup=Pickup(), refused=1)
    write_receipt(tmp_path, whole)
    assert read_receipt(tmp_path) == whole
    text = json.loads((tmp_path / "receipt.json").read_text())
    assert (text["import"], text["pickup"]["state"]) == ("by a person", "dropped")
    assert text["parts"][1] == {"file": "b", "bytes": 3, "sha256": "2", "rows": 0}


def test_a_key_without_a_value_is_absent(tmp_path):
    assert read_receipt(tmp_path) is None
    write_receipt(tmp_path, receipt())
    text = json.loads((tmp_path / "receipt.json").read_text())
    assert not OPTIONAL & text.keys()
    assert (text["state"], text["refused"], text["reason"]) == ("sending", 0, None)


@pytest.mark.parametrize("change", [{"state": "lost"}, {"rows": "many"}, {"file": None}])
def test_a_damaged_one_is_refused(tmp_path, change):
    write_receipt(tmp_path, receipt())
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=r"receipt.json is damaged"):
        read_receipt(tmp_path)

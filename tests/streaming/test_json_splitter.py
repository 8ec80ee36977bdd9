"""The splitter gives all records of any valid document, and finds every truncated document."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.codebashing_lms.errors import SnapshotError, TruncatedSnapshotError
from include.codebashing_lms.streaming import json_splitter as splitter
from include.codebashing_lms.streaming.json_file import decode_leniently
from include.codebashing_lms.streaming.json_splitter import RecordSplitter

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["},{", '"}', "\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4) | VALUES, max_size=12)


def plain(array):
    return [json.loads(bytes(item)) for item in splitter._raw_records.decode(array)]


def split(document: bytes, piece: int, path: str | None = None) -> list:
    parts = RecordSplitter(path, plain, decode_leniently)
    pieces = [document[at : at + piece] for at in range(0, len(document), piece)]
    return [r for one in pieces for c in parts.feed(one) for r in c] + [
        record for chunk in parts.finish() for record in chunk
    ]


def same(left, right):
    return json.dumps(left) == json.dumps(right)


@pytest.fixture(autouse=True)
def _tiny_batches(monkeypatch):
    monkeypatch.setattr(splitter, "BATCH", 40)


@settings(max_examples=400, deadline=None)
@given(DOCUMENTS, st.integers(1, 60), st.sampled_from([None, 1]), st.booleans())
def test_any_array_comes_back_record_by_record(records, piece, indent, escaped):
    splitter.BATCH = 40
    text = json.dumps(records, indent=indent, ensure_ascii=escaped)
    assert same(split(text.encode("utf-8", "surrogatepass"), piece), json.loads(text)) or not escaped


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS, st.integers(1, 60))
def test_an_array_inside_an_object_comes_back_the_same(records, piece):
    document = json.dumps({"meta": {"users": [1]}, "data": {"n": 3, "users": records}, "next": None}).encode()
    assert same(split(document, piece, "data.users"), records)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), min_size=1, max_size=6), st.data())
def test_a_document_cut_anywhere_is_an_error(records, data):
    document = json.dumps(records).encode()
    cut = data.draw(st.integers(1, len(document) - 1))
    with pytest.raises(SnapshotError):
        split(document[:cut], 7)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"<html>sign in</html>", "HTML"),
        (b"plain text", "not JSON"),
        (b"", "not JSON"),
        (b'{"users": [], "total": 0}', "users"),
        (b'{"error": "no"}', "error"),
        (b'[{"a": 1}] tail', "follows"),
        (b'[{"a": 1},]', "broken"),
        (b'[{"a": 1} {"a": 2}]', "broken"),
        (b"[1,,2]", "broken"),
        (b'[{"a": 1}}]', "broken"),
    ],
)
def test_a_document_without_an_array_is_named(document, words):
    with pytest.raises(SnapshotError, match=words):
        split(document, 5)


def test_a_truncated_answer_is_retryable_and_a_wrong_shape_is_not():
    with pytest.raises(TruncatedSnapshotError) as truncated:
        split(b'[{"a": 1}, {"a"', 100)
    assert truncated.value.retryable
    with pytest.raises(SnapshotError, match=r"source\.records_path") as wrong:
        split(b'{"users": [{"a": 1}]}', 100)
    assert not wrong.value.retryable


@pytest.mark.parametrize("path", ["nothing", "users.deeper", "users"])
def test_a_wrong_records_path_is_an_error(path):
    with pytest.raises(SnapshotError, match="records_path"):
        split(b'[{"users": 1}]' if path == "users" else b'{"users": [1]}', 100, path)


@pytest.mark.parametrize(
    "value", ["NaN", "-Infinity", "1e400", '"\\ud800"', "[" * 1500 + "]" * 1500, '{"a":' * 1500 + "1" + "}" * 1500]
)
def test_a_record_that_a_fast_decoder_refuses_is_read_alone(value):
    document = f'[{{"id": "a", "x": {value}}}, {{"id": "b"}}, 5, {{"id": "c"}}]'.encode()
    records = split(document, 100)
    assert [record["id"] if isinstance(record, dict) else record for record in records] == ["a", "b", 5, "c"]


def test_a_record_that_is_no_json_alone_leaves_the_others():
    broken, good = split(b'[{"id": 01}, {"id": "b"}]', 100)
    assert not isinstance(broken, dict)
    assert good == {"id": "b"}


def test_a_byte_order_mark_is_no_record():
    assert split(b'\xef\xbb\xbf[{"a": 1}]\n', 3) == [{"a": 1}]


def test_keys_that_may_be_people_are_not_named():
    by_address = json.dumps({"status": 1, "ada@example.com": [], "1042": [], "E-77": []}).encode()
    with pytest.raises(SnapshotError, match=r"its keys are: status, 3 that may be people's\."):
        split(by_address, 7)
    by_login = json.dumps({f"user{'abcdefghijklmnopqrstuvwxyz'[at]}": [] for at in range(26)}).encode()
    with pytest.raises(SnapshotError, match=r"its keys are: 26 that may be people's\."):
        split(by_login, 7)

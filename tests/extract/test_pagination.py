"""Answers in pages become one snapshot; pages that go in circles end."""

import gzip
import json

import pytest

from include.codebashing_lms.errors import SnapshotError, SourceError, SourceUnavailableError
from include.codebashing_lms.extract import pagination as source_pages
from tests.extract.test_fetch import content
from tests.fakes.loopback import answer, serving, zipped

PEOPLE = [{"employee_id": str(number), "note": 'a "},{" b'} for number in range(5)]
BY_PAGE = {"pagination": "page"}
BY_LINK = {"pagination": "link"}
PATH = "/api/v1/users/sign_in_and_course_info"


def linked(body, target, **headers) -> bytes:
    return answer(body, Link=f'<{target}>; rel="next"', **headers)


@pytest.mark.parametrize(
    ("pages", "records"),
    [
        pytest.param([[]], 0, id="no page"),
        pytest.param([PEOPLE[:1], []], 1, id="one page"),
        pytest.param([PEOPLE[:2], PEOPLE[2:4], []], 4, id="two pages, the last one full"),
        pytest.param([PEOPLE[:2], PEOPLE[2:4], PEOPLE[4:], []], 5, id="three pages, the last one not full"),
    ],
)
def test_by_page(pages, records, fetch, files):
    with serving(*map(answer, pages)) as server:
        staged = fetch(server.base_url, **BY_PAGE)
    assert staged.records == records
    assert staged.warnings == {}
    assert content(staged.path) == PEOPLE[:records]
    assert files() == [staged.path]
    assert [request.target for request in server.requests] == [
        f"{PATH}?fields=email&page={number}" for number in range(1, len(pages) + 1)
    ]


@pytest.mark.parametrize(
    ("pages", "records"),
    [
        pytest.param([answer([])], 0, id="nobody"),
        pytest.param([answer(PEOPLE[:1])], 1, id="one page"),
        pytest.param([linked(PEOPLE[:3], "/two"), zipped(PEOPLE[3:])], 5, id="two pages"),
        pytest.param([linked([], "/two"), answer(PEOPLE[:2])], 2, id="an empty page before others"),
        pytest.param([linked(PEOPLE[:2], "?page=2"), answer([])], 2, id="an empty page at the end"),
    ],
)
def test_by_link(pages, records, fetch):
    with serving(*pages) as server:
        staged = fetch(server.base_url, **BY_LINK)
    assert (staged.records, content(staged.path)) == (records, PEOPLE[:records])
    assert len(server.requests) == len(pages)


def test_links_are_asked_for_as_they_stand(fetch):
    served = answer(PEOPLE[:1], Link='</p?a=1>; rel="prev first", <?page=2&fields=x>; rel="next last"')
    with serving(served, answer(PEOPLE[1:])) as server:
        fetch(server.base_url, **BY_LINK)
    assert server.requests[1].target == f"{PATH}?page=2&fields=x"
    assert "Authorization" in server.requests[1].headers


def test_records_keep_their_text(fetch):
    text = b'[{"id": 1.0, "x": NaN, "y": "\\ud800"}, {"id": 12345678901234567890123, "a": 1, "a": 2}]'
    with serving(answer(text), answer([7]), answer([])) as server:
        staged = fetch(server.base_url, **BY_PAGE)
    import pyarrow as pa

    combined = pa.input_stream(staged.path).read()
    assert combined.replace(b",\n", b", ") == text[:-1] + b", 7]"
    assert (staged.records, staged.body_bytes) == (3, len(combined))


def test_pages_wrapped_in_an_object(fetch):
    pages = [answer({"users": PEOPLE[:3]}), answer({"users": PEOPLE[3:]}), answer({"users": []})]
    with serving(*pages) as server:
        staged = fetch(server.base_url, records_path="users", **BY_PAGE)
    assert content(staged.path) == PEOPLE


def test_each_page_is_tried_again_by_itself(fetch):
    truncated = answer(gzip.compress(json.dumps(PEOPLE[2:]).encode())[:-4], Content_Encoding="gzip")
    pages = [answer(PEOPLE[:2]), truncated, answer(b"", "503 Busy"), answer(PEOPLE[2:]), answer([])]
    with serving(*pages) as server:
        staged = fetch(server.base_url, **BY_PAGE)
    assert content(staged.path) == PEOPLE
    assert [request.target[-1] for request in server.requests] == ["1", "2", "2", "2", "3"]


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        pytest.param(answer(b"", "401 No"), SourceError, "401", id="credentials"),
        pytest.param(answer(b"", "500 No"), SourceUnavailableError, r"500 .* attempt 3\.", id="server error"),
        pytest.param(answer({"error": "x"}), SnapshotError, "^Page 2 of http.*keys are: error", id="object"),
        pytest.param(answer(PEOPLE[:2]), SourceError, "^Page 2 of http.*repeats an", id="repeated"),
    ],
)
def test_a_bad_page_after_a_good_one_leaves_nothing(bad, error, message, fetch, files):
    with serving(answer(PEOPLE[:2]), bad) as server, pytest.raises(error, match=message):
        fetch(server.base_url, **BY_PAGE)
    assert files() == []


def test_a_link_in_a_circle(fetch, files):
    with (
        serving(linked([], "/two"), linked([], "/three"), linked([], "/two")) as server,
        pytest.raises(SourceError, match="repeats an earlier page"),
    ):
        fetch(server.base_url, **BY_LINK)
    assert len(server.requests) == 4
    assert files() == []


@pytest.mark.parametrize("target", ["https://evil.example/p", "//localhost:1/p", "https://localhost/p"])
def test_a_link_to_another_host_is_not_followed(target, fetch, files):
    with (
        serving(linked(PEOPLE, target)) as server,
        pytest.raises(SourceError, match="another host; it is not followed"),
    ):
        fetch(server.base_url, **BY_LINK)
    assert len(server.requests) == 1
    assert files() == []


def test_pages_without_end(fetch, files, monkeypatch):
    monkeypatch.setattr(source_pages, "MOST_PAGES", 3)
    with (
        serving(*(answer([number]) for number in range(9))) as server,
        pytest.raises(SourceError, match="more than 3 pages"),
    ):
        fetch(server.base_url, **BY_PAGE)
    assert files() == []

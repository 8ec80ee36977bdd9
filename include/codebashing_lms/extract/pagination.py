"""Answers in several pages. A page is small enough to be held in memory; all of them may not be."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import msgspec
import requests
from requests.utils import parse_header_links

from include.codebashing_lms.connections.http_errors import without_query
from include.codebashing_lms.errors import SourceError
from include.codebashing_lms.extract.client import SourceClient
from include.codebashing_lms.extract.download import error_context, is_gzip, iter_body, iter_gunzip
from include.codebashing_lms.streaming.json_splitter import RecordSplitter

# A cursor that never comes to an end would otherwise fill the disk.
MOST_PAGES = 10_000
PORTS = {"http": 80, "https": 443}

_raw_records = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class Page:
    """One answer: its records, each as it stands there."""

    records: list[bytes]
    read_at: datetime
    url: str
    next_url: str | None


def read_pages(api: SourceClient, url: str, params: dict[str, str]) -> Iterator[Page]:
    """Give page after page; raise SourceError where they go in circles."""
    by_number = api.source.pagination == "page"
    seen: set[str] = set()
    ask: tuple[str, dict[str, str]] = (url, {**params, "page": "1"} if by_number else params)
    for number in range(1, MOST_PAGES + 1):
        page = _read_page(api, *ask, number)
        _refuse_repetition(page, number, seen)
        yield page
        if by_number:
            ask = (url, {**params, "page": str(number + 1)})
        elif page.next_url:
            ask = (_same_origin(page.next_url, page.url), {})
        if not (page.records if by_number else page.next_url):
            return
    raise SourceError(
        f"{without_query(url)} has more than {MOST_PAGES:,} pages: its pagination does not come to an end. "
        "Check source.pagination in the connector file."
    )


def as_one_array(pages: Iterable[Page]) -> Iterator[bytes]:
    """Give the records of all pages as the text of one JSON array."""
    opening = b"["
    for page in pages:
        if page.records:
            yield opening + b",\n".join(page.records)
            opening = b",\n"
    yield b"]" if opening != b"[" else b"[]"


def link_to_next(response: requests.Response) -> str | None:
    """Return the address of the next page as a Link header gives it (RFC 8288)."""
    for link in parse_header_links(response.headers.get("Link", "")):
        if "next" in link.get("rel", "").lower().split():
            return urljoin(response.url, link["url"])
    return None


def _read_page(api: SourceClient, url: str, params: dict[str, str], number: int) -> Page:
    def attempt() -> Page:
        """Ask for the page once."""
        with api.get(url, params) as response, error_context(f"Page {number} of {without_query(url)}"):
            read_at = datetime.now(UTC)
            records = _records(response, api)
        return Page(records, read_at, response.url, link_to_next(response))

    return api.persistently(attempt)


def _records(response: requests.Response, api: SourceClient) -> list[bytes]:
    pieces = iter_body(response, api.source.timeout)
    splitter = RecordSplitter(api.source.records_path, _raw, bytes)
    chunks = [
        chunk
        for piece in (iter_gunzip(pieces) if is_gzip(response) else pieces)
        for chunk in splitter.feed(piece)
    ]
    return [record for chunk in (*chunks, *splitter.finish()) for record in chunk.records]


def _raw(array: memoryview) -> Sequence[bytes]:
    return [bytes(record) for record in _raw_records.decode(array)]


def _refuse_repetition(page: Page, number: int, seen: set[str]) -> None:
    """Remember a page by address and content; an empty one has no content to repeat."""
    marks = {page.url}
    if page.records:
        marks.add(hashlib.sha256(b",".join(page.records)).hexdigest())
    if marks & seen:
        raise SourceError(
            f"Page {number} of {without_query(page.url)} repeats an earlier page: the API does not paginate "
            "this way. Set source.pagination in the connector file to none, link or page, whichever it does."
        )
    seen |= marks


def _same_origin(next_url: str, url: str) -> str:
    if _origin(next_url) != _origin(url):
        raise SourceError(
            f"The Link header of {without_query(url)} points to another host; it is not followed, because "
            "credentials would travel along. Check the connection's host, or set source.pagination: none."
        )
    return next_url


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)

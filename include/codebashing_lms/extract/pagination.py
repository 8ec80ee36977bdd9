"""An answer that comes in several pages. One page fits in memory; all pages together may not."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import msgspec
import requests
from requests.utils import parse_header_links

from include.codebashing_lms.connections.http_errors import without_query
from include.codebashing_lms.errors import SourceError, error_context
from include.codebashing_lms.extract.client import SourceClient
from include.codebashing_lms.extract.download import is_gzip, iter_body, iter_gunzip
from include.codebashing_lms.streaming.json_splitter import RecordSplitter

# A cursor without end would fill the disk.
MOST_PAGES = 10_000
PORTS = {"http": 80, "https": 443}

_raw_records = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class Page:
    """One answer; each record is the JSON text that the server sent."""

    records: list[bytes]
    read_at: datetime
    url: str
    next_url: str | None


def read_pages(client: SourceClient, params: dict[str, str]) -> Iterator[Page]:
    """Give page after page; raise SourceError when a page repeats another or the pages have no end."""
    by_number = client.source.pagination == "page"
    seen: set[str] = set()
    url, query = client.url, {**params, "page": "1"} if by_number else params
    for number in range(1, MOST_PAGES + 1):
        page = _read_page(client, url, query, number)
        _refuse_repetition(page, number, seen)
        yield page
        if by_number:
            query = {**params, "page": str(number + 1)}
        elif page.next_url:
            url, query = _same_origin(page.next_url, page.url), {}
        if not (page.records if by_number else page.next_url):
            return
    raise SourceError(
        f"{without_query(client.url)} has more than {MOST_PAGES:,} pages: its pagination does not come to "
        "an end. Check source.pagination in the connector file."
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
    """Return the address of the next page from the Link header (RFC 8288), None without one."""
    for link in parse_header_links(response.headers.get("Link", "")):
        if "next" in link.get("rel", "").lower().split():
            return urljoin(response.url, link["url"])
    return None


def _read_page(client: SourceClient, url: str, params: dict[str, str], number: int) -> Page:
    def attempt() -> Page:
        with client.get(url, params) as response, error_context(f"Page {number} of {without_query(url)}: "):
            read_at = datetime.now(UTC)
            return Page(_records(response, client), read_at, response.url, link_to_next(response))

    return client.with_retries(attempt)


def _records(response: requests.Response, client: SourceClient) -> list[bytes]:
    blocks = iter_body(response, client.source.timeout)
    splitter = RecordSplitter(client.source.records_path, _raw, bytes)
    plain = iter_gunzip(blocks) if is_gzip(response) else blocks
    records = [record for block in plain for chunk in splitter.feed(block) for record in chunk]
    return records + [record for chunk in splitter.finish() for record in chunk]


def _raw(array: memoryview) -> Sequence[bytes]:
    return [bytes(record) for record in _raw_records.decode(array)]


def _refuse_repetition(page: Page, number: int, seen: set[str]) -> None:
    """Compare address and content with those of earlier pages; an empty page has no content to repeat."""
    identities = {page.url}
    if page.records:
        identities.add(hashlib.sha256(b",".join(page.records)).hexdigest())
    if identities & seen:
        raise SourceError(
            f"Page {number} of {without_query(page.url)} repeats an earlier page: the API does not paginate "
            "this way. Set source.pagination in the connector file to none, link or page, whichever it does."
        )
    seen |= identities


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

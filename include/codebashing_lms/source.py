"""Reads the source: one answer, or its pages, becomes one staged snapshot."""

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import requests

from include.codebashing_lms.api import PATIENCE, Api, Patience, SourceAccess
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.download import Saved, is_gzip, naming, received, save
from include.codebashing_lms.http_faults import place
from include.codebashing_lms.http_site import new_session, site_url
from include.codebashing_lms.source_fields import fields_to_ask
from include.codebashing_lms.source_pages import as_one_array, link_to_next, read_pages
from include.codebashing_lms.splitter import RecordSplitter
from include.codebashing_lms.staging import StagedPath, instant_name, new_file, remove_leftovers

__all__ = ["Fetched", "Patience", "SourceAccess", "fetch_snapshot", "fields_to_ask"]

# Where APIs put their way to the next page when they wrap the records in an object.
NEXT_KEYS = {
    "next",
    "next_page",
    "next_page_url",
    "next_url",
    "next_link",
    "next_cursor",
    "next_token",
    "nextPage",
}

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fetched:
    """A staged snapshot, and what is known about it without reading it again.

    :param read_at: when the headers of the first answer arrived.
    :param bytes: size of the file; body_bytes: size of the JSON in it.
    """

    snapshot: Any
    sha256: str
    bytes: int
    body_bytes: int
    records: int
    read_at: datetime
    fields: list[str] | None
    warnings: dict[str, int]


def fetch_snapshot(
    connector: Connector,
    access: SourceAccess,
    snapshots: StagedPath,
    workspace: StagedPath,
    fields: list[str] | None,
    patience: Patience | None = None,
) -> Fetched:
    """Ask the API and stage its answer in `snapshots`; an unfinished file only ever lies in `workspace`."""
    source = connector.source
    url = site_url(access.site, source.endpoint)
    params = {} if fields is None else {source.fields_param: ",".join(fields)}
    remove_leftovers(workspace)
    with new_session(access.site) as session:
        api = Api(source, access, patience or PATIENCE, session)
        if source.pagination == "none":
            staged = api.persistently(lambda: _stage_answer(api, url, params, snapshots, workspace))
        else:
            staged = _stage_pages(api, url, params, snapshots, workspace)
    fetched = replace(staged, fields=fields)
    _LOG.info(
        "Read %s records from %s: %s bytes of JSON, staged as %s (%s bytes)",
        fetched.records, place(url), fetched.body_bytes, fetched.snapshot.name, fetched.bytes,
    )  # fmt: skip
    return fetched


def _stage_answer(
    api: Api, url: str, params: dict[str, str], snapshots: StagedPath, workspace: StagedPath
) -> Fetched:
    """Stage one answer as it arrives."""
    with api.get(url, params) as response, naming(place(url)):
        read_at, gzipped = datetime.now(UTC), is_gzip(response)
        target = snapshots / f"{instant_name(read_at)}.json.{'gz' if gzipped else 'zst'}"
        splitter = RecordSplitter(api.source.records_path)
        with new_file(target, part_in=workspace) as part:
            saved = save(received(response, api.source.timeout), gzipped, part, splitter)
    return _fetched(target, saved, read_at, _warnings(saved.records, response, splitter.wrapper))


def _stage_pages(
    api: Api, url: str, params: dict[str, str], snapshots: StagedPath, workspace: StagedPath
) -> Fetched:
    """Stage all pages as one JSON array."""
    pages = read_pages(api, url, params)
    first = next(pages)
    target = snapshots / f"{instant_name(first.read_at)}.json.zst"
    with new_file(target, part_in=workspace) as part:
        saved = save(as_one_array(chain([first], pages)), False, part, RecordSplitter())
    return _fetched(target, saved, first.read_at, {})


def _fetched(target: Any, saved: Saved, read_at: datetime, warnings: dict[str, int]) -> Fetched:
    return Fetched(
        target, saved.sha256, saved.bytes, saved.body_bytes, saved.records, read_at, None, warnings
    )


def _warnings(records: int, response: requests.Response, wrapper: dict[str, Any]) -> dict[str, int]:
    """Return the signs that one answer is not all there is."""
    warnings = {}
    if records and records % 100 == 0:
        warnings["round_number_of_records"] = 1
    if link_to_next(response) or _names_next(wrapper):
        warnings["next_page_hint"] = 1
    for name in warnings:
        _LOG.warning(
            "%s: %s records without pagination; if learners are missing, set source.pagination", name, records
        )
    return warnings


def _names_next(wrapper: dict[str, Any]) -> bool:
    inner = [value for value in wrapper.values() if isinstance(value, dict)]
    return any(part.get(key) for part in (wrapper, *inner) for key in NEXT_KEYS)

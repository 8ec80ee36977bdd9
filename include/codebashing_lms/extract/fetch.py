"""Reads the source: one answer, or its pages, becomes one staged snapshot."""

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import requests

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.source_fields import fields_to_ask
from include.codebashing_lms.connections.http import endpoint_url, new_session
from include.codebashing_lms.connections.http_errors import without_query
from include.codebashing_lms.extract.client import RETRY_POLICY, RetryPolicy, SourceClient, SourceCredentials
from include.codebashing_lms.extract.download import SavedBody, error_context, is_gzip, iter_body, save
from include.codebashing_lms.extract.pagination import as_one_array, link_to_next, read_pages
from include.codebashing_lms.staging.files import StagedPath, atomic_write, remove_partial_files
from include.codebashing_lms.staging.layout import timestamp_name
from include.codebashing_lms.streaming.json_splitter import RecordSplitter

__all__ = ["StagedSnapshot", "RetryPolicy", "SourceCredentials", "fetch_snapshot", "fields_to_ask"]

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
class StagedSnapshot:
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
    access: SourceCredentials,
    snapshots: StagedPath,
    workspace: StagedPath,
    fields: list[str] | None,
    patience: RetryPolicy | None = None,
) -> StagedSnapshot:
    """Ask the API and stage its answer in `snapshots`; an unfinished file only ever lies in `workspace`."""
    source = connector.source
    url = endpoint_url(access.site, source.endpoint)
    params = {} if fields is None else {source.fields_param: ",".join(fields)}
    remove_partial_files(workspace)
    with new_session(access.site) as session:
        api = SourceClient(source, access, patience or RETRY_POLICY, session)
        if source.pagination == "none":
            staged = api.persistently(lambda: _stage_answer(api, url, params, snapshots, workspace))
        else:
            staged = _stage_pages(api, url, params, snapshots, workspace)
    fetched = replace(staged, fields=fields)
    _LOG.info(
        "Read %s records from %s: %s bytes of JSON, staged as %s (%s bytes)",
        fetched.records, without_query(url), fetched.body_bytes, fetched.snapshot.name, fetched.bytes,
    )  # fmt: skip
    return fetched


def _stage_answer(
    api: SourceClient, url: str, params: dict[str, str], snapshots: StagedPath, workspace: StagedPath
) -> StagedSnapshot:
    """Stage one answer as it arrives."""
    with api.get(url, params) as response, error_context(without_query(url)):
        read_at, gzipped = datetime.now(UTC), is_gzip(response)
        target = snapshots / f"{timestamp_name(read_at)}.json.{'gz' if gzipped else 'zst'}"
        splitter = RecordSplitter(api.source.records_path)
        with atomic_write(target, part_in=workspace) as part:
            saved = save(iter_body(response, api.source.timeout), gzipped, part, splitter)
    return _staged_snapshot(target, saved, read_at, _warnings(saved.records, response, splitter.wrapper))


def _stage_pages(
    api: SourceClient, url: str, params: dict[str, str], snapshots: StagedPath, workspace: StagedPath
) -> StagedSnapshot:
    """Stage all pages as one JSON array."""
    pages = read_pages(api, url, params)
    first = next(pages)
    target = snapshots / f"{timestamp_name(first.read_at)}.json.zst"
    with atomic_write(target, part_in=workspace) as part:
        saved = save(as_one_array(chain([first], pages)), False, part, RecordSplitter())
    return _staged_snapshot(target, saved, first.read_at, {})


def _staged_snapshot(
    target: Any, saved: SavedBody, read_at: datetime, warnings: dict[str, int]
) -> StagedSnapshot:
    return StagedSnapshot(
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

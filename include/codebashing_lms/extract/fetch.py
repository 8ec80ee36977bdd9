"""One answer of Codebashing, or its pages, becomes one staged snapshot."""

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import requests

from include.codebashing_lms.connections.http_errors import without_query
from include.codebashing_lms.errors import error_context
from include.codebashing_lms.extract.client import SourceClient
from include.codebashing_lms.extract.download import SavedBody, is_gzip, iter_body, save
from include.codebashing_lms.extract.pagination import as_one_array, link_to_next, read_pages
from include.codebashing_lms.staging.files import StagedPath, atomic_write, remove_partial_files
from include.codebashing_lms.staging.layout import timestamp_name
from include.codebashing_lms.streaming.json_splitter import RecordSplitter

logger = logging.getLogger(__name__)

# Keys that lead to the next page in APIs that wrap the records in an object.
NEXT_KEYS = {"next", "next_page", "next_page_url", "next_url", "next_link", "next_cursor", "next_token", "nextPage"}


@dataclass(frozen=True)
class StagedSnapshot(SavedBody):
    """A snapshot in the staging area.

    :param read_at: when the headers of the first answer arrived.
    :param warnings: signs that the snapshot lacks records, each with the number 1.
    :param fields: the keys that were asked for, None for all.
    """

    path: Any
    read_at: datetime
    warnings: dict[str, int]
    fields: list[str] | None = None


def fetch_snapshot(
    client: SourceClient, snapshots: StagedPath, workspace: StagedPath, fields: list[str] | None
) -> StagedSnapshot:
    """Request all records and stage them in `snapshots`; an unfinished file only ever lies in `workspace`.

    :param fields: the keys to ask for, None for all.
    """
    source = client.source
    params = {} if fields is None else {source.fields_param: ",".join(fields)}
    remove_partial_files(workspace)
    with client.session:
        if source.pagination == "none":
            staged = client.with_retries(lambda: _stage_answer(client, params, snapshots, workspace))
        else:
            staged = _stage_pages(client, params, snapshots, workspace)
    logger.info(
        "Read %s records from %s: %s bytes of JSON, staged as %s (%s bytes)",
        staged.records, without_query(client.url), staged.body_bytes, staged.path.name, staged.bytes,
    )  # fmt: skip
    return replace(staged, fields=fields)


def _stage_answer(
    client: SourceClient, params: dict[str, str], snapshots: StagedPath, workspace: StagedPath
) -> StagedSnapshot:
    with client.get(client.url, params) as response, error_context(f"{without_query(client.url)}: "):
        read_at, gzipped = datetime.now(UTC), is_gzip(response)
        target = snapshots / f"{timestamp_name(read_at)}.json.{'gz' if gzipped else 'zst'}"
        splitter = RecordSplitter(client.source.records_path)
        with atomic_write(target, part_in=workspace) as part:
            saved = save(iter_body(response, client.source.timeout), gzipped, part, splitter)
    warnings = _warnings(saved.records, response, splitter.wrapper)
    return StagedSnapshot(**vars(saved), path=target, read_at=read_at, warnings=warnings)


def _stage_pages(
    client: SourceClient, params: dict[str, str], snapshots: StagedPath, workspace: StagedPath
) -> StagedSnapshot:
    pages = read_pages(client, params)
    first = next(pages)
    target = snapshots / f"{timestamp_name(first.read_at)}.json.zst"
    with atomic_write(target, part_in=workspace) as part:
        saved = save(as_one_array(chain([first], pages)), False, part, RecordSplitter())
    return StagedSnapshot(**vars(saved), path=target, read_at=first.read_at, warnings={})


def _warnings(records: int, response: requests.Response, wrapper: dict[str, Any]) -> dict[str, int]:
    warnings = {}
    if records and records % 100 == 0:
        warnings["round_number_of_records"] = 1
    if link_to_next(response) or _names_next(wrapper):
        warnings["next_page_hint"] = 1
    for name in warnings:
        logger.warning(
            "%s: %s records without pagination; if learners are missing, set source.pagination", name, records
        )
    return warnings


def _names_next(wrapper: dict[str, Any]) -> bool:
    inner = [value for value in wrapper.values() if isinstance(value, dict)]
    return any(part.get(key) for part in (wrapper, *inner) for key in NEXT_KEYS)

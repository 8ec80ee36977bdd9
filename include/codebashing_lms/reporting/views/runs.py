"""A connector's runs, by the documents and row files in their folders. An unchanged file is read once."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from cachetools import LRUCache, cached

from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.load.outcome import StagedOutcome, read_outcome
from include.codebashing_lms.load.receipt import Receipt, read_receipt
from include.codebashing_lms.reporting.views.run_index import RunIndexEntry, Stamp, list_runs
from include.codebashing_lms.staging.files import StagedPath, local_copy, on_disk
from include.codebashing_lms.staging.layout import MANIFEST, OUTCOME, RECEIPT, REFUSED_ROWS, SENT_ROWS
from include.codebashing_lms.transform.manifest import Manifest, read_manifest

log = logging.getLogger(__name__)

AT_ONCE = 16  # requests to an object store


@dataclass(frozen=True)
class Run:
    """One run of a connector.

    :param receipt: the receipt of its delivery, None where nothing was sent.
    :param outcome: how its load ended, None where it has not.
    """

    entry: RunIndexEntry
    manifest: Manifest
    receipt: Receipt | None = None
    outcome: StagedOutcome | None = None

    @property
    def key(self) -> str:
        """Return its name among the connector's runs."""
        return f"{self.entry.date}/{self.entry.name}"

    @property
    def folder(self) -> StagedPath:
        """Return its folder in the staging area."""
        return self.entry.folder

    @property
    def as_of(self) -> datetime:
        """Return the instant that its rows are true for."""
        return _instant(self.manifest.as_of)

    @property
    def read_at(self) -> datetime:
        """Return when its snapshot was read."""
        return _instant(self.manifest.extracted_at)

    @property
    def is_trial(self) -> bool:
        """Return whether it is a dry run or a check, which send nothing."""
        params = self.manifest.params
        return bool(params.get("dry_run") or params.get("check_only"))

    @property
    def is_live(self) -> bool:
        """Return whether it read Codebashing itself, so that its as-of is the moment of reading."""
        return self.manifest.provenance == "live"

    def changed_rows(self) -> int:
        """Return how many rows were new or changed and went to the LMS."""
        return self._rows(SENT_ROWS)

    def refused_rows(self) -> int:
        """Return how many rows of its delivery the LMS refused."""
        return self._rows(REFUSED_ROWS)

    @property
    def known_refusals(self) -> int:
        """Return how many of the refused rows the LMS had refused before."""
        return self.receipt.known_refusals if self.receipt else 0

    def _rows(self, name: str) -> int:
        stamp = self.entry.files.get(name)
        return _new_rows(self.folder / name, stamp) if stamp else 0


def _instant(text: object) -> datetime:
    instant = parse_instant(str(text))
    if instant is None:
        raise ValueError(f"{text!r} is no instant")
    return instant


class Runs:
    """The runs of one connector that have a manifest, the newest first.

    :param home: the connector's folder in the staging area.
    """

    def __init__(self, home: StagedPath) -> None:
        self.home = home
        entries = [entry for entry in list_runs(home) if MANIFEST in entry.files]
        if on_disk(home):
            runs = [run for run in map(_read, entries) if run]
        else:  # an object store answers many requests at once in the time of one
            with ThreadPoolExecutor(AT_ONCE) as threads:
                runs = [run for run in threads.map(_read, entries) if run]
        self.all = sorted(runs, key=lambda run: (run.as_of, run.read_at, run.key), reverse=True)

    def find(self, date: str, name: str) -> Run | None:
        """Return the run of a folder."""
        return next((run for run in self.all if run.key == f"{date}/{name}"), None)

    def of_run_id(self, run_id: str) -> Run | None:
        """Return the run of an Airflow run ID, after its last clear."""
        found = [run for run in self.all if run.manifest.run_id == run_id]
        return max(found, key=lambda run: (run.entry.date, run.entry.name), default=None)


def _read(entry: RunIndexEntry) -> Run | None:
    """Return a run, None for a damaged manifest: the log names it, and the other runs are shown."""
    manifest = _document(entry, MANIFEST)
    if manifest is None:
        return None
    run = Run(entry, manifest, _document(entry, RECEIPT), _document(entry, OUTCOME))
    try:
        return run if run.as_of and run.read_at else None
    except ValueError:
        log.warning("The manifest of the run %s is not one", run.key)
        return None


def _document(entry: RunIndexEntry, name: str) -> Any:
    stamp = entry.files.get(name)
    if stamp is None:
        return None
    try:
        return _read_document(entry.folder / name, stamp)
    except FileNotFoundError:
        return None
    except ValueError:
        log.warning("%s of the run %s/%s is damaged", name, entry.date, entry.name)
        return None


READ = {MANIFEST: read_manifest, RECEIPT: read_receipt, OUTCOME: read_outcome}


def _same_file(path: StagedPath, stamp: Stamp) -> tuple[str, Stamp]:
    return str(path), stamp


@cached(LRUCache(3_000), key=_same_file, lock=Lock())
def _read_document(path: StagedPath, _: Stamp) -> Any:
    return READ[path.name](path.parent)


@cached(LRUCache(5_000), key=_same_file, lock=Lock())
def _new_rows(path: StagedPath, _: Stamp) -> int:
    with local_copy(path) as copy, pq.ParquetFile(copy) as file:
        if not {"sent", "known"} <= set(file.schema_arrow.names):
            return int(file.metadata.num_rows)
        table = file.read(["sent", "known"])
    known = pc.fill_null(table["known"], False)
    return int(pc.sum(pc.and_(pc.fill_null(table["sent"], False), pc.invert(known))).as_py() or 0)

"""A connector's runs, as manifest and receipt tell them; what was read once is not read again.

How many rows of a run were news to the LMS, and how many it refused: counted in what load staged.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.load.outcome import StagedOutcome, read_outcome
from include.codebashing_lms.load.receipt import Receipt, read_receipt
from include.codebashing_lms.reporting.views.run_index import RunIndexEntry, Stamp, list_runs
from include.codebashing_lms.staging.files import StagedPath, local_copy, on_disk
from include.codebashing_lms.staging.layout import MANIFEST, OUTCOME, RECEIPT, REFUSED_ROWS, SENT_ROWS
from include.codebashing_lms.transform.manifest import Manifest, read_manifest

log = logging.getLogger(__name__)

AT_ONCE = 16


class Cache:
    """The least recently used of many results is forgotten first; one whose file changed is not found."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: OrderedDict[Any, Any] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what is kept under a key, made now where it is not."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self.size:
                self._kept.popitem(last=False)
        return made


documents = Cache(3_000)  # manifests and receipts, some kilobytes each


@dataclass(frozen=True)
class Run:
    """One run of a connector.

    :param receipt: what was sent where, None where nothing was sent.
    :param outcome: how its load ended, None where it has not.
    """

    listed: RunIndexEntry
    manifest: Manifest
    receipt: Receipt | None = None
    outcome: StagedOutcome | None = None

    @property
    def key(self) -> str:
        """Return what tells it from the connector's other runs."""
        return f"{self.listed.date}/{self.listed.name}"

    @property
    def folder(self) -> StagedPath:
        """Return where its files lie."""
        return self.listed.folder

    @property
    def as_of(self) -> datetime:
        """Return the instant its statements are true for."""
        return _instant(self.manifest.as_of)

    @property
    def read_at(self) -> datetime:
        """Return when its snapshot was read."""
        return _instant(self.manifest.extracted_at)

    @property
    def only_tries(self) -> bool:
        """Tell whether it was a dry run or a check, which tell the LMS nothing."""
        params = self.manifest.params
        return bool(params.get("dry_run") or params.get("check_only"))

    @property
    def is_live(self) -> bool:
        """Tell whether it read Codebashing itself, so that it speaks for the moment of reading."""
        return self.manifest.provenance == "live"

    def set_aside(self) -> dict[str, int]:
        """Return how many learners were set aside, by reason; records where learners were not counted."""
        return self.manifest.learners_set_aside()

    def status(self) -> dict[str, int]:
        """Return the progress of those the LMS may be told about, whatever part of it was news."""
        return self.manifest.sendable_status


def _instant(text: object) -> datetime:
    instant = parse_instant(str(text))
    if instant is None:
        raise ValueError(f"{text!r} is no instant")
    return instant


class Runs:
    """The runs of one connector that came as far as a manifest, the newest first.

    :param home: the connector's folder in the staging area.
    """

    def __init__(self, home: StagedPath) -> None:
        self.home = home
        listed = [one for one in list_runs(home) if MANIFEST in one.files]
        if on_disk(home):
            runs = [run for run in map(_read, listed) if run]
        else:  # an object store answers many at once in the time of one
            with ThreadPoolExecutor(AT_ONCE) as several:
                runs = [run for run in several.map(_read, listed) if run]
        self.all = sorted(runs, key=lambda run: (run.as_of, run.read_at, run.key), reverse=True)

    def find(self, date: str, name: str) -> Run | None:
        """Return the run of a folder, looked up among those that are there."""
        return next((run for run in self.all if (run.listed.date, run.listed.name) == (date, name)), None)

    def of_run_id(self, run_id: str) -> Run | None:
        """Return what a run of Airflow's left, after it was cleared for the last time."""
        found = [run for run in self.all if run.manifest.run_id == run_id]
        return max(found, key=lambda run: (run.listed.date, run.listed.name), default=None)

    @property
    def telling(self) -> list[Run]:
        """Return the runs but dry runs and checks."""
        return [run for run in self.all if not run.only_tries]


def _read(listed: RunIndexEntry) -> Run | None:
    """Return a run; one whose manifest is damaged is told in the log and hides no other."""
    manifest = _document(listed, MANIFEST, lambda: read_manifest(listed.folder))
    if manifest is None:
        return None
    receipt = _document(listed, RECEIPT, lambda: read_receipt(listed.folder))
    outcome = _document(listed, OUTCOME, lambda: read_outcome(listed.folder))
    run = Run(listed, manifest, receipt, outcome)
    try:
        return run if run.as_of and run.read_at and run.status() else None
    except ValueError:
        log.warning("The manifest of the run %s/%s is not one", listed.date, listed.name)
        return None


def _document(listed: RunIndexEntry, name: str, read: Callable[[], Any]) -> Any:
    """Return a small staged document; None for one that is not there, or went away since the listing."""
    stamp: Stamp | None = listed.files.get(name)
    if stamp is None:
        return None
    try:
        return documents.get((str(listed.folder / name), stamp), read)
    except FileNotFoundError:
        return None
    except ValueError:
        log.warning("%s of the run %s/%s is damaged", name, listed.date, listed.name)
        return None


_counts = Cache(5_000)


def changed_rows(run: Run) -> int:
    """Return how many rows were new or changed and went to the LMS."""
    return _counted(run, SENT_ROWS)


def refused(run: Run) -> int:
    """Return how many rows the LMS refused of what this run sent."""
    return _counted(run, REFUSED_ROWS)


def _counted(run: Run, name: str) -> int:
    stamp = run.listed.files.get(name)
    if stamp is None:
        return 0
    path = run.folder / name

    def count() -> int:
        """Count the rows that were sent, but for those that the LMS had before."""
        with local_copy(path) as copy, pq.ParquetFile(copy) as file:
            if not {"sent", "known"} <= set(file.schema_arrow.names):
                return int(file.metadata.num_rows)
            table = file.read(["sent", "known"])
        known = pc.fill_null(table["known"], False)
        return int(pc.sum(pc.and_(pc.fill_null(table["sent"], False), pc.invert(known))).as_py() or 0)

    counted: int = _counts.get((str(path), stamp), count)
    return counted

"""Which runs a connector has, and which files each run left, by one listing of the staging area."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from include.codebashing_lms.staging.files import StagedPath, on_disk
from include.codebashing_lms.staging.layout import RUNS

Stamp = tuple[Any, ...]  # changes whenever the file does


@dataclass(frozen=True)
class RunIndexEntry:
    """The folder of one run.

    :param date: the folder's parent, the logical date of the run.
    :param files: the stamps of its files by name.
    """

    date: str
    name: str
    folder: StagedPath
    files: dict[str, Stamp]


def list_runs(home: StagedPath) -> list[RunIndexEntry]:
    """Return the folders of a connector's runs, the newest date first."""
    runs = home / RUNS
    local = on_disk(runs)
    found: dict[tuple[str, str], dict[str, Stamp]] = {}
    for date, name, file, stamp in _in_store(runs) if local is None else _on_disk(str(local)):
        if not file.startswith("."):
            found.setdefault((date, name), {})[file] = stamp
    return [
        RunIndexEntry(date, name, runs / date / name, files)
        for (date, name), files in sorted(found.items(), reverse=True)
    ]


def _on_disk(runs: str) -> Iterator[tuple[str, str, str, Stamp]]:
    for date in _folders(runs):
        for run in _folders(date.path):
            with os.scandir(run.path) as files:
                for file in files:
                    if file.is_file(follow_symlinks=False):
                        stat = file.stat(follow_symlinks=False)
                        yield date.name, run.name, file.name, (stat.st_mtime_ns, stat.st_size)


def _folders(path: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(path) as entries:
            return [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def _in_store(runs: StagedPath) -> Iterator[tuple[str, str, str, Stamp]]:
    store, root = runs.fs, runs.path  # type: ignore[attr-defined]
    store.invalidate_cache()
    for path, info in store.find(root, detail=True).items():
        parts = path[len(path) - len(path.lstrip("/")) :].removeprefix(root.strip("/")).strip("/").split("/")
        if len(parts) == 3:
            stamp = info.get("ETag") or info.get("etag") or str(info.get("LastModified") or info.get("mtime"))
            yield parts[0], parts[1], parts[2], (stamp, info.get("size"))

"""A staged run to deliver through faults."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.delivery.conftest import keys, sshd
from tests.end_to_end.checks import SOME
from tests.extract.conftest import fetch, files
from tests.load.staged_run import StagedRun, stage

__all__ = ["fetch", "files", "keys", "sshd"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> StagedRun:
    """A file of some 70 kB, so that an upload takes several packets."""
    return stage(tmp_path_factory.mktemp("template") / "staging", SOME)


@pytest.fixture
def new_run(template: StagedRun, tmp_path: Path) -> Iterator[Callable[[], StagedRun]]:
    """Give a fresh copy of the staged run at every call."""
    root = template.folder.parents[3]
    made: list[Path] = []

    def copy() -> StagedRun:
        made.append(tmp_path / f"staging{len(made)}")
        shutil.copytree(root, made[-1])
        folder = made[-1] / template.folder.relative_to(root)
        return StagedRun(folder, template.transformed, template.run_id)

    yield copy
    for one in made:
        shutil.rmtree(one)

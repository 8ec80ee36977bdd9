"""All connector files of a folder; one that is broken is told apart and never hides the others."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import include
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.connector_file import read_connector, sha256_of_connector
from include.codebashing_lms.errors import ConnectorError

VARIABLE = "CODEBASHING_LMS_CONNECTORS"


@dataclass(frozen=True)
class GoodFile:
    """A connector file that can be run."""

    path: Path
    connector: Connector
    sha256: str


@dataclass(frozen=True)
class BrokenFile:
    """A connector file that cannot be run, and why."""

    path: Path
    dag_id: str
    message: str


def read_connector_files() -> tuple[list[GoodFile], list[BrokenFile]]:
    """Return the good and the broken files of the connectors folder."""
    good: list[GoodFile] = []
    broken: list[BrokenFile] = []
    for path in _files(_folder()):
        try:
            good.append(_read(path))
        except ConnectorError as error:
            broken.append(BrokenFile(path, _free_id(path, good, broken), str(error)))
    return good, broken


def _folder() -> Path:
    shipped = Path(include.__file__ or "").parent / "connectors"
    folder = Path(os.environ.get(VARIABLE) or shipped)
    if not folder.is_dir():
        raise ConnectorError(
            f"{folder}: there is no such folder for connector files. Create it, or set {VARIABLE} to the one "
            "that holds them."
        )
    return folder


def _files(folder: Path) -> list[Path]:
    """Return good names first, so that a misnamed twin cannot take a good file's DAG ID."""
    found = [path for path in folder.iterdir() if path.suffix in (".yaml", ".yml") and path.name[0] != "."]
    return sorted(found, key=lambda path: (path.suffix, path.name))


def _read(path: Path) -> GoodFile:
    if path.suffix != ".yaml":
        raise ConnectorError(f"{path}: must end in .yaml; rename it to {path.stem}.yaml.")
    return GoodFile(path, read_connector(path), sha256_of_connector(path))


def _free_id(path: Path, good: list[GoodFile], broken: list[BrokenFile]) -> str:
    """Return an ID that Airflow accepts and no other file has."""
    taken = {one.connector.dag_id for one in good} | {one.dag_id for one in broken}
    dag_id = "codebashing_lms_" + re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem)[:200]
    while dag_id in taken:
        dag_id += "_"
    return dag_id

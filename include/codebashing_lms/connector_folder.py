"""All connector files of a folder; one that is broken is told apart and never hides the others."""

import os
import re
from pathlib import Path

from msgspec import Struct

import include
from include.codebashing_lms.connector import ADMIN, Connector
from include.codebashing_lms.connector_file import read_connector, sha256_of_connector
from include.codebashing_lms.errors import ConnectorError

VARIABLE = "CODEBASHING_LMS_CONNECTORS"
ADMIN_DAG = f"codebashing_lms_{ADMIN}"


class GoodFile(Struct, frozen=True):
    """A connector file that can be run."""

    path: Path
    connector: Connector
    sha256: str


class BrokenFile(Struct, frozen=True):
    """A connector file that cannot be run, and why."""

    path: Path
    dag_id: str
    message: str


def read_connector_files() -> tuple[list[GoodFile], list[BrokenFile]]:
    """Return the good and the broken files of the connectors folder."""
    good: list[GoodFile] = []
    messages: dict[Path, str] = {}
    for path in _files(_folder()):
        try:
            good.append(_read(path))
        except ConnectorError as error:
            messages[path] = str(error)
    taken = {ADMIN_DAG} | {one.connector.dag_id for one in good}
    broken = [BrokenFile(path, _free_id(path, taken), message) for path, message in messages.items()]
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
    return sorted(path for path in folder.glob("[!.]*") if path.suffix in (".yaml", ".yml"))


def _read(path: Path) -> GoodFile:
    if path.suffix != ".yaml":
        raise ConnectorError(f"{path}: must end in .yaml; rename it to {path.stem}.yaml.")
    return GoodFile(path, read_connector(path), sha256_of_connector(path))


def _free_id(path: Path, taken: set[str]) -> str:
    """Take an ID that Airflow accepts and no other file has."""
    dag_id = "codebashing_lms_" + re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem)[:200]
    while dag_id in taken:
        dag_id += "_"
    taken.add(dag_id)
    return dag_id

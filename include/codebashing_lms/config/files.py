"""Reads a connector file; every mistake names the file, the key and what is allowed.

All connector files of a folder; one that is broken is told apart and never hides the others.
"""

import hashlib
import os
import re
from pathlib import Path

import yaml
from msgspec import Struct

import include
from include.codebashing_lms.config.connector import ADMIN, Connector, parse_connector
from include.codebashing_lms.config.schema.strict_yaml import load_yaml
from include.codebashing_lms.config.schema.validation import InvalidContent, keys
from include.codebashing_lms.errors import ConnectorError


def read_connector(path: Path) -> Connector:
    """Return the connector of a file; raise ConnectorError with every mistake in it."""
    try:
        content = load_yaml(path.read_bytes())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConnectorError(f"{path}: cannot be read as YAML: {_one_line(error)}") from error
    if not isinstance(content, dict):
        raise ConnectorError(f"{path}: must be a mapping with the keys {', '.join(keys(Connector))}.")
    try:
        connector = parse_connector(content, path.parent)
    except InvalidContent as error:
        raise ConnectorError(f"{path}: {error.told('the file')}.") from None
    except ConnectorError as error:  # a profile's own file is wrong
        raise ConnectorError(f"{path}: lms.profile: {error}") from None
    if connector.name != path.stem:
        raise ConnectorError(f"{path}: name: must be {path.stem!r}, like the file, not {connector.name!r}.")
    return connector


def sha256_of_connector(path: Path) -> str:
    """Return the SHA-256 of the file as it stands."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


VARIABLE = "CODEBASHING_LMS_CONNECTORS"
ADMIN_DAG = f"codebashing_lms_{ADMIN}"


class ValidFile(Struct, frozen=True):
    """A connector file that can be run."""

    path: Path
    connector: Connector
    sha256: str


class InvalidFile(Struct, frozen=True):
    """A connector file that cannot be run, and why."""

    path: Path
    dag_id: str
    message: str


def read_connector_files() -> tuple[list[ValidFile], list[InvalidFile]]:
    """Return the good and the broken files of the connectors folder."""
    good: list[ValidFile] = []
    messages: dict[Path, str] = {}
    for path in _files(_folder()):
        try:
            good.append(_read(path))
        except ConnectorError as error:
            messages[path] = str(error)
    taken = {ADMIN_DAG} | {one.connector.dag_id for one in good}
    broken = [InvalidFile(path, _free_id(path, taken), message) for path, message in messages.items()]
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


def _read(path: Path) -> ValidFile:
    if path.suffix != ".yaml":
        raise ConnectorError(f"{path}: must end in .yaml; rename it to {path.stem}.yaml.")
    return ValidFile(path, read_connector(path), sha256_of_connector(path))


def _free_id(path: Path, taken: set[str]) -> str:
    """Take an ID that Airflow accepts and no other file has."""
    dag_id = "codebashing_lms_" + re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem)[:200]
    while dag_id in taken:
        dag_id += "_"
    taken.add(dag_id)
    return dag_id

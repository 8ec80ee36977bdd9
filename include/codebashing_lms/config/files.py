"""Reads connector files: one, or all in the connectors folder.

Every error names the file, the key and what is allowed. An invalid file never hides the valid ones.
"""

import hashlib
import re
from pathlib import Path

from msgspec import Struct

from include.codebashing_lms.config.connector import ADMIN, DAG_PREFIX, Connector, parse_connector
from include.codebashing_lms.config.profiles.profile import VARIABLE, connectors_folder
from include.codebashing_lms.config.schema.issue_text import keys
from include.codebashing_lms.config.schema.strict_yaml import read_mapping
from include.codebashing_lms.config.schema.validation import InvalidContent
from include.codebashing_lms.errors import ConnectorError

ADMIN_DAG = f"{DAG_PREFIX}{ADMIN}"


class ValidFile(Struct, frozen=True):
    """A connector file that makes a DAG."""

    path: Path
    connector: Connector
    sha256: str


class InvalidFile(Struct, frozen=True):
    """A connector file with issues.

    :param dag_id: the ID of the DAG that shows the message.
    """

    path: Path
    dag_id: str
    message: str


def read_connector_files() -> tuple[list[ValidFile], list[InvalidFile]]:
    """Return the valid and the invalid files in the connectors folder."""
    valid: list[ValidFile] = []
    messages: dict[Path, str] = {}
    for path in _yaml_files():
        try:
            valid.append(_read_valid_file(path))
        except ConnectorError as error:
            messages[path] = str(error)
    taken = {ADMIN_DAG} | {file.connector.dag_id for file in valid}
    invalid = [InvalidFile(path, _free_dag_id(path, taken), message) for path, message in messages.items()]
    return valid, invalid


def read_connector(path: Path) -> Connector:
    """Return the connector in a file; raise ConnectorError with every issue in it."""
    content = read_mapping(path, f" with the keys {', '.join(keys(Connector))}")
    try:
        connector = parse_connector(content, path.parent)
    except InvalidContent as error:
        raise ConnectorError(f"{path}: {error.summary('the file')}.") from None
    except ConnectorError as error:  # a profile's own file has issues
        raise ConnectorError(f"{path}: lms.profile: {error}") from None
    if connector.name != path.stem:
        raise ConnectorError(f"{path}: name: must be {path.stem!r}, like the file, not {connector.name!r}.")
    return connector


def sha256_of_connector(path: Path) -> str:
    """Return the SHA-256 of a connector file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _yaml_files() -> list[Path]:
    folder = connectors_folder()
    if not folder.is_dir():
        raise ConnectorError(
            f"{folder}: there is no such folder for connector files. Create it, or set {VARIABLE} to the one "
            "that holds them."
        )
    return sorted(path for path in folder.glob("[!.]*") if path.suffix in (".yaml", ".yml"))


def _read_valid_file(path: Path) -> ValidFile:
    if path.suffix != ".yaml":
        raise ConnectorError(f"{path}: must end in .yaml; rename it to {path.stem}.yaml.")
    return ValidFile(path, read_connector(path), sha256_of_connector(path))


def _free_dag_id(path: Path, taken: set[str]) -> str:
    """Return an ID that Airflow accepts and that no other file has; add it to `taken`."""
    dag_id = DAG_PREFIX + re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem)[:200]
    while dag_id in taken:
        dag_id += "_"
    taken.add(dag_id)
    return dag_id

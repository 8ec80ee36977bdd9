"""Reads a connector file; every mistake names the file, the key and what is allowed."""

import hashlib
from pathlib import Path

import yaml

from include.codebashing_lms.connector import Connector, connector_of
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.reading import Mistaken, keys
from include.codebashing_lms.strict_yaml import load_yaml


def read_connector(path: Path) -> Connector:
    """Return the connector of a file; raise ConnectorError with every mistake in it."""
    try:
        content = load_yaml(path.read_bytes())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConnectorError(f"{path}: cannot be read as YAML: {_one_line(error)}") from error
    if not isinstance(content, dict):
        raise ConnectorError(f"{path}: must be a mapping with the keys {', '.join(keys(Connector))}.")
    try:
        connector = connector_of(content, path.parent)
    except Mistaken as error:
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

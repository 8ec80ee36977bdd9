"""Reads YAML; a key that stands twice is an error instead of a silent loss."""

from pathlib import Path
from typing import Any

import yaml

from include.codebashing_lms.errors import ConnectorError


class _Loader(yaml.CSafeLoader):
    """The safe loader; it also checks keys."""


def _build_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(None, None, "a key must be a word", key.start_mark)
        if key.value in seen:
            raise yaml.MarkedYAMLError(None, None, f"the key {key.value} stands twice", key.start_mark)
        seen.add(key.value)
    return loader.construct_mapping(node, deep=True)


def _refuse_set(_: _Loader, node: yaml.Node) -> None:
    raise yaml.MarkedYAMLError(None, None, "a set has no order; write a list", node.start_mark)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _build_mapping)
_Loader.add_constructor("tag:yaml.org,2002:set", _refuse_set)


def load_yaml(text: bytes) -> Any:
    """Return the document that a text holds; raise yaml.YAMLError for a text that is no YAML."""
    try:
        return yaml.load(text, _Loader)  # nosec B506 # noqa: S506 (a subclass of the safe loader)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:  # 2025-02-30, nested too deep
        raise yaml.YAMLError(str(error)) from error


def read_mapping(path: Path, with_keys: str = "") -> dict[str, Any]:
    """Return the mapping in a file; raise ConnectorError where there is none.

    :param with_keys: which keys it must have, for the message.
    """
    try:
        content = load_yaml(path.read_bytes())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConnectorError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConnectorError(f"{path}: must be a mapping{with_keys}.")
    return content

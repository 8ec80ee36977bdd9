"""YAML, but a key that stands twice is an error instead of a silent loss."""

from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):
    """The safe loader, with an eye on keys."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(None, None, "a key must be a word", key.start_mark)
        if key.value in seen:
            raise yaml.MarkedYAMLError(None, None, f"the key {key.value} stands twice", key.start_mark)
        seen.add(key.value)
    return loader.construct_mapping(node, deep=True)


def _set(_: _Loader, node: yaml.Node) -> None:
    raise yaml.MarkedYAMLError(None, None, "a set has no order; write a list", node.start_mark)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor("tag:yaml.org,2002:set", _set)


def load_yaml(text: bytes) -> Any:
    """Return the document; raise yaml.YAMLError when it is none."""
    try:
        return yaml.load(text, _Loader)  # nosec B506 # noqa: S506 (a subclass of the safe loader)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:  # 2025-02-30, nested too deep
        raise yaml.YAMLError(str(error)) from error

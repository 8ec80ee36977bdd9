"""YAML, but a key that stands twice is an error instead of a silent loss."""

from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):
    """The safe loader, with an eye on keys."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.value in seen:
            raise yaml.MarkedYAMLError(None, None, f"the key {key.value} stands twice", key.start_mark)
        seen.add(key.value)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load_yaml(text: bytes) -> Any:
    """Return the document; raise yaml.YAMLError when it is none."""
    return yaml.load(text, _Loader)  # nosec B506 # noqa: S506 (a subclass of the safe loader)

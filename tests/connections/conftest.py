"""A request to the source, through which HTTP connections are tested."""

from tests.extract.conftest import fetch, files

__all__ = ["fetch", "files"]

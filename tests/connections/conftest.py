"""A call of the source, the way in which every HTTP connection is tested."""

from tests.extract.conftest import fetch, files

__all__ = ["fetch", "files"]

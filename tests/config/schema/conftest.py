"""Transform for tests of what a value in the connector file does to the LMS file."""

from tests.transform.conftest import render

__all__ = ["render"]

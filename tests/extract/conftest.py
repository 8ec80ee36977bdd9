"""A call of the source, and the staging area below it."""

from functools import partial

import pytest

from tests.extract.source import fetch_once


@pytest.fixture
def fetch(tmp_path):
    """Return fetch_snapshot with everything but what a test is about."""
    return partial(fetch_once, tmp_path)


@pytest.fixture
def files(tmp_path):
    """Return what lies below the staging area."""
    return lambda: [path for path in tmp_path.rglob("*") if path.is_file()]

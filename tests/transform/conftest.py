"""Transform in the folder of a test."""

import pytest

from tests.transform.transform_run import run


@pytest.fixture
def render(tmp_path):
    """Transform records in this test's own folder."""
    return lambda records, **sections: run(records, tmp_path, **sections)

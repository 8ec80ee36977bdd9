"""An SFTP server that is no stand-in."""

import pytest

from tests.fakes.openssh import new_keys, openssh


@pytest.fixture(scope="module")
def keys():
    """Return the keys of the server and of its login."""
    return new_keys()


@pytest.fixture(scope="module")
def sshd(keys, tmp_path_factory):
    """Return the connection of an sshd of our own."""
    with openssh(tmp_path_factory.mktemp("sshd"), keys) as connection:
        yield connection

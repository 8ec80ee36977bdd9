"""The member of a zip archive: the same content gives the same archive, at any time and on any machine."""

from zipfile import ZipInfo

TIMELESS = (1980, 1, 1, 0, 0, 0)
UNIX = 3


def timeless_member(name: str) -> ZipInfo:
    """Return a member that only its owner may read."""
    member = ZipInfo(name, TIMELESS)
    member.create_system, member.external_attr = UNIX, 0o600 << 16
    return member

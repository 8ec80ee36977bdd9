"""The section `delivery`: how the file gets to the LMS."""

import re
from typing import Annotated, Any, Literal

from msgspec import field

from include.codebashing_lms.config.delivery_results import FileResults, HttpResults, Job, Wait
from include.codebashing_lms.config.schema.field_types import PositiveFloat, PositiveInt, Regex, Section, Text


def _check_marker_name(pattern: str) -> None:
    plain = pattern.replace("{file}", "x")
    if re.search(r"[{}/\\\x00-\x1f]", plain) or plain in (".", "..") or pattern == "{file}":
        raise ValueError("must be a file name, and may hold {file}, the delivered file's name: {file}.done")


def _check_suffix(suffix: str) -> None:
    if "/" in suffix:
        raise ValueError("must not hold a slash")


class DeliveryBase(Section, tag_field="method", frozen=True, kw_only=True):
    """The keys that all methods of delivery share."""

    send: Literal["changes", "full"] | None = None
    hold: bool = False
    compression: Literal["zip", "gzip"] | None = None

    @property
    def method(self) -> str:
        """Return the method's name in the connector file."""
        return str(self.__struct_config__.tag)


class Pgp(Section, frozen=True, kw_only=True):
    """Encryption to the LMS's public key, for a folder."""

    key: Text


class SftpPgp(Section, frozen=True, kw_only=True):
    """Encryption for SFTP: the Airflow connection may hold the keys."""

    key: Text | None = None
    sign: bool = False


class DropDelivery(DeliveryBase, frozen=True, kw_only=True):
    """The keys that a folder and an SFTP directory share.

    :param fetched: `removed`: the LMS removes a file that it picks up; null: a pick-up is not visible.
    """

    done_file: Annotated[Text, _check_marker_name] | None = None
    fetched: Literal["removed"] | None = None
    results: FileResults | None = None


class FolderDelivery(DropDelivery, tag="folder", frozen=True, kw_only=True):
    """Delivery to a folder of this machine, or to a mounted share."""

    directory: Text
    pgp: Pgp | None = None


class SftpDelivery(DropDelivery, tag="sftp", frozen=True, kw_only=True):
    """Delivery to a directory on an SFTP server.

    :param temp_suffix: the end of a file's name while the file is written.
    :param deadline: seconds for the whole delivery.
    """

    conn_id: Text = "lms"
    directory: Text = "."
    temp_suffix: Annotated[Text, _check_suffix] = ".part"
    deadline: PositiveInt = 600
    pgp: SftpPgp | None = None


class Success(Section, frozen=True, kw_only=True):
    """What the answer's body must hold: some LMSs answer errors with status 200."""

    json_values: dict[Text, Any] = field(default_factory=dict, name="json")
    matches: Regex | None = None
    rejects: Regex | None = None


class HttpDelivery(DeliveryBase, tag="http", frozen=True, kw_only=True):
    """Delivery to an HTTP endpoint.

    :param token_param: for LMSs that read no Authorization header: the form field that takes the connection's
        password; for a raw upload, the query parameter.
    :param timeout: seconds for one request.
    :param deadline: seconds for the whole delivery.
    """

    conn_id: Text = "lms"
    endpoint: Text
    upload: Literal["multipart", "raw"] = "multipart"
    field: Text = "file"
    params: dict[Text, str] = {}
    token_param: Text | None = None
    success: Success = Success()
    job: Job | None = None
    wait: Wait | None = None
    results: HttpResults | None = None
    timeout: PositiveFloat = 60
    deadline: PositiveInt = 600


Delivery = HttpDelivery | SftpDelivery | FolderDelivery

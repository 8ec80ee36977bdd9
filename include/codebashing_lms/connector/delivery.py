"""How the file gets to the LMS."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, PositiveFloat, PositiveInt, Tag, field_validator

from include.codebashing_lms.connector.results import FileResults, HttpResults, Job, Wait
from include.codebashing_lms.sections import AtNeed, Regex, Section, Text


def _marker_name(pattern: str) -> str:
    plain = pattern.replace("{file}", "x")
    if re.search(r"[{}/\\\x00-\x1f]", plain) or plain in (".", "..") or pattern == "{file}":
        raise ValueError("must be a file name, and may hold {file}, the delivered file's name: {file}.done")
    return pattern


MarkerName = Annotated[Text, AfterValidator(_marker_name)]


class Send(Section):
    """What every way of delivery shares."""

    send: Literal["changes", "full"] | None = None
    hold: bool = False
    compression: Literal["zip", "gzip"] | None = None


class Pgp(Section):
    """Encryption of the file to the LMS's public key."""

    key: Text


class SftpPgp(Section):
    """The same, with keys that the Airflow connection may hold."""

    key: Text | None = None
    sign: bool = False


class Drop(Send):
    """What a folder and an SFTP directory share.

    :param fetched: `removed`: the LMS removes a file when it takes it; null: nobody can see whether it did.
    """

    fetched: Literal["removed"] | None = None
    results: AtNeed[FileResults] | None = None


class FolderDelivery(Drop):
    """A folder of this machine, or a mounted share."""

    method: Literal["folder"]
    directory: Text
    done_file: MarkerName | None = None
    pgp: AtNeed[Pgp] | None = None


class SftpDelivery(Drop):
    """A drop directory on an SFTP server."""

    method: Literal["sftp"]
    conn_id: Text = "lms"
    directory: Text = "."
    temp_suffix: Text = ".part"
    done_file: MarkerName | None = None
    deadline: PositiveInt = 600
    pgp: AtNeed[SftpPgp] | None = None

    @field_validator("temp_suffix")
    @classmethod
    def _is_a_suffix(cls, suffix: str) -> str:
        if "/" in suffix:
            raise ValueError("must not hold a slash")
        return suffix


class Success(Section):
    """What the answer's body must say, because LMSs answer errors with 200, too."""

    json_values: dict[Text, Any] = Field(default_factory=dict, alias="json")
    matches: Regex | None = None
    rejects: Regex | None = None


class HttpDelivery(Send):
    """An import endpoint.

    :param token_param: the form field, of a raw upload the query parameter, that takes the connection's
        password, for LMSs that read no Authorization header.
    """

    method: Literal["http"]
    conn_id: Text = "lms"
    endpoint: Text
    upload: Literal["multipart", "raw"] = "multipart"
    field: Text = "file"
    params: dict[Text, str] = Field(default_factory=dict)
    token_param: Text | None = None
    success: AtNeed[Success] = Success.model_construct()
    job: AtNeed[Job] | None = None
    wait: AtNeed[Wait] | None = None
    results: AtNeed[HttpResults] | None = None
    timeout: PositiveFloat = 60
    deadline: PositiveInt = 600


def _method(delivery: Any) -> Any:
    method = delivery.get("method") if isinstance(delivery, dict) else getattr(delivery, "method", None)
    return method if isinstance(method, str) else None


Delivery = Annotated[
    Annotated[AtNeed[HttpDelivery], Tag("http")]
    | Annotated[AtNeed[SftpDelivery], Tag("sftp")]
    | Annotated[AtNeed[FolderDelivery], Tag("folder")],
    Discriminator(
        _method,
        custom_error_type="method",
        custom_error_message="must be a mapping with method: 'http', 'sftp', 'folder'",
    ),
]

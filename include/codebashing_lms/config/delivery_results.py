"""How the LMS reports on a file: import jobs, and refused rows."""

import re
from typing import Annotated, Literal

from msgspec import Meta

from include.codebashing_lms.config.schema.field_types import (
    Delimiter,
    Encoding,
    NonNegativeInt,
    Percent,
    PositiveInt,
    Section,
    Text,
)


def _check_result_file_name(name: str) -> None:
    plain = name.replace("{file}", "x").replace("{stem}", "x")
    if plain == name or re.search(r"[{}/\\\x00-\x1f]", plain) or name in ("{file}", "{stem}*", "*{file}"):
        raise ValueError("must be a file name with {file} or {stem}: {stem}_result.csv")


class Wait(Section, frozen=True, kw_only=True):
    """How long a run waits for an import job.

    :param every: seconds between two requests.
    :param deadline: seconds that a run waits.
    """

    every: PositiveInt = 30
    deadline: PositiveInt = 3600


class Job(Wait, frozen=True, kw_only=True):
    """An import job: the LMS answers an upload with the job's ID and imports the file later.

    :param id: dotted path to the ID in the answer's JSON; null: the answer's Location header.
    :param endpoint: the address of the job's state; `{job}` alone: the ID is the address.
    :param state: dotted path to the state in that answer's JSON.
    :param done: states that mean that the import has ended.
    :param failed: states that mean that nothing was imported; in all other states the import goes on.
    """

    id: Text | None = None
    endpoint: Text = "{job}"
    state: Text
    done: Annotated[list[Text], Meta(min_length=1)]
    failed: list[Text] = []

    def __post_init__(self) -> None:
        super().__post_init__()
        if "{job}" not in self.endpoint:
            raise ValueError("endpoint must hold {job}, the ID of the job")
        if set(self.done) & set(self.failed):
            raise ValueError("done and failed must not share a state")


class Results(Section, frozen=True, kw_only=True):
    """How the LMS names a refused row: by number, or by learner and course; with a reason.

    :param first_row: the number of the first row; null: the LMS counts the lines of the file.
    :param status: the key or column with a row's result; null: every row in the report was refused.
    :param refused: the results that mean refused.
    """

    row: Text | None = None
    user: Text | None = None
    course: Text | None = None
    reason: Text | None = None
    first_row: NonNegativeInt | None = None
    status: Text | None = None
    refused: list[Text] = []
    max_refused_percent: Percent = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.status is None) is bool(self.refused):
            raise ValueError("status and refused go together: where the result stands, which mean refused")

    @property
    def names_rows(self) -> bool:
        """Return whether the keys say how the LMS names a row."""
        return bool(self.row or self.user or self.course)


class HttpResults(Results, frozen=True, kw_only=True):
    """Refused rows in an HTTP answer: to the upload, about the job, or at an endpoint of its own.

    :param path: dotted path to the list in the answer's JSON.
    :param report: the endpoint of a report; `{job}` stands for the job's ID.
    """

    path: Text | None = None
    report: Text | None = None
    format: Literal["json", "csv"] = "json"
    delimiter: Delimiter = ","

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.names_rows is not (self.path is not None or self.format == "csv"):
            raise ValueError(
                "needs both: path (or format: csv), where the refused rows are, and row, user or course, what names one"
            )


class FileResults(Results, frozen=True, kw_only=True):
    """Refused rows in a result file that the LMS writes on the same server.

    :param directory: null: the directory of our files.
    :param name: the result file's name; `{file}` is our file's name, `{stem}` is the name without its ending,
        `*` is any text.
    """

    directory: Text | None = None
    name: Annotated[Text, _check_result_file_name]
    delimiter: Delimiter = ","
    encoding: Encoding = "utf-8-sig"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.names_rows:
            raise ValueError("needs row, user or course: the column that names a row")

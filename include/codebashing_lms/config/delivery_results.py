"""How the LMS tells what became of a file: import jobs, and the rows it refused."""

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


def _is_about_one_file(name: str) -> None:
    plain = name.replace("{file}", "x").replace("{stem}", "x")
    if plain == name or re.search(r"[{}/\\\x00-\x1f]", plain) or name in ("{file}", "{stem}*", "*{file}"):
        raise ValueError("must be a file name with {file} or {stem}: {stem}_result.csv")


class Job(Section, frozen=True, kw_only=True):
    """An import that the LMS works on for a while; it answers an upload with the job's ID.

    :param id: dotted path to the ID in the answer's JSON; null: the answer's Location header.
    :param endpoint: where to ask; `{job}` alone: the ID is itself an address.
    :param state: dotted path to the state in what is answered there.
    :param done: states that mean that the import has ended.
    :param failed: states that mean that nothing was imported; all others: still working.
    :param every: seconds between two questions.
    :param deadline: seconds that a run waits.
    """

    id: Text | None = None
    endpoint: Text = "{job}"
    state: Text
    done: Annotated[list[Text], Meta(min_length=1)]
    failed: list[Text] = []
    every: PositiveInt = 30
    deadline: PositiveInt = 3600

    def __post_init__(self) -> None:
        """Hold that it asks about the job; raise ValueError."""
        super().__post_init__()
        if "{job}" not in self.endpoint:
            raise ValueError("endpoint must hold {job}, the ID of the job")
        if set(self.done) & set(self.failed):
            raise ValueError("done and failed must not share a state")


class Wait(Section, frozen=True, kw_only=True):
    """How long a run waits for an LMS that is told in calls of its own, and works on what it was told.

    :param every: seconds between two questions.
    :param deadline: seconds that a run waits.
    """

    every: PositiveInt = 30
    deadline: PositiveInt = 3600


class Results(Section, frozen=True, kw_only=True):
    """How the LMS names a row that it refused: by its number, or by learner and course, and why.

    :param first_row: what it calls the first row; null: the line of the file it stands in.
    :param status: where a row's result stands; without it every row that is listed was refused.
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
        """Hold that statuses have a place; raise ValueError."""
        super().__post_init__()
        if (self.status is None) is bool(self.refused):
            raise ValueError("status and refused go together: where the result stands, which mean refused")

    @property
    def names_rows(self) -> bool:
        """Tell whether it is said how the LMS names a row."""
        return bool(self.row or self.user or self.course)


class HttpResults(Results, frozen=True, kw_only=True):
    """Refused rows in an answer: to the upload, to the question about a job, or at an address of their own.

    :param path: dotted path to the list in the answer's JSON.
    :param report: an endpoint that tells; `{job}` is the job's ID.
    """

    path: Text | None = None
    report: Text | None = None
    format: Literal["json", "csv"] = "json"
    delimiter: Delimiter = ","

    def __post_init__(self) -> None:
        """Hold that it says where, and what names a row; raise ValueError."""
        super().__post_init__()
        if self.names_rows is not (self.path is not None or self.format == "csv"):
            raise ValueError(
                "needs both: path (or format: csv), where the refused rows are, and row, user or course, "
                "what names one"
            )


class FileResults(Results, frozen=True, kw_only=True):
    """Refused rows in a file that the LMS leaves where ours are dropped, or elsewhere on that server.

    :param directory: null: where our files are dropped.
    :param name: its name; `{file}` and `{stem}` are our file's name with and without its ending, `*` is
        anything.
    """

    directory: Text | None = None
    name: Annotated[Text, _is_about_one_file]
    delimiter: Delimiter = ","
    encoding: Encoding = "utf-8-sig"

    def __post_init__(self) -> None:
        """Hold that it names a row; raise ValueError."""
        super().__post_init__()
        if not self.names_rows:
            raise ValueError("needs row, user or course: the column that names a row")

"""What an LMS wants, with the customer's settings put in: all that the writers and load need to know."""

import codecs
from typing import Annotated, Any, Literal

from msgspec import Meta
from msgspec.structs import replace

from include.codebashing_lms.config.profiles.columns import Column
from include.codebashing_lms.config.schema.field_types import Delimiter, Encoding, PositiveInt, Section, Text
from include.codebashing_lms.config.schema.validation import InvalidContent, ValidationIssue
from include.codebashing_lms.dates import CourseFileNamePattern

UserKey = Literal["employee_id", "username", "lms_user_id", "email"]
Sender = Literal["file", "xapi", "oracle_hdl", "moodle_ws", "canvas"]
Method = Literal["folder", "sftp", "http"]


Months = Annotated[list[Text], Meta(min_length=12, max_length=12)]


class FileShape(Section, frozen=True, kw_only=True):
    """How rows become bytes.

    :param quoting: `minimal` and `all` put values into quotes; `none` writes them as they are and sets
        records aside whose values hold the delimiter, the line ending, a line break or one of `forbidden`;
        `escape` replaces texts by `escapes`; `statements` is the JSON of xAPI.
    :param backslash_escapes: a value that ends in a backslash, or has one before a quote, is set aside:
        some readers take it for an escape and swallow what follows.
    :param months: names of the months for `%b` and `%B`, whatever the language of this machine.
    """

    header: bool = True
    delimiter: Delimiter = ","
    quoting: Literal["minimal", "all", "none", "escape", "statements"] = "minimal"
    escapes: dict[str, str] = {}
    forbidden: list[str] = []
    backslash_escapes: bool = False
    line_ending: Text = "\r\n"
    encoding: Encoding = "utf-8"
    bom: bool = False
    decimal_mark: Literal[".", ","] = "."
    months: Months | None = None

    def __post_init__(self) -> None:
        """Hold that a mark has an encoding that knows it; raise ValueError."""
        super().__post_init__()
        if self.bom and not self.encoding.lower().replace("_", "-").startswith("utf"):
            raise ValueError("bom: true needs a Unicode encoding such as utf-8")

    @property
    def unwritable_signs(self) -> list[str]:
        """Return what no value may hold."""
        if self.quoting == "none":
            return [self.delimiter, "\r", "\n", *self.forbidden]
        return ["\r", *self.forbidden] if self.quoting == "escape" else self.forbidden

    @property
    def plain(self) -> bool:
        """Tell whether the file's bytes are those of UTF-8."""
        return codecs.lookup(self.encoding).name == "utf-8"


class Limits(Section, frozen=True, kw_only=True):
    """Into how many files the rows go.

    :param rows: rows per file, without the header.
    :param bytes: bytes per file, before packing; a single row may be longer.
    :param per_course: a file for each course of the LMS.
    """

    rows: PositiveInt | None = None
    bytes: PositiveInt | None = None
    per_course: bool = False


class Contract(Section, frozen=True, kw_only=True):
    """A profile with the customer's settings put in.

    :param emits: `snapshot` tells every state, `completion` what is finished.
    :param skips_not_started: whoever has not begun is not told.
    :param resend: what the LMS does with a row it has already: `replaces` it, `ignores` the new one,
        `refuses` it, `adds` another, or that is `unknown`; null: snapshots replace, completions: unknown.
    :param needs_date: a finished record without its date cannot be told; null: of completions with a column
        for it.
    :param only_past_days: completions are told from the day after on, because the LMS takes no date of today.
    :param whole_percent: the LMS is told whole percents; a change within one is none.
    :param lower_case_user_key: the LMS writes its user keys in lower case only.
    :param completed_from: a date of the course's; whoever finished earlier cannot be told.
    :param labels: what the customer calls columns.
    :param package: the name of the one member of a zip, null for a plain file.
    :param options: the customer's settings, for what is not a table.
    """

    profile: str
    title: str
    emits: Literal["snapshot", "completion"]
    skips_not_started: bool = False
    resend: Literal["replaces", "ignores", "refuses", "adds", "unknown"] | None = None
    user_key: UserKey
    lower_case_user_key: bool = False
    unattended: bool
    methods: list[Method]
    sender: Sender = "file"
    needs_date: bool | None = None
    only_past_days: bool = False
    whole_percent: bool = False
    completed_from: str | None = None
    file_name: CourseFileNamePattern
    labels: dict[str, str] = {}
    columns: Annotated[list[Column], Meta(min_length=1)]
    file: FileShape = FileShape()
    limits: Limits = Limits()
    package: str | None = None
    options: dict[str, Any] = {}

    def customized(self) -> "Contract":
        """Return it with the columns that are shown, under the customer's labels.

        :raises Mistaken: a label is of no column, or the file could not hold what stands in every row.
        """
        shown = [column for column in self.columns if column.shown and not column.hidden]
        unknown = sorted(set(self.labels) - {column.label for column in shown})
        if unknown:
            names = ", ".join(column.label for column in shown)
            words = f"labels names {', '.join(unknown)}, which is no column; there are {names}"
            raise InvalidContent([ValidationIssue(("columns",), words)])
        columns = [replace(column, label=self.labels.get(column.label, column.label)) for column in shown]
        if sign := self._unwritable(columns):
            raise InvalidContent([ValidationIssue((), sign)])
        return replace(self, columns=columns)

    def _unwritable(self, columns: list[Column]) -> str | None:
        """Say what stands in every row, or in the header, and cannot be written."""
        for column in columns:
            for text in (column.label if self.file.header else "", column.value or ""):
                sign = next((one for one in self.file.unwritable_signs if one in text), None)
                if sign:
                    return f"{column.label}: {text!r} holds {sign!r}, which this file cannot hold"
        return None

    @property
    def on_resend(self) -> str:
        """Return what the LMS does with a row that it has already."""
        return self.resend or ("replaces" if self.emits == "snapshot" else "unknown")

    @property
    def appends(self) -> bool:
        """Tell whether the LMS would add rows a second time that it is sent a second time."""
        return self.on_resend in ("adds", "unknown")

    @property
    def refuses_full(self) -> bool:
        """Tell whether rows that the LMS has must not be sent again."""
        return self.on_resend in ("adds", "refuses")

    @property
    def sends_full(self) -> bool:
        """Tell whether every sendable row goes when nobody says otherwise: in files, not in single calls."""
        return self.emits == "snapshot" and self.on_resend == "replaces" and self.sender == "file"

    @property
    def sources(self) -> set[str]:
        """Return the names that the columns read."""
        return {name for column in self.columns for name in column.sources()}

    @property
    def needs_completion_date(self) -> bool:
        """Tell whether a completed record without a date has no place in the file."""
        if self.needs_date is None:
            return self.emits == "completion" and "completed_at" in self.sources
        return self.needs_date

    @property
    def needs_crosswalk(self) -> bool:
        """Tell whether nobody can say the user key but the customer."""
        return self.user_key in ("username", "lms_user_id") and not self.employee_id_is_key

    @property
    def employee_id_is_key(self) -> bool:
        """Tell whether the LMS knows people by the employee ID, by its nature or by the customer's word."""
        return self.user_key == "employee_id" or self.options.get("user_key") == "employee_id"

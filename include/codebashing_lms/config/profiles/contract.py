"""A contract: a profile with the customer's settings filled in. Transform, load and delivery follow it."""

from typing import Annotated, Any, Literal

from msgspec import Meta
from msgspec.structs import replace

from include.codebashing_lms.config.profiles.columns import Column
from include.codebashing_lms.config.profiles.file_shape import FileShape
from include.codebashing_lms.config.schema.date_patterns import CourseFileNamePattern
from include.codebashing_lms.config.schema.field_types import PositiveInt, Section
from include.codebashing_lms.config.schema.validation import InvalidContent, ValidationIssue
from include.codebashing_lms.dates import AS_OF

UserKey = Literal["employee_id", "username", "lms_user_id", "email"]
Sender = Literal["file", "xapi", "oracle_hdl", "moodle_ws", "canvas"]
Method = Literal["folder", "sftp", "http"]


class Limits(Section, frozen=True, kw_only=True):
    """When the rows go into several files.

    :param rows: rows per file, without the header.
    :param bytes: bytes per file, before packing; a single row may be longer.
    :param per_course: a file for each course of the LMS.
    """

    rows: PositiveInt | None = None
    bytes: PositiveInt | None = None
    per_course: bool = False


class Contract(Section, frozen=True, kw_only=True):
    """A profile with the customer's settings put in.

    :param emits: `snapshot` sends every state of a course, `completion` only completed ones.
    :param skips_not_started: records of learners who have not started the course are withheld.
    :param resend: what the LMS does with a row that it already has: `replaces` it, `ignores` the new row,
        `refuses` it, `adds` another, or `unknown`; null: a snapshot replaces, for completions it is unknown.
    :param needs_date: a completed record without its date is set aside; null: if `emits` is `completion` and
        a column holds the date.
    :param only_past_days: a completion is sent the day after, because the LMS refuses today's date.
    :param whole_percent: the LMS gets whole percents; a smaller change is no change.
    :param lower_case_user_key: the LMS writes its user keys in lower case only.
    :param completed_from: the name of a course's date; an earlier completion is set aside.
    :param labels: the customer's names of columns.
    :param package: the name of the only member of a zip file; null: the file is not packed.
    :param options: the customer's settings, for LMSs that get no table.
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
        """Return the contract with only the columns that are shown, under the customer's labels.

        :raises InvalidContent: a label belongs to no column, or the file cannot hold a fixed value.
        """
        shown = [column for column in self.columns if column.shown and not column.hidden]
        unknown = sorted(set(self.labels) - {column.label for column in shown})
        if unknown:
            names = ", ".join(column.label for column in shown)
            text = f"labels names {', '.join(unknown)}, which is no column; there are {names}"
            raise InvalidContent([ValidationIssue(("columns",), text)])
        columns = [replace(column, label=self.labels.get(column.label, column.label)) for column in shown]
        if unwritable := self._unwritable(columns):
            raise InvalidContent([ValidationIssue((), unwritable)])
        return replace(self, columns=columns)

    def _unwritable(self, columns: list[Column]) -> str | None:
        for column in columns:
            for text in (column.label if self.file.header else "", column.value or ""):
                sign = next((one for one in self.file.unwritable_signs if one in text), None)
                if sign:
                    return f"{column.label}: {text!r} holds {sign!r}, which this file cannot hold"
            for text in self._texts(column):
                if lacking := self.file.lacking(text):
                    return f"{column.label}: {text!r}: {lacking}"
        for text in (self.file.delimiter, self.file.line_ending, *(self.file.months or ())):
            if lacking := self.file.lacking(text):
                return f"file: {text!r}: {lacking}"
        return None

    def _texts(self, column: Column) -> list[str]:
        """Return the texts of a column that are the same in many rows: label, value, words, settings."""
        words = [text for text, _ in column.pieces()] + list((column.statuses or {}).values())
        settings = [self.options.get(name or "") for _, name in column.pieces()]
        texts = [column.label if self.file.header else None, column.value, *words, *settings]
        return [text for text in texts if isinstance(text, str)]

    def date_patterns(self) -> list[tuple[str, str]]:
        """Return the date formats of columns and of the file's name, each with its place."""
        columns = [(one.label, one.date_format) for one in self.columns if one.date_format]
        return columns + [("file_name", pattern) for pattern in AS_OF.findall(self.file_name)]

    @property
    def on_resend(self) -> str:
        """Return what the LMS does with a row that it already has."""
        return self.resend or ("replaces" if self.emits == "snapshot" else "unknown")

    @property
    def appends(self) -> bool:
        """Return whether the LMS may add a row again when it is sent again."""
        return self.on_resend in ("adds", "unknown")

    @property
    def refuses_full(self) -> bool:
        """Return whether rows that the LMS already has must not be sent again."""
        return self.on_resend in ("adds", "refuses")

    @property
    def sends_full(self) -> bool:
        """Return whether a delivery holds every row by default: a snapshot in a file, not in single calls."""
        return self.emits == "snapshot" and self.on_resend == "replaces" and self.sender == "file"

    @property
    def sources(self) -> set[str]:
        """Return the names that the columns read."""
        return {name for column in self.columns for name in column.sources()}

    @property
    def needs_completion_date(self) -> bool:
        """Return whether a completed record needs its date."""
        if self.needs_date is None:
            return self.emits == "completion" and "completed_at" in self.sources
        return self.needs_date

    @property
    def needs_crosswalk(self) -> bool:
        """Return whether only the customer can translate employee IDs into user keys."""
        return self.user_key in ("username", "lms_user_id") and not self.employee_id_is_key

    @property
    def employee_id_is_key(self) -> bool:
        """Return whether the user key is the employee ID, by the profile or by the customer's statement."""
        return self.user_key == "employee_id" or self.options.get("user_key") == "employee_id"

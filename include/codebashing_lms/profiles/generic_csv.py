"""`generic_csv`: a CSV file of any shape, told by its options."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from include.codebashing_lms.dates import DatePattern, FileNamePattern

Canonical = Literal[
    "employee_id", "email", "course_id", "course_title", "percent_complete", "lessons_completed",
    "lessons_total", "status", "completed_at", "last_active_at", "as_of",
]  # fmt: skip
INSTANTS = ("completed_at", "last_active_at", "as_of")
DEFAULT_COLUMNS: tuple[Canonical, ...] = (
    "employee_id",
    "course_id",
    "percent_complete",
    "status",
    "completed_at",
)


class Column(BaseModel):
    """One column: a canonical source under a label, or the same value in every row."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    label: str
    source: Canonical | None = None
    value: str | None = None
    decimals: Annotated[int, Field(ge=0, le=2)] | None = None
    date_format: DatePattern | None = None

    @model_validator(mode="after")
    def _combinations(self) -> "Column":
        if (self.source is None) == (self.value is None):
            raise ValueError("needs either source or value")
        if self.decimals is not None and self.source != "percent_complete":
            raise ValueError("decimals goes with source: percent_complete")
        if self.date_format is not None and self.source not in INSTANTS:
            raise ValueError(f"date_format goes with source: {', '.join(INSTANTS)}")
        return self


class GenericCsvOptions(BaseModel):
    """The options of `generic_csv`; the defaults are RFC 4180 with a header, in UTF-8."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    file_name: FileNamePattern = "codebashing_{as_of:%Y%m%dT%H%M%S}.csv"
    emits: Literal["snapshot", "completion"] = "snapshot"
    columns: Annotated[list[Column], Field(min_length=1)] = [
        Column(label=name, source=name) for name in DEFAULT_COLUMNS
    ]
    header: bool = True
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quoting: Literal["minimal", "all"] = "minimal"
    line_ending: Literal["\r\n", "\n", "\r"] = "\r\n"
    encoding: str = "utf-8"
    bom: bool = False
    decimal_mark: Literal[".", ","] = "."

    @field_validator("columns", mode="before")
    @classmethod
    def _plain_names(cls, columns: Any) -> Any:
        """Let a canonical name stand for the column of that name."""
        if not isinstance(columns, list):
            return columns
        return [{"label": entry, "source": entry} if isinstance(entry, str) else entry for entry in columns]

    @field_validator("delimiter")
    @classmethod
    def _separates(cls, delimiter: str) -> str:
        if delimiter in '"\r\n':
            raise ValueError("must be one character, but neither a quote nor a line break")
        return delimiter

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        try:
            "".encode(encoding)
        except LookupError as error:
            raise ValueError(
                "is no encoding Python knows; try utf-8, utf-16-le, cp1252 or latin-1"
            ) from error
        return encoding

    @model_validator(mode="after")
    def _mark_needs_unicode(self) -> "GenericCsvOptions":
        if self.bom and not self.encoding.lower().replace("_", "-").startswith("utf"):
            raise ValueError("bom: true needs a Unicode encoding such as utf-8")
        return self

    @property
    def needs_completion_date(self) -> bool:
        """Tell whether a completed record without a date has no place in the file."""
        return self.emits == "completion" and "completed_at" in {column.source for column in self.columns}

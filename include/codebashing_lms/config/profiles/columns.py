"""A column of an LMS file: the values in it, and how they are written."""

from string import Formatter
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta
from msgspec.structs import asdict

from include.codebashing_lms.config.schema.date_patterns import DatePattern
from include.codebashing_lms.config.schema.field_types import PositiveInt, Regex, Section

Canonical = Literal[
    "employee_id", "email", "course_id", "course_title", "percent_complete", "lessons_completed",
    "lessons_total", "status", "completed_at", "last_active_at", "as_of",
]  # fmt: skip
Status = Literal["not_started", "in_progress", "completed"]
INSTANTS = ("completed_at", "last_active_at", "as_of")
Decimals = Annotated[int, Meta(ge=0, le=2)]
SOURCES = (*get_args(Canonical), "user_key", "told_at")


class PlainColumn(Section, frozen=True, kw_only=True):
    """One column: a canonical source under a label, or the same value in every row."""

    label: str
    source: Canonical | Literal["user_key"] | None = None
    value: str | None = None
    decimals: Decimals | None = None
    date_format: DatePattern | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.source is None) == (self.value is None):
            raise ValueError("needs either source or value")
        if self.decimals is not None and self.source != "percent_complete":
            raise ValueError("decimals goes with source: percent_complete")
        if self.date_format is not None and self.source not in INSTANTS:
            raise ValueError(f"date_format goes with source: {', '.join(INSTANTS)}")


PlainColumns = Annotated[list[PlainColumn | Canonical | Literal["user_key"]], Meta(min_length=1)]


def expand_columns(columns: list[Any]) -> list[dict[str, Any]]:
    """Return plain columns in the form of a profile; a canonical name becomes a column with that label."""
    return [asdict(one) if isinstance(one, PlainColumn) else {"label": one, "source": one} for one in columns]


def _check_source(name: str) -> None:
    if name not in SOURCES and not name.startswith("course."):
        raise ValueError(f"is no source; known are {', '.join(SOURCES)} and course.<setting>")


class Column(Section, frozen=True, kw_only=True):
    """One column of a profile.

    :param source: a canonical name, `user_key`, `course.<setting>`, or `told_at`: the as-of of the delivery
        that sent this value first.
    :param value: the same text in every row.
    :param text: a text with sources and settings in braces: `CB-{user_key}-{course.record}`.
    :param statuses: the LMS's words for `not_started`, `in_progress` and `completed`; null is a blank.
    :param rounding: how a percentage is rounded to `decimals`; only a completed course ever gets 100.
    :param scale: the points that 100 % become.
    :param max_length: in characters; a record with a longer value is set aside, never truncated.
    :param required: a record with a blank cell is set aside.
    :param pattern: a regular expression; a record with a value that does not match as a whole is set aside.
    :param shown: whether the file has this column; `hidden` says the opposite.
    """

    label: str
    source: Annotated[str, _check_source] | None = None
    value: str | None = None
    text: str | None = None
    statuses: dict[Status, str | None] | None = None
    decimals: Decimals | None = None
    rounding: Literal["half_up", "down"] = "half_up"
    scale: PositiveInt = 100
    date_format: DatePattern | None = None
    max_length: PositiveInt | None = None
    required: bool = False
    pattern: Regex | None = None
    shown: bool = True
    hidden: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if [self.source, self.value, self.text].count(None) != 2:
            raise ValueError("needs one of source, value and text")
        if self.statuses is not None and self.source != "status":
            raise ValueError("statuses goes with source: status")

    def pieces(self) -> list[tuple[str, str | None]]:
        """Return the parts of `text`: pairs of a literal and the name that follows it."""
        return [(literal, name) for literal, name, _, _ in Formatter().parse(self.text or "")]

    def sources(self) -> set[str]:
        """Return the names that the column reads."""
        named = {name for _, name in self.pieces() if name}
        return named | ({self.source} if self.source else set())

    @property
    def unchecked(self) -> bool:
        """Return whether the column accepts every value."""
        return not (self.max_length or self.required or self.pattern)

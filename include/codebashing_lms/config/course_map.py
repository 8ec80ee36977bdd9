"""The course map: what the LMS calls each course, and which courses it could not tell apart."""

from typing import ClassVar, Literal

import msgspec
from msgspec.structs import asdict, force_setattr

from include.codebashing_lms.config.profiles.profile import Profile
from include.codebashing_lms.config.schema.field_types import Section, Text

INDISTINCT = "this LMS tells courses apart by id and title: no two may share one of them alone"


class Course(Section, frozen=True, kw_only=True):
    """A course of the LMS; a profile's other settings of a course come with a subclass.

    :cvar same_as: settings that take the course's id or title where they have no value.
    """

    id: Text
    title: str | None = None
    same_as: ClassVar[dict[str, str]] = {}

    def __post_init__(self) -> None:
        """Fill in the id or the title."""
        for name, other in self.same_as.items():
            if getattr(self, name) is None:
                force_setattr(self, name, getattr(self, other))
        super().__post_init__()

    def settings_as_text(self) -> str:
        """Return the settings besides id and title as JSON, blank without any."""
        settings = {name: value for name, value in asdict(self).items() if name not in ("id", "title")}
        return msgspec.json.encode(settings).decode() if settings else ""


CourseMap = dict[str, Course | Literal["ignore"]]


def course_map_error(courses: CourseMap, profile: Profile) -> str | None:
    """Say what is wrong with courses that are valid one by one; None: nothing is."""
    mapped = {slug: course for slug, course in courses.items() if isinstance(course, Course)}
    if slug := _indistinct(mapped, profile.course_title):
        return f"{slug}: {INDISTINCT}"
    for name, setting in profile.course.items():
        if setting.apart and (slug := _with_ambiguous_keys(mapped, name)):
            return f"{slug}: with this {name} its records could be another course's"
    for slug, course in mapped.items():
        for first, then in profile.earlier.items():
            days = [getattr(course, first), getattr(course, then)]
            if None not in days and days[0] >= days[1]:
                return f"{slug}: {first} must lie before {then}"
    return None


def _indistinct(courses: dict[str, Course], titles: str) -> str | None:
    if titles in ("optional", "required"):
        return None
    by_title: dict[str | None, str] = {}
    by_id: dict[str, str | None] = {}
    for slug, course in courses.items():
        if by_id.setdefault(course.id, course.title) != course.title:
            return slug
        if titles == "unique" and by_title.setdefault(course.title, course.id) != course.id:
            return slug
    return None


def _with_ambiguous_keys(courses: dict[str, Course], name: str) -> str | None:
    known = [(slug, course.id, str(getattr(course, name))) for slug, course in courses.items()]
    for slug, course_id, text in known:
        for _, other_id, other in known:
            if course_id != other_id and (text == other or text.endswith(f"-{other}")):
                return slug
    return None

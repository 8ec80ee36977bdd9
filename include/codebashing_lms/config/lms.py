"""What the LMS wants to read."""

from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec
from msgspec.structs import fields, force_setattr

from include.codebashing_lms.config.profiles.contract import Contract
from include.codebashing_lms.config.profiles.profile import Profile, find_profile, values_of
from include.codebashing_lms.config.profiles.settings import make_section
from include.codebashing_lms.config.schema.field_types import Section, Text, TimeZone
from include.codebashing_lms.config.schema.validation import (
    InvalidContent,
    ValidationIssue,
    find_issues,
    parse,
)

GENERIC = "generic_csv"
SENT_TWICE = "this LMS tells courses apart by id and title: no two may share one of them alone"


class Course(Section, frozen=True, kw_only=True):
    """What the LMS calls a course; what else a profile asks for comes with a subclass.

    :cvar same_as: settings that the id or the title stands in for where they are left out.
    """

    id: Text
    title: str | None = None
    same_as: ClassVar[dict[str, str]] = {}

    def __post_init__(self) -> None:
        """Let the id or the title stand in."""
        for name, other in self.same_as.items():
            if getattr(self, name) is None:
                force_setattr(self, name, getattr(self, other))
        super().__post_init__()

    def settings_as_text(self) -> str:
        """Return what the profile asks for besides id and title, blank for nothing."""
        names = [name for name in self.__struct_fields__ if name not in ("id", "title")]
        return msgspec.json.encode({name: getattr(self, name) for name in names}).decode() if names else ""


CourseMap = dict[str, Course | Literal["ignore"]]


class LmsSection(Section, frozen=True, kw_only=True):
    """The section `lms` as it is written.

    What `options` and the entries of `course_map` may hold depends on the profile.
    """

    profile: Text = GENERIC
    timezone: TimeZone = "UTC"
    options: Any = {}
    course_map: Any = {}


class Lms:
    """What the LMS wants to read: the section of the connector file, put into the profile that it names.

    :ivar profile: the profile's id.
    :ivar profile_sha256: the checksum of its file, of which the LMS file is made, too.
    :ivar contract: what the profile says, with the options put in.
    :ivar options: what only the customer knows.
    :ivar course_map: courses by Codebashing's name, or the address of a CSV file that holds them.
    :ivar course_type: a course in the map: id, title and what the profile asks for.
    """

    def __init__(self, section: Any, profile: Profile, contract: Contract, course_type: type[Course]) -> None:
        self.profile: str = section.profile
        self.timezone: str = section.timezone
        self.options: Section = section.options
        self.course_map: CourseMap | str = section.course_map
        self.course_type = course_type
        self.contract = contract
        self.profile_sha256 = profile.sha256
        self._profile = profile

    def course_of(self, cells: dict[str, str]) -> Course:
        """Return the course that a line of a CSV file describes; raise Mistaken with every mistake in it."""
        settings = self._profile.course
        entry = {
            name: settings[name].from_csv_cell(text) if name in settings else text
            for name, text in cells.items()
        }
        return parse(entry, self.course_type)

    def course_map_error(self, courses: CourseMap) -> str | None:
        """Say what is wrong with courses beside each other, or with dates of one."""
        twice = self.course_told_twice(courses)
        if twice:
            return f"{twice}: {SENT_TWICE}"
        for name, setting in self._profile.course.items():
            mistaken = _mistaken_for_another(courses, name) if setting.apart else None
            if mistaken:
                return f"{mistaken}: with this {name} its records could be another course's"
        for slug, course in courses.items():
            for first, then in self._profile.earlier.items():
                if isinstance(course, Course) and not _in_order(course, first, then):
                    return f"{slug}: {first} must lie before {then}"
        return None

    def course_told_twice(self, courses: CourseMap) -> str | None:
        """Return a course that the LMS would take for another one, or know under two titles."""
        titles = self._profile.course_title
        by_title: dict[str | None, str] = {}
        by_id: dict[str, str | None] = {}
        for slug, course in courses.items():
            if titles in ("optional", "required") or not isinstance(course, Course):
                continue
            if by_id.setdefault(course.id, course.title) != course.title:
                return slug
            if titles == "unique" and by_title.setdefault(course.title, course.id) != course.id:
                return slug
        return None


def _in_order(course: Course, first: str, then: str) -> bool:
    days = [getattr(course, first), getattr(course, then)]
    return None in days or days[0] < days[1]


def _mistaken_for_another(courses: CourseMap, name: str) -> str | None:
    """Return a course whose setting is another's, or ends like it after a hyphen."""
    known = [
        (slug, course.id, str(getattr(course, name)))
        for slug, course in courses.items()
        if isinstance(course, Course)
    ]
    return next(
        (
            slug
            for slug, id_, one in known
            for _, other_id, other in known
            if id_ != other_id and (one == other or one.endswith(f"-{other}"))
        ),
        None,
    )


def parse_lms(content: Any, beside: Path | None = None) -> Lms:
    """Return the section `lms` of a connector file, put into the profile that it names.

    :param content: what the file holds there.
    :param beside: the folder of the connector file, which may hold profiles.
    :raises Mistaken: with every mistake in it.
    :raises ConnectorError: the profile's own file is wrong.
    """
    profile = _profile(content, beside)
    if isinstance(content, dict):
        content = {"options": {}, **content}
    course_type = _course_type(profile, _given(content, profile))
    section: Any = parse(content, _section_type(profile, course_type))
    values = values_of(section.options)
    if lacking := profile.lacking(values):
        words = "; ".join(f"{name}: {profile.settings[name].where}" for name in lacking)
        raise _mistaken("options", f"is incomplete, there must be {words}")
    try:
        contract = profile.resolve(values, timezone=section.timezone)
    except InvalidContent as error:
        raise _mistaken("options", f"do not go together: {error.told('the profile')}") from None
    lms = Lms(section, profile, contract, course_type)
    _check_courses(lms)
    return lms


def _profile(content: Any, beside: Path | None) -> Profile:
    name = content.get("profile", GENERIC) if isinstance(content, dict) else GENERIC
    if not name or not isinstance(name, str):
        raise InvalidContent(find_issues(content, LmsSection))
    try:
        return find_profile(name, beside)
    except ValueError as error:
        unknown = ValidationIssue(("profile",), f"{error}, got {name!r}")
        raise InvalidContent([unknown, *find_issues(content, LmsSection)]) from None


def _given(content: Any, profile: Profile) -> Section | None:
    """Return the options, which courses may depend on; None if there is a mistake in them."""
    try:
        return parse(content["options"], profile.options()) if isinstance(content, dict) else None
    except InvalidContent:
        return None


def _section_type(profile: Profile, course_type: Any) -> Any:
    """Return the type of the section for a profile."""
    courses: Any = dict[Text, course_type | Literal["ignore"]]
    own: list[Any] = [
        ("options", profile.options()),
        ("course_map", courses | Text, msgspec.field(default_factory=dict)),
    ]
    return msgspec.defstruct("lms", own, bases=(LmsSection,), frozen=True, kw_only=True)


def _course_type(profile: Profile, options: Section | None) -> Any:
    """Return the type of a course in a profile's course map.

    :param options: None if there is a mistake in them.
    """
    title = [] if profile.course_title in ("optional", "consistent") else [("title", Text)]
    if not profile.course and not title:
        return Course
    return make_section(f"course_of_{profile.id}", profile.course, Course, options, title)


def _mistaken(key: str, words: str) -> InvalidContent:
    """Return an error about one key of several that were looked at together."""
    return InvalidContent([ValidationIssue((key,), words)])


def _check_courses(lms: Lms) -> None:
    """Hold that nothing is missing without a course map, and that titles tell courses apart if need be."""
    needs = [] if lms.course_map else [one.name for one in fields(lms.course_type) if one.required]
    if needs not in ([], ["id"]):
        raise _mistaken("course_map", f"is required: {lms.profile} needs {', '.join(needs)} of each course")
    fault = lms.course_map_error(lms.course_map) if isinstance(lms.course_map, dict) else None
    if fault:
        raise _mistaken("course_map", fault)

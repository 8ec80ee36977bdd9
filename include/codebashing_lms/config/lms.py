"""The section `lms`: which profile the LMS has, with which options and courses."""

from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import asdict, fields

from include.codebashing_lms.config.course_map import Course, CourseMap, course_map_error
from include.codebashing_lms.config.profiles.contract import Contract
from include.codebashing_lms.config.profiles.profile import Profile, find_profile
from include.codebashing_lms.config.profiles.settings import make_section
from include.codebashing_lms.config.schema.date_patterns import zone_error
from include.codebashing_lms.config.schema.field_types import Section, Text, TimeZone
from include.codebashing_lms.config.schema.validation import InvalidContent, ValidationIssue, find_issues, parse

GENERIC = "generic_csv"


class LmsSection(Section, frozen=True, kw_only=True):
    """The section `lms` of the connector file.

    The types of `options` and of the entries of `course_map` depend on the profile.
    """

    profile: Text = GENERIC
    timezone: TimeZone = "UTC"
    options: Any = {}
    course_map: Any = {}


class Lms:
    """The section `lms` together with the profile that it names.

    :ivar profile: the profile's id.
    :ivar zone: the time zone of every `date_format`, and of a day where an instant is needed.
    :ivar profile_sha256: the checksum of the profile's file.
    :ivar contract: the profile with the options filled in.
    :ivar options: settings that only the customer knows.
    :ivar course_map: courses by Codebashing's slug, or the address of a CSV file that holds them.
    :ivar course_type: the type of a course in the map: id, title and the profile's other settings.
    """

    def __init__(self, section: Any, profile: Profile, contract: Contract, course_type: type[Course]) -> None:
        self.profile: str = section.profile
        self.timezone: str = section.timezone
        self.zone = ZoneInfo(section.timezone)
        self.options: Section = section.options
        self.course_map: CourseMap | str = section.course_map
        self.course_type = course_type
        self.contract = contract
        self.profile_sha256 = profile.sha256
        self._profile = profile

    def course_of(self, cells: dict[str, str]) -> Course:
        """Return the course in a row of a CSV file; raise InvalidContent with every issue in it."""
        settings = self._profile.course
        entry = {name: settings[name].from_csv_cell(text) if name in settings else text for name, text in cells.items()}
        return self.parse_course(entry)

    def parse_course(self, content: dict[str, Any]) -> Course:
        """Return a course with its settings as YAML has them; raise InvalidContent with every issue in it."""
        return parse(content, self.course_type)

    def course_map_error(self, courses: CourseMap) -> str | None:
        """Say what is wrong with courses that are valid one by one; None: nothing is."""
        return course_map_error(courses, self._profile) or self._unwritable(courses)

    def _unwritable(self, courses: CourseMap) -> str | None:
        """Say which text of a course the file's encoding lacks; that is wrong in every row of the course."""
        read = {name.partition(".")[2] or name.removeprefix("course_") for name in self.contract.sources}
        for slug, course in courses.items():
            for name in read.intersection(getattr(course, "__struct_fields__", ())):
                if lacking := self.contract.file.lacking(str(getattr(course, name))):
                    return f"{slug}: {name}: {lacking}"
        return None


def parse_lms(content: Any, folder: Path | None = None) -> Lms:
    """Return the section `lms` together with the profile that it names.

    :param content: the section as read from the file.
    :param folder: the folder of the connector file; it may hold profiles.
    :raises InvalidContent: with every issue in the section.
    :raises ConnectorError: the profile's own file has issues.
    """
    profile = _find_profile(content, folder)
    if isinstance(content, dict):
        content = {"options": {}, **content}
    course_type = _course_type(profile, _valid_options(content, profile))
    section: Any = parse(content, _section_type(profile, course_type))
    values = asdict(section.options)
    missing = [
        f"{name}: {one.where}"
        for name, one in profile.settings.items()
        if one.required_with and values[one.required_with] and values[name] is None
    ]
    if missing:
        raise _invalid("options", f"is incomplete, there must be {'; '.join(missing)}")
    try:
        contract = profile.resolve(values, timezone=section.timezone)
    except InvalidContent as error:
        raise _invalid("options", f"do not go together: {error.summary('the profile')}") from None
    for where, pattern in contract.date_patterns():
        if wrong := zone_error(pattern, section.timezone):
            raise _invalid("timezone", f"{where}: {wrong}")
    lms = Lms(section, profile, contract, course_type)
    _check_courses(lms)
    return lms


def _find_profile(content: Any, folder: Path | None) -> Profile:
    name = content.get("profile", GENERIC) if isinstance(content, dict) else GENERIC
    if not name or not isinstance(name, str):
        raise InvalidContent(find_issues(content, LmsSection))
    try:
        return find_profile(name, folder)
    except ValueError as error:
        unknown = ValidationIssue(("profile",), f"{error}, got {name!r}")
        raise InvalidContent([unknown, *find_issues(content, LmsSection)]) from None


def _valid_options(content: Any, profile: Profile) -> Section | None:
    """Return the options, because types of courses depend on them; None where they have issues."""
    try:
        return parse(content["options"], profile.options_type) if isinstance(content, dict) else None
    except InvalidContent:
        return None


def _section_type(profile: Profile, course_type: Any) -> Any:
    courses: Any = dict[Text, course_type | Literal["ignore"]] | Text
    own: list[Any] = [("options", profile.options_type), ("course_map", courses, msgspec.field(default_factory=dict))]
    return msgspec.defstruct("lms", own, bases=(LmsSection,), frozen=True, kw_only=True)


def _course_type(profile: Profile, options: Section | None) -> Any:
    """Return the type of a course in a profile's course map.

    :param options: None where they have issues.
    """
    title = [] if profile.course_title in ("optional", "consistent") else [("title", Text)]
    if not profile.course and not title:
        return Course
    return make_section(f"course_of_{profile.id}", profile.course, Course, options, title)


def _invalid(key: str, text: str) -> InvalidContent:
    return InvalidContent([ValidationIssue((key,), text)])


def _check_courses(lms: Lms) -> None:
    required = [] if lms.course_map else [one.name for one in fields(lms.course_type) if one.required]
    if required not in ([], ["id"]):
        raise _invalid("course_map", f"is required: {lms.profile} needs {', '.join(required)} of each course")
    error = lms.course_map_error(lms.course_map) if isinstance(lms.course_map, dict) else None
    if error:
        raise _invalid("course_map", error)

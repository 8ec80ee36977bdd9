"""What the LMS wants to read."""

from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    Field,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from include.codebashing_lms.profiles.contract import Contract
from include.codebashing_lms.profiles.model import (
    Profile,
    find_profile,
    mistakes,
    sha256_of_profile,
    values_of,
)
from include.codebashing_lms.profiles.settings import options_model
from include.codebashing_lms.sections import Section, Text, TimeZone

TOLD_TWICE = "this LMS tells courses apart by id and title: no two may share one of them alone"


class Course(Section):
    """What the LMS calls a course; what else a profile asks for comes with a subclass."""

    id: Text
    title: str | None = None

    def settings_as_text(self) -> str:
        """Return what the profile asks for besides id and title, blank for nothing."""
        more = self.model_dump_json(exclude={"id", "title"})
        return "" if more == "{}" else more


CourseMap = dict[str, Course | Literal["ignore"]]


class Lms(Section):
    """What the LMS wants to read.

    What `options` and the entries of `course_map` may hold depends on the profile.
    """

    profile: Text = "generic_csv"
    timezone: TimeZone = "UTC"
    options: Any = Field(default_factory=dict, validate_default=True)
    course_map: CourseMap | Text = Field(default_factory=dict)
    _profile: Profile = PrivateAttr()
    _contract: Contract = PrivateAttr()
    _profile_sha256: str = PrivateAttr()

    @field_validator("profile")
    @classmethod
    def _is_there(cls, name: str, info: ValidationInfo) -> str:
        find_profile(name, _beside(info))
        return name

    @field_validator("options", mode="plain")
    @classmethod
    def _as_the_profile_says(cls, options: Any, info: ValidationInfo) -> Any:
        profile = _profile(info)
        return profile.options().model_validate(options) if profile else options

    @field_validator("course_map", mode="plain")
    @classmethod
    def _courses_as_the_profile_says(cls, courses: Any, info: ValidationInfo) -> Any:
        profile, options = _profile(info), info.data.get("options")
        if profile is None or options is None:
            return courses
        return _course_maps(course_model(profile, options)).validate_python(courses, strict=True)

    @model_validator(mode="after")
    def _resolve(self, info: ValidationInfo) -> "Lms":
        self._profile = profile = find_profile(self.profile, _beside(info))
        self._profile_sha256 = sha256_of_profile(self.profile, _beside(info))
        if lacking := profile.lacking(values_of(self.options)):
            words = "; ".join(f"{name}: {profile.settings[name].where}" for name in lacking)
            raise _mistake("options", f"is incomplete, there must be {words}")
        try:
            self._contract = profile.resolve(values_of(self.options), timezone=self.timezone)
        except ValidationError as error:
            raise _mistake("options", f"do not go together: {mistakes(error)}") from None
        _check_courses(self)
        return self

    @property
    def contract(self) -> Contract:
        """Return what the profile says, with the options put in."""
        return self._contract

    @property
    def profile_sha256(self) -> str:
        """Return the checksum of the profile's file, of which the LMS file is made, too."""
        return self._profile_sha256

    def fault_in(self, courses: CourseMap) -> str | None:
        """Say what is wrong with courses beside each other, or with dates of one."""
        twice = self.course_told_twice(courses)
        if twice:
            return f"{twice}: {TOLD_TWICE}"
        for name, setting in self._profile.course.items():
            mistaken = _mistaken_for_another(courses, name) if setting.apart else None
            if mistaken:
                return f"{mistaken}: with this {name} its records could be another course's"
        for slug, course in courses.items():
            for first, then in self._profile.earlier.items():
                if isinstance(course, Course) and getattr(course, first) >= getattr(course, then):
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

    @cached_property
    def course_model(self) -> type[Course]:
        """Return the model of a course in the map: id, title and what the profile asks for."""
        return course_model(self._profile, self.options)


def _mistaken_for_another(courses: CourseMap, name: str) -> str | None:
    """Return a course whose setting is another's, or ends like it after a hyphen."""
    known = [
        (slug, course.id, getattr(course, name)) for slug, course in courses.items() if course != "ignore"
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


def course_model(profile: Profile, options: Any) -> type[Course]:
    """Return the model of a course in a profile's course map."""
    model: type[Course] = Course
    if profile.course:
        model = options_model(f"course_of_{profile.id}", profile.course, Course, options)
    if profile.course_title in ("optional", "consistent"):
        return model
    return create_model(f"titled_{model.__name__}", __base__=model, title=(Text, ...))


@cache
def _course_maps(course: Any) -> TypeAdapter[Any]:
    """Return what reads the map of such courses: entries by their slugs, or the address of a CSV."""
    return TypeAdapter(dict[Text, course | Literal["ignore"]] | Text)


def _needed(course: type[Course]) -> list[str]:
    return [name for name, field in course.model_fields.items() if field.is_required()]


def _profile(info: ValidationInfo) -> Profile | None:
    name = info.data.get("profile")
    return find_profile(name, _beside(info)) if name else None


def _beside(info: ValidationInfo) -> Path | None:
    return (info.context or {}).get("beside")


def _mistake(key: str, message: str) -> ValidationError:
    """Return an error about one key of several that were looked at together."""
    kind = PydanticCustomError("together", message)
    return ValidationError.from_exception_data("Lms", [{"type": kind, "loc": (key,), "input": None}])


def _check_courses(lms: Lms) -> None:
    """Hold that nothing is missing without a course map, and that titles tell courses apart if need be."""
    needs = [] if lms.course_map else _needed(lms.course_model)
    if needs not in ([], ["id"]):
        raise _mistake("course_map", f"is required: {lms.profile} needs {', '.join(needs)} of each course")
    fault = lms.fault_in(lms.course_map) if isinstance(lms.course_map, dict) else None
    if fault:
        raise _mistake("course_map", fault)

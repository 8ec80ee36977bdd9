"""A profile: one YAML file that says what an LMS wants, with places for what only the customer knows."""

import hashlib
import os
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml

from include.codebashing_lms.config.profiles.columns import written_out
from include.codebashing_lms.config.profiles.contract import Contract
from include.codebashing_lms.config.profiles.placeholders import fill_placeholders, unknown_placeholders
from include.codebashing_lms.config.profiles.settings import RESERVED, Setting, make_section
from include.codebashing_lms.config.schema.field_types import Section
from include.codebashing_lms.config.schema.strict_yaml import load_yaml
from include.codebashing_lms.config.schema.validation import InvalidContent, parse
from include.codebashing_lms.errors import ConnectorError

SHIPPED = Path(__file__).parent
VARIABLE = "CODEBASHING_LMS_CONNECTORS"
NAME = re.compile(r"[a-z][a-z0-9_]*")
OF_THE_PROFILE = {"id", "title", "evidence", "settings", "course", "course_title", "earlier"}
KEY_OPTION = Setting(
    type="text",
    allowed=["employee_id"],
    help="employee_id: you state that the LMS's user keys are the employee IDs; otherwise identity.crosswalk "
    "translates",
)


def _usable_names(settings: dict[str, Setting]) -> None:
    for name in settings:
        if not NAME.fullmatch(name) or name in RESERVED:
            raise ValueError(f"{name} cannot be the name of a setting; use a-z, 0-9 and _")


Settings = Annotated[dict[str, Setting], _usable_names]


class Profile(Section, dict=True, frozen=True, kw_only=True):
    """What one LMS wants, as its YAML file says it.

    :param evidence: A to C and U, as docs/profiles/README.md explains them.
    :param course: what each course of lms.course_map must or may say besides id and title.
    :param course_title: `required`: each course needs a title; `consistent`: two entries of one id need the
        same title; `unique`: all of that, and two courses may not share a title.
    :param earlier: dates of a course of which the first must lie before the second.
    :param contract: everything else, with {places} for settings.
    :param sha256: the checksum of the file.
    """

    id: str
    title: str
    evidence: str
    settings: Settings = {}
    course: Settings = {}
    course_title: Literal["optional", "consistent", "required", "unique"] = "optional"
    earlier: dict[str, str] = {}
    contract: dict[str, Any]
    sha256: str

    def __post_init__(self) -> None:
        """Hold that it refers to what there is; raise ValueError."""
        super().__post_init__()
        unknown = [
            *unknown_placeholders(self.contract, self.settings, self.course),
            *self._unknown_settings(),
        ]
        if unknown:
            raise ValueError("; ".join(unknown))

    def _unknown_settings(self) -> Iterator[str]:
        """Say which settings settings refer to that there are not."""
        for name, one in [*self.settings.items(), *self.course.items()]:
            if one.required_with and one.required_with not in self.settings:
                yield f"{name}: required_with names {one.required_with}, which is no setting"
        for name in sorted({*self.earlier, *self.earlier.values()} - self.course.keys()):
            yield f"earlier names {name}, which is no setting of a course"

    @property
    def all_settings(self) -> dict[str, Setting]:
        """Return its settings, with the one that every profile with a user key of the LMS's own has."""
        if self.contract.get("user_key") in ("username", "lms_user_id"):
            return {**self.settings, "user_key": KEY_OPTION}
        return self.settings

    def options(self) -> Any:
        """Return the type of what a customer writes under `lms.options`."""
        return self._options_type

    @cached_property
    def _options_type(self) -> Any:
        return make_section(f"options_of_{self.id}", self.all_settings)

    def lacking(self, options: dict[str, Any]) -> list[str]:
        """Return the settings that another one, switched on, makes required."""
        return [
            name
            for name, one in self.settings.items()
            if one.required_with and options[one.required_with] and options[name] is None
        ]

    def resolve(self, options: dict[str, Any], **more: Any) -> Contract:
        """Return the contract with a customer's options put in; raise Mistaken when they do not go together.

        :param more: other values that may stand in {places}.
        """
        listed = [name for name, one in self.settings.items() if one.type == "columns"]
        columns = {name: written_out(options[name] or []) for name in listed}
        values = {**more, **options, **columns}
        known = {key: fill_placeholders(value, values, key) for key, value in self.contract.items()}
        contract = parse({**known, "profile": self.id, "title": self.title, "options": values}, Contract)
        return contract.customized()


def profile_folders(beside: Path | None = None) -> Iterator[Path]:
    """Give the folders that hold profiles: ours, the one beside a connector file, and the usual one."""
    yield SHIPPED
    if beside:
        yield beside / "profiles"
    connectors = Path(os.environ.get(VARIABLE) or SHIPPED.parents[2] / "connectors")
    if connectors != beside:
        yield connectors / "profiles"


def profile_files(beside: Path | None = None) -> dict[str, Path]:
    """Return the files of all profiles by their ids; ours go before the customer's."""
    found: dict[str, Path] = {}
    for folder in profile_folders(beside):
        for path in sorted(folder.glob("[!.]*.yaml")):
            found.setdefault(path.stem, path)
    return found


def _file(name: str, beside: Path | None) -> Path | None:
    """Return a profile's file without a look at all others."""
    if Path(name).name != name:
        return None
    paths = (folder / f"{name}.yaml" for folder in profile_folders(beside))
    try:
        return next((path for path in paths if path.is_file()), None)
    except OSError:  # a name of thousands of characters
        return None


def find_profile(name: str, beside: Path | None = None) -> Profile:
    """Return a profile by its id.

    :raises ValueError: there is none of that id.
    :raises ConnectorError: its file says something wrong.
    """
    path = _file(name, beside)
    if path is None:
        from difflib import get_close_matches  # only for who mistook a name

        files = profile_files(beside)
        close = get_close_matches(name, files, 1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise ValueError(f"is no profile; {meant}there are {', '.join(sorted(files))}")
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> Profile:
    try:
        text = path.read_bytes()
        content = load_yaml(text)
    except (OSError, yaml.YAMLError) as error:
        raise ConnectorError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConnectorError(f"{path}: must be a mapping.")
    contract = {key: value for key, value in content.items() if key not in OF_THE_PROFILE}
    own = {key: value for key, value in content.items() if key in OF_THE_PROFILE}
    try:
        profile = parse(own | {"contract": contract, "sha256": hashlib.sha256(text).hexdigest()}, Profile)
        profile.resolve(example_options(profile), timezone="UTC")
    except InvalidContent as error:
        raise ConnectorError(f"{path}: {error.told('the profile')}.") from None
    if profile.id != path.stem:
        raise ConnectorError(f"{path}: id: must be {path.stem!r}, like the file, not {profile.id!r}.")
    return profile


def example_options(profile: Profile) -> dict[str, Any]:
    """Return options that would do: the examples of what is required, the defaults of the rest."""
    examples = {name: one.example for name, one in profile.settings.items() if one.required}
    return values_of(parse(examples, profile.options()))


def values_of(options: Any) -> dict[str, Any]:
    """Return options by their names, as they may be put into places."""
    return {name: getattr(options, name) for name in options.__struct_fields__}

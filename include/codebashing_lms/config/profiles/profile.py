"""A profile: one YAML file about one LMS, with placeholders for what only the customer knows."""

import hashlib
import os
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from msgspec.structs import asdict

from include.codebashing_lms.config.profiles.columns import expand_columns
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
PROFILE_KEYS = {"id", "title", "evidence", "settings", "course", "course_title", "earlier"}
USER_KEY_OPTION = Setting(
    type="text",
    allowed=["employee_id"],
    help="employee_id: you state that the LMS's user keys are the employee IDs; otherwise identity.crosswalk "
    "translates",
)


def _check_names(settings: dict[str, Setting]) -> None:
    for name in settings:
        if not NAME.fullmatch(name) or name in RESERVED:
            raise ValueError(f"{name} cannot be the name of a setting; use a-z, 0-9 and _")


Settings = Annotated[dict[str, Setting], _check_names]


class Profile(Section, dict=True, frozen=True, kw_only=True):
    """The content of a profile's YAML file.

    :param evidence: A to C and U, as docs/profiles/README.md explains them.
    :param course: settings of each course of lms.course_map, besides id and title.
    :param course_title: `required`: each course needs a title; `consistent`: two entries with the same id
        need the same title; `unique`: both, and two courses may not share a title.
    :param earlier: pairs of a course's dates; the first must lie before the second.
    :param contract: all other keys, with {placeholders} for settings.
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
        super().__post_init__()
        unknown = [*unknown_placeholders(self.contract, self.settings, self.course), *self._unknown_settings()]
        if unknown:
            raise ValueError("; ".join(unknown))

    def _unknown_settings(self) -> Iterator[str]:
        for name, one in [*self.settings.items(), *self.course.items()]:
            if one.required_with and one.required_with not in self.settings:
                yield f"{name}: required_with names {one.required_with}, which is no setting"
        for name in sorted({*self.earlier, *self.earlier.values()} - self.course.keys()):
            yield f"earlier names {name}, which is no setting of a course"

    @property
    def all_settings(self) -> dict[str, Setting]:
        """Return the settings, and `user_key` where the LMS has user keys of its own."""
        if self.contract.get("user_key") in ("username", "lms_user_id"):
            return {**self.settings, "user_key": USER_KEY_OPTION}
        return self.settings

    @cached_property
    def options_type(self) -> Any:
        """Return the type of `lms.options`."""
        return make_section(f"options_of_{self.id}", self.all_settings)

    def resolve(self, options: dict[str, Any], **more: Any) -> Contract:
        """Return the contract: the profile with a customer's options filled in.

        :param more: values of other {placeholders}.
        :raises InvalidContent: the options do not go together.
        """
        column_lists = [name for name, one in self.settings.items() if one.type == "columns"]
        columns = {name: expand_columns(options[name] or []) for name in column_lists}
        values = {**more, **options, **columns}
        filled = {key: fill_placeholders(value, values, key) for key, value in self.contract.items()}
        contract = parse({**filled, "profile": self.id, "title": self.title, "options": values}, Contract)
        return contract.customized()


def connectors_folder() -> Path:
    """Return the folder of all connector files, which may be missing."""
    return Path(os.environ.get(VARIABLE) or SHIPPED.parents[2] / "connectors")


def profile_folders(folder: Path | None) -> list[Path]:
    """Return the folders that hold profiles: ours, then those of two folders with connector files.

    :param folder: the folder of one connector file; the usual folder of all connector files comes after it.
    """
    parents = filter(None, dict.fromkeys([folder, connectors_folder()]))
    return [SHIPPED, *(parent / "profiles" for parent in parents)]


def profile_files(folder: Path | None = None) -> dict[str, Path]:
    """Return the files of all profiles by id; our profiles come before a customer's with the same id."""
    found: dict[str, Path] = {}
    for profiles in profile_folders(folder):
        for path in sorted(profiles.glob("[!.]*.yaml")):
            found.setdefault(path.stem, path)
    return found


def _find_file(name: str, folder: Path | None) -> Path | None:
    """Return a profile's file; unlike profile_files, this lists no folder."""
    if Path(name).name != name:
        return None
    paths = (profiles / f"{name}.yaml" for profiles in profile_folders(folder))
    try:
        return next((path for path in paths if path.is_file()), None)
    except OSError:  # a name of thousands of characters
        return None


def find_profile(name: str, folder: Path | None = None) -> Profile:
    """Return a profile by its id.

    :raises ValueError: there is no profile with that id.
    :raises ConnectorError: the profile's file has issues.
    """
    path = _find_file(name, folder)
    if path is None:
        from difflib import get_close_matches  # needed only for a misspelt name

        files = profile_files(folder)
        close = get_close_matches(name, files, 1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ValueError(f"is no profile; {hint}there are {', '.join(sorted(files))}")
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, _mtime: int) -> Profile:
    try:
        text = path.read_bytes()
        content = load_yaml(text)
    except (OSError, yaml.YAMLError) as error:
        raise ConnectorError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConnectorError(f"{path}: must be a mapping.")
    contract = {key: value for key, value in content.items() if key not in PROFILE_KEYS}
    own = {key: value for key, value in content.items() if key in PROFILE_KEYS}
    try:
        profile = parse(own | {"contract": contract, "sha256": hashlib.sha256(text).hexdigest()}, Profile)
        profile.resolve(example_options(profile), timezone="UTC")
    except InvalidContent as error:
        raise ConnectorError(f"{path}: {error.summary('the profile')}.") from None
    if profile.id != path.stem:
        raise ConnectorError(f"{path}: id: must be {path.stem!r}, like the file, not {profile.id!r}.")
    return profile


def example_options(profile: Profile) -> dict[str, Any]:
    """Return valid options: examples for required settings, defaults for all others."""
    examples = {name: one.example for name, one in profile.settings.items() if one.required}
    return asdict(parse(examples, profile.options_type))

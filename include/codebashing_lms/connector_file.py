"""Reads a connector file; every mistake names the file, the key and what is allowed."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from include.codebashing_lms.connector import Connector
from include.codebashing_lms.connector.lms import course_model
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.profiles import Profile, find_profile
from include.codebashing_lms.strict_yaml import load_yaml

Location = tuple[int | str, ...]
GENERIC = "generic_csv"


def read_connector(path: Path) -> Connector:
    """Return the connector of a file; raise ConnectorError with every mistake in it."""
    try:
        content = load_yaml(path.read_bytes())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConnectorError(f"{path}: cannot be read as YAML: {_one_line(error)}") from error
    if not isinstance(content, dict):
        raise ConnectorError(
            f"{path}: must be a mapping with the keys {_listed(name for name, _ in _fields(Connector))}."
        )
    try:
        connector = Connector.model_validate(content, context={"beside": path.parent})
    except ConnectorError as error:  # a profile's own file is wrong
        raise ConnectorError(f"{path}: lms.profile: {error}") from None
    except ValidationError as error:
        told = _Told(content, _profile_named(content, path))
        raise ConnectorError(f"{path}: {'; '.join(told.mistakes(error))}.") from None
    if connector.name != path.stem:
        raise ConnectorError(f"{path}: name: must be {path.stem!r}, like the file, not {connector.name!r}.")
    return connector


def sha256_of_connector(path: Path) -> str:
    """Return the SHA-256 of the file as it stands."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _profile_named(content: dict[str, Any], path: Path) -> Profile:
    lms = content.get("lms")
    name = lms.get("profile", GENERIC) if isinstance(lms, dict) else GENERIC
    try:
        return find_profile(str(name), path.parent)
    except ValueError:
        return find_profile(GENERIC)


@dataclass(frozen=True)
class _Told:
    """Mistakes in the words of the person who wrote the file.

    :param content: what the file holds.
    :param profile: whose options and courses they are.
    """

    content: dict[str, Any]
    profile: Profile

    def mistakes(self, error: ValidationError) -> list[str]:
        """Say each mistake once, where the user wrote it."""
        found: dict[Location, list[str]] = {}
        for one in error.errors(include_url=False, include_context=False):
            found.setdefault(self._as_written(one), []).append(self._mistake(one))
        deepest = {
            loc for loc in found if not any(other[: len(loc)] == loc and other != loc for other in found)
        }
        return [
            f"{'.'.join(map(str, loc)) or 'the file'}: {', or '.join(found[loc])}"
            for loc in found
            if loc in deepest
        ]

    def _as_written(self, error: ErrorDetails) -> Location:
        """Return the error's place without what pydantic adds for the branches of a union."""
        kept: list[int | str] = []
        content: Any = self.content
        for part in error["loc"]:
            entries = dict(enumerate(content)) if isinstance(content, list) else content
            if isinstance(entries, dict) and part in entries:
                content = entries[part]
            elif not (error["type"] == "missing" and part in self._keys(tuple(kept))):
                continue
            kept.append(part)
        return tuple(kept)

    def _mistake(self, error: ErrorDetails) -> str:
        if error["type"] == "extra_forbidden":
            return f"unknown key; {self._allowed(error['loc'])}"
        if error["type"] == "missing":
            return f"is required{self._where(error['loc'])}"
        if error["type"] in ("model_type", "dict_type"):
            return f"should be a mapping with the keys {_listed(self._keys(error['loc']))}"
        message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
        value = error.get("input")
        plain = isinstance(value, str | int | float | bool) and len(repr(value)) < 80
        return f"{message}, got {value!r}" if plain else message

    def _allowed(self, loc: Location) -> str:
        names = self._keys(loc[:-1])
        close = get_close_matches(str(loc[-1]), names, 1)
        return f"{f'did you mean {close[0]}? ' if close else ''}allowed are {_listed(names)}"

    def _where(self, loc: Location) -> str:
        """Say where the value is found, if a profile says so."""
        fields = [
            field for model in self._models(loc[:-1]) for name, field in _fields(model) if name == loc[-1]
        ]
        return next((f": {field.description}" for field in fields if field.description), "")

    def _keys(self, loc: Location) -> set[str]:
        """Return the keys allowed at a place of the connector file."""
        return {name for model in self._models(loc) for name, _ in _fields(model)}

    def _models(self, loc: Location) -> list[Any]:
        """Return the models that a place of the connector file may be of."""
        models: list[Any] = [Connector]
        for at, part in enumerate(loc, 1):
            if loc[:at] == ("lms", "options"):
                models = [self.profile.options()]
            elif loc[:at] == ("lms", "course_map"):
                models = [course_model(self.profile, None)]
            else:
                models = _below(models, part)
        return models


def _below(models: list[Any], part: int | str) -> list[Any]:
    fields = [field for model in models for name, field in _fields(model) if name == part]
    tagged = [
        model for model in models if part in get_args(getattr(model, "__annotations__", {}).get("method"))
    ]
    return [model for field in fields for model in _models(field.annotation)] or tagged or models


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    return [(field.alias or name, field) for name, field in model.model_fields.items()]


def _models(annotation: Any) -> list[Any]:
    """Return the models that an annotation is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]

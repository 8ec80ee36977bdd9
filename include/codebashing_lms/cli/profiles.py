"""The output of the command `profiles`: a table of all, or one with its settings and an example."""

import json
from collections.abc import Iterator
from typing import Any

from include.codebashing_lms.cli.profile_example import connector_lines, contract_of, example_file
from include.codebashing_lms.config.profiles.profile import find_profile, profile_files
from include.codebashing_lms.config.profiles.settings import Setting
from include.codebashing_lms.errors import ConnectorError

HEAD = ("profile", "emits", "user key", "import", "evidence", "LMS")
IMPORT = {True: "unattended", False: "by a person"}


def all_profiles() -> Iterator[str]:
    """Give the lines of a table of all profiles; the line of a broken profile has the error."""
    lines = [HEAD, *(_line(name) for name in sorted(profile_files()))]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEAD) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        yield "  ".join([*cells, line[-1]])


def _line(name: str) -> tuple[str, ...]:
    try:
        profile = find_profile(name)
    except ConnectorError as error:
        return name, "-", "-", "-", "-", str(error)
    one = contract_of(profile)
    return name, one.emits, one.user_key, IMPORT[one.unattended], profile.evidence, profile.title


def one_profile(name: str) -> Iterator[str]:
    """Give the lines about one profile."""
    try:
        profile = find_profile(name)
    except ValueError as error:
        raise ConnectorError(f"{name} {error}.") from None
    contract = contract_of(profile)
    yield f"{name}: {profile.title}"
    yield f"  evidence: {profile.evidence}"
    yield f"  emits: {contract.emits}; user key: {contract.user_key}; import: {IMPORT[contract.unattended]}"
    yield f"  delivery.method: {', '.join(contract.methods)}"
    yield from _settings("lms.options", profile.all_settings)
    yield from _settings("each course of lms.course_map, besides id and title", profile.course)
    yield from ("", "A connector file to copy:", "", *connector_lines(profile))
    file, text = example_file(profile)
    yield from ("", f"The LMS file of three invented learners, {file}:", "", *text.splitlines())


def _settings(title: str, settings: dict[str, Setting]) -> Iterator[str]:
    if not settings:
        return
    yield from ("", f"{title}:")
    for name, one in settings.items():
        kind = " | ".join(map(_shown, one.allowed)) if one.allowed else one.type.replace("_", " ")
        yield f"  {name} ({kind}; {_default(one)})"
        yield f"      {one.help}"
        if one.where:
            yield f"      where to find it: {one.where}"


def _default(setting: Setting) -> str:
    if setting.required:
        return "required"
    if setting.required_with:
        return f"required with {setting.required_with}"
    if setting.option or setting.same_as:
        return f"default: {'lms.options.' + setting.option if setting.option else setting.same_as}"
    return f"default: {_shown(setting.default)}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value, default=str)

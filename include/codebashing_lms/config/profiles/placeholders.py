"""The {placeholders} of a profile, which a customer's settings fill."""

import re
from collections.abc import Iterable, Iterator
from string import Formatter
from typing import Any

from include.codebashing_lms.config.profiles.columns import SOURCES

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
ALWAYS = ("timezone",)  # lms.timezone, the zone of every date in the file


def fill_placeholders(raw: Any, values: dict[str, Any], key: str = "") -> Any:
    """Return part of a profile with values in its {placeholders}.

    Where a placeholder is the whole text, the value keeps its type. A column's `text` stays as it is: writers
    fill it record by record, because a value may hold braces.

    :param key: the key of this part.
    """
    if isinstance(raw, dict):
        return {name: fill_placeholders(one, values, name) for name, one in raw.items()}
    if isinstance(raw, list):
        return [fill_placeholders(one, values) for one in raw]
    if not isinstance(raw, str) or key == "text":
        return raw
    whole = PLACEHOLDER.fullmatch(raw)
    if whole and whole.group(1) in values:
        return values[whole.group(1)]
    return PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), raw)


def unknown_placeholders(contract: dict[str, Any], settings: Iterable[str], course: Iterable[str]) -> list[str]:
    """Return a text for each name in a profile that is no setting and no source."""
    known, columns = {*settings, *ALWAYS}, contract.get("columns")
    found = [f"{{{name}}} is no setting" for name in sorted(_placeholders(contract) - known - {"course"})]
    for index, column in enumerate(columns if isinstance(columns, list) else ()):
        for name in _column_names(column) if isinstance(column, dict) else ():
            of_course = name.startswith("course.")
            if of_course and name.removeprefix("course.") not in course:
                found.append(f"columns.{index}: {name} is no setting of a course")
            elif not of_course and name not in known and name not in SOURCES and "text" in column:
                found.append(f"columns.{index}: {name} is neither a source nor a setting")
    return found


def _placeholders(raw: Any, key: str = "") -> set[str]:
    if isinstance(raw, dict):
        return {name for inner, one in raw.items() for name in _placeholders(one, inner)}
    if isinstance(raw, list):
        return {name for one in raw for name in _placeholders(one)}
    return set(PLACEHOLDER.findall(raw)) if isinstance(raw, str) and key != "text" else set()


def _column_names(column: dict[str, Any]) -> Iterator[str]:
    source, text = column.get("source"), column.get("text")
    if isinstance(source, str):
        yield source
    if isinstance(text, str):
        yield from (name for _, name, _, _ in Formatter().parse(text) if name)

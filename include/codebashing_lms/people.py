"""CSV files that customers keep beside the connector file: single people, and the course map."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.codebashing_lms.connector import Connector, Course, CourseMap
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.staging import StagedPath, local_copy, sha256_of

Locate = Callable[[str], StagedPath]
ACTIONS = ("use_id", "exclude", "accept")


@dataclass(frozen=True)
class Person:
    """HR's word on one person."""

    action: str
    employee_id: str | None


def read_people(location: str | None, locate: Locate) -> dict[str, Person]:
    """Return the people of a CSV file (email,action,employee_id,reason) by lower-case e-mail address."""
    people: dict[str, Person] = {}
    for line, row in csv_rows(
        location, locate, ("email", "action", "employee_id", "reason"), "identity.people"
    ):
        email, employee_id = row["email"].lower(), row["employee_id"] or None
        if row["action"] not in ACTIONS:
            raise ConnectorError(f"identity.people, line {line}: action must be one of {', '.join(ACTIONS)}.")
        if not email or email in people:
            raise ConnectorError(
                f"identity.people, line {line}: the e-mail address is blank or stands twice."
            )
        if row["action"] == "use_id" and not employee_id:
            raise ConnectorError(f"identity.people, line {line}: use_id needs an employee_id.")
        people[email] = Person(row["action"], employee_id)
    return people


def read_course_map(course_map: CourseMap | str, locate: Locate) -> CourseMap:
    """Return the course map, from its CSV file (course,id,title; id may be `ignore`) where it is one."""
    if not isinstance(course_map, str):
        return course_map
    found: CourseMap = {}
    for line, row in csv_rows(course_map, locate, ("course", "id", "title"), "lms.course_map"):
        if not row["course"] or not row["id"] or row["course"] in found:
            raise ConnectorError(f"lms.course_map, line {line}: course and id are needed, each course once.")
        found[row["course"]] = (
            "ignore" if row["id"] == "ignore" else Course(id=row["id"], title=row["title"] or None)
        )
    if not found:
        raise ConnectorError("lms.course_map: the file holds no course; an empty map would send every slug.")
    return found


def lines_of(location: str, locate: Locate, what: str) -> list[str]:
    """Return the lines of a text that a customer keeps; raise ConnectorError when it cannot be read."""
    try:
        with local_copy(locate(location)) as copy:
            return Path(copy).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError, ImportError) as error:  # no such file, no text, no such kind of address
        raise ConnectorError(f"{what}: {location} cannot be read ({type(error).__name__}).") from error


def sha256_of_lists(connector: Connector, locate: Locate) -> dict[str, str]:
    """Return the checksums of the CSV files that a connector names, by the key that names them."""
    named = {"identity.people": connector.identity.people, "lms.course_map": connector.lms.course_map}
    found = {}
    for key, location in named.items():
        if isinstance(location, str):
            with local_copy(locate(location)) as copy:
                found[key] = sha256_of(copy)
    return found


def csv_rows(
    location: str | None, locate: Locate, columns: tuple[str, ...], what: str
) -> Iterator[tuple[int, dict[str, str]]]:
    """Give the trimmed rows of a CSV file with their line numbers."""
    if location is None:
        return
    reader = csv.DictReader(lines_of(location, locate, what))
    if set(reader.fieldnames or ()) != set(columns):
        raise ConnectorError(f"{what}: {location} must have the columns {','.join(columns)}.")
    for row in reader:
        values: dict[Any, Any] = row
        if None in values or None in values.values():
            raise ConnectorError(f"{what}: line {reader.line_num} of {location} has another number of cells.")
        yield reader.line_num, {name: row[name].strip() for name in columns}

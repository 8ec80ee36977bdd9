"""CSV files that a connector file names: people, crosswalk, course map."""

from dataclasses import dataclass

from include.codebashing_lms.config import csv_files
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.course_map import Course, CourseMap
from include.codebashing_lms.config.identifiers import is_clean_id
from include.codebashing_lms.config.lms import Lms
from include.codebashing_lms.config.schema.validation import InvalidContent
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.staging.checksums import sha256_of
from include.codebashing_lms.staging.files import local_copy

PathResolver = csv_files.PathResolver
ACTIONS = ("use_id", "exclude", "accept")
INVISIBLE = "an ID or address holds a sign that nobody sees, or a line break; type it anew"


@dataclass(frozen=True)
class Person:
    """A line of the list of people: what to do with one person's records.

    :param action: one of ACTIONS.
    """

    action: str
    employee_id: str | None


def read_people(location: str | None, resolve: PathResolver) -> dict[str, Person]:
    """Return the people in a CSV file (email,action,employee_id,reason) by lower-case e-mail address."""
    people: dict[str, Person] = {}
    for line, row in csv_files.csv_rows(
        location, resolve, ("email", "action", "employee_id", "reason"), "identity.people"
    ):
        email, employee_id = row["email"].lower(), row["employee_id"] or None
        if row["action"] not in ACTIONS:
            raise ConnectorError(f"identity.people, line {line}: action must be one of {', '.join(ACTIONS)}.")
        if not email or email in people:
            raise ConnectorError(f"identity.people, line {line}: the e-mail address is blank or stands twice.")
        if row["action"] == "use_id" and not employee_id:
            raise ConnectorError(f"identity.people, line {line}: use_id needs an employee_id.")
        if not is_clean_id(email + (employee_id or "")):
            raise ConnectorError(f"identity.people, line {line}: {INVISIBLE}.")
        people[email] = Person(row["action"], employee_id)
    return people


@dataclass(frozen=True)
class Crosswalk:
    """User keys of the LMS by employee ID, and how many lines or employees give none.

    :param lines: lines of the file, without blank ones.
    :param blank: the lines without an employee ID or a user key.
    :param unclear: the lines with an invisible sign inside an ID or a key; they give no key.
    :param contradictory: employees with several user keys.
    :param shared: employees with the user key of another employee.
    """

    user_keys: dict[str, str]
    lines: int = 0
    blank: tuple[int, ...] = ()
    unclear: tuple[int, ...] = ()
    contradictory: int = 0
    shared: int = 0


def read_crosswalk(location: str, lower: bool, resolve: PathResolver) -> Crosswalk:
    """Return the crosswalk in a CSV file (employee_id,user_key); an employee with a doubtful key has none.

    :param lower: whether the LMS writes its user keys in small letters only.
    """
    keys: dict[str, str] = {}
    owners: dict[str, str] = {}
    contradictory, shared = set(), set()
    lines, blank, unclear = 0, [], []
    for line, row in csv_files.csv_rows(location, resolve, ("employee_id", "user_key"), "identity.crosswalk"):
        employee_id, key = row["employee_id"], row["user_key"].lower() if lower else row["user_key"]
        lines += 1
        if not employee_id or not key:
            blank.append(line)
            continue
        if not is_clean_id(employee_id + key):
            unclear.append(line)
            continue
        if keys.setdefault(employee_id, key) != key:
            contradictory.add(employee_id)
        if owners.setdefault(key, employee_id) != employee_id:
            shared.add(key)
    single = {one: key for one, key in keys.items() if one not in contradictory}
    unique = {one: key for one, key in single.items() if key not in shared}
    doubtful = len(contradictory), len(single) - len(unique)
    return Crosswalk(unique, lines, tuple(blank), tuple(unclear), *doubtful)


def read_course_map(lms: Lms, resolve: PathResolver) -> CourseMap:
    """Return the course map; a CSV file has the columns course, id, title and the profile's settings."""
    if not isinstance(lms.course_map, str):
        return lms.course_map
    found: CourseMap = {}
    columns = ("course", *lms.course_type.__struct_fields__)
    for line, row in csv_files.csv_rows(lms.course_map, resolve, columns, "lms.course_map"):
        slug = row.pop("course")
        if not slug or not row["id"] or slug in found:
            raise ConnectorError(f"lms.course_map, line {line}: course and id are needed, each course once.")
        if not is_clean_id(row["id"]):
            raise ConnectorError(f"lms.course_map, line {line}: {INVISIBLE}.")
        found[slug] = "ignore" if row["id"] == "ignore" else _course(lms, row, line)
    if not found:
        raise ConnectorError("lms.course_map: the file holds no course; an empty map would send every slug.")
    if error := lms.course_map_error(found):
        raise ConnectorError(f"lms.course_map, {error}.")
    return found


def _course(lms: Lms, row: dict[str, str], line: int) -> Course:
    try:
        return lms.course_of({name: text for name, text in row.items() if text})
    except InvalidContent as error:
        raise ConnectorError(f"lms.course_map, line {line}: {error.summary('the course')}.") from None


def sha256_of_lists(connector: Connector, resolve: PathResolver) -> dict[str, str]:
    """Return the SHA-256 of each CSV file that a connector names, by the key that names the file."""
    named = {
        "identity.people": connector.identity.people,
        "identity.crosswalk": connector.identity.crosswalk,
        "lms.course_map": connector.lms.course_map,
    }
    found = {}
    for key, location in named.items():
        if isinstance(location, str):
            with local_copy(resolve(location)) as copy:
                found[key] = sha256_of(copy)
    return found

"""What `check --lists` says: for each list of a connector its lines, and what is wrong with it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.lists import read_course_map, read_crosswalk, read_people
from include.codebashing_lms.errors import ConnectorError

SHOWN = 10


def check_lists(connector: Connector, folder: Path) -> Iterator[tuple[str, bool]]:
    """Give a sentence for each list, and whether the list can be used.

    :param folder: the folder of the connector file; a list without a full address lies there.
    """
    identity, lms = connector.identity, connector.lms
    readers: dict[str, tuple[object, Callable[[], str]]] = {
        "identity.people": (identity.people, lambda: _lines(len(read_people(identity.people, folder.joinpath)))),
        "identity.crosswalk": (identity.crosswalk, lambda: _crosswalk(connector, folder)),
        "lms.course_map": (lms.course_map, lambda: _lines(len(read_course_map(lms, folder.joinpath)))),
    }
    named = {key: one for key, one in readers.items() if isinstance(one[0], str)}
    for key, (location, read) in named.items():
        if "://" in str(location):
            yield f"{key}: {location} was not read: only Airflow reaches this address.", True
            continue
        try:
            yield f"{key}: {location}: {read()}.", True
        except ConnectorError as error:
            yield str(error), False
    if not named:
        yield "The connector names no list.", True


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _crosswalk(connector: Connector, folder: Path) -> str:
    location, lower = str(connector.identity.crosswalk), connector.lms.contract.lower_case_user_key
    found = read_crosswalk(location, lower, folder.joinpath)
    wrong = {
        "lines without an ID or a user key": _numbers(found.blank),
        "lines with an invisible sign inside an ID or a user key": _numbers(found.unclear),
        "employees with several user keys": found.contradictory,
        "employees who share a user key": found.shared,
    }
    parts = [f"{text}: {count}" for text, count in wrong.items() if count]
    return "; ".join([f"{_lines(found.lines)}, {len(found.user_keys)} employees with a user key", *parts])


def _numbers(lines: tuple[int, ...]) -> str:
    more = ", …" if len(lines) > SHOWN else ""
    return f"{len(lines)} (line {', '.join(map(str, lines[:SHOWN]))}{more})" if lines else ""

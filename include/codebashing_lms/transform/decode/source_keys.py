"""The names of the keys in the source's records, and an order of names as records have them."""

from collections.abc import Callable, Iterable, Iterator

from include.codebashing_lms.config.connector import Connector


class SourceKeys:
    """The names of the keys in the source's records, by the connector file.

    :ivar zone: the time zone in which the LMS reads dates.
    """

    def __init__(self, connector: Connector) -> None:
        named = connector.source.keys
        self.employee_id = connector.source.employee_id_field
        self.email = named.email
        self.completed = named.lessons_completed
        self.total = named.lessons_total
        self.course = named.primary_course
        self.active_at = named.last_active_at
        self.created_at = named.created_at
        self.zone = connector.lms.zone
        self.percentage_of = _of_course(named.course_percentage)
        self.date_of = _of_course(named.course_completed_date)
        self.before, self.after = named.course_percentage.split("{course}")

    def course_of(self, key: str) -> str | None:
        """Return the course of a key that holds a percentage, None for any other key."""
        if key.startswith(self.before) and key.endswith(self.after):
            return key[len(self.before) : len(key) - len(self.after)] or None
        return None


def _of_course(pattern: str) -> Callable[[str], str]:
    before, after = pattern.split("{course}")
    return lambda course: f"{before}{course}{after}"


class KeyOrder:
    """Names in the order of the records: a new name follows the name before it in its record."""

    def __init__(self, names: Iterable[str]) -> None:
        self._next: dict[str | None, str | None] = {None: None}
        previous = None
        for name in dict.fromkeys(names):
            self.insert(previous, name)
            previous = name

    def __contains__(self, name: str) -> bool:
        return name in self._next

    def __iter__(self) -> Iterator[str]:
        name = self._next[None]
        while name is not None:
            yield name
            name = self._next[name]

    def insert(self, previous: str | None, name: str) -> None:
        """Put a new name behind another; at the front where there is none before it."""
        self._next[name], self._next[previous] = self._next[previous], name

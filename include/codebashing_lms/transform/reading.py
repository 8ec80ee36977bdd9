"""The wanted keys of a batch of records, as columns of plain JSON values.

Records are decoded into structs that name only the wanted keys, several times faster than dicts. Which
courses there are is learned on the way: from the primary courses' names, or from the records' keys.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET

from include.codebashing_lms.connector import Connector
from include.codebashing_lms.splitter import Chunk, Decode

MOST_KEYS = 2_000
PRIMARY_BATCH = 16_000
COURSES_BATCH = 3_000


class Keys:
    """The names of the keys in the source's records, by the connector file."""

    def __init__(self, connector: Connector) -> None:
        named = connector.source.keys
        self.employee_id = connector.source.employee_id_field
        self.email = named.email
        self.completed = named.lessons_completed
        self.total = named.lessons_total
        self.course = named.primary_course
        self.active_at = named.last_active_at
        self.created_at = named.created_at
        self.percentage_of = _of_course(named.course_percentage)
        self.date_of = _of_course(named.course_completed_date)
        self.before, self.after = named.course_percentage.split("{course}")

    def course_of(self, key: str) -> str | None:
        """Return the course whose percentage a key holds, None for any other key."""
        if key.startswith(self.before) and key.endswith(self.after):
            return key[len(self.before) : len(key) - len(self.after)] or None
        return None


def _of_course(pattern: str) -> Callable[[str], str]:
    before, after = pattern.split("{course}")
    return lambda course: f"{before}{course}{after}"


class Batch:
    """Some records as columns; a value is UNSET where the record lacks the key."""

    def __init__(self, records: Sequence[Any], fields: dict[str, str]) -> None:
        self.records = records
        self.fields = fields
        self.structs = bool(records) and all(isinstance(record, msgspec.Struct) for record in records)

    def __len__(self) -> int:
        return len(self.records)

    def column(self, key: str) -> list[Any]:
        """Return the values of one key."""
        if self.structs:
            if key not in self.fields:
                return [UNSET] * len(self.records)
            return list(map(attrgetter(self.fields[key]), self.records))
        return [self._value(record, key) for record in self.records]

    def each(self, keys: Sequence[str]) -> list[Any]:
        """Return for each record the value of a key of its own."""
        if self.structs:
            field_of = self.fields.get
            return [
                getattr(rec, field_of(key, ""), UNSET) for rec, key in zip(self.records, keys, strict=True)
            ]
        return [self._value(record, key) for record, key in zip(self.records, keys, strict=True)]

    def value(self, row: int, key: str) -> Any:
        """Return one value of one record."""
        return self._value(self.records[row], key)

    def is_object(self) -> list[bool]:
        """Tell which records are JSON objects."""
        return [isinstance(record, dict | msgspec.Struct) for record in self.records]

    def _value(self, record: Any, key: str) -> Any:
        if isinstance(record, dict):
            return record.get(key, UNSET)
        return getattr(record, self.fields.get(key, ""), UNSET)


class RecordReader:
    """Decodes batches of records, and learns the courses from them.

    :param wanted: keys to read besides the courses' own.
    :param courses: courses known beforehand; grows with what the records hold.
    """

    def __init__(self, connector: Connector, wanted: Iterable[str], courses: Iterable[str]) -> None:
        self.keys = Keys(connector)
        self.scope = connector.courses
        self.enough = PRIMARY_BATCH if self.scope == "primary" else COURSES_BATCH
        self.wanted = list(dict.fromkeys(wanted))
        self.others: dict[str, None] = {}
        self.courses: dict[str, None] = dict.fromkeys(courses)
        self.fields: dict[str, str] = {}
        self._as_dicts = msgspec.json.Decoder(list[dict[str, Any]]).decode
        self._rebuild()

    def batches(self, chunks: Iterable[Chunk]) -> Iterator[Batch]:
        """Give decoded records as columns, in batches large enough for pandas to be worth its while."""
        pending: list[Any] = []
        fields = self.fields
        for chunk in chunks:
            self._learn_from_dicts(chunk.records)
            if pending and (len(pending) >= self.enough or fields is not self.fields):
                yield Batch(pending, fields)
                pending = []
            fields = self.fields
            pending += chunk.records
        if pending:
            yield Batch(pending, fields)

    def _learn_from_dicts(self, records: Sequence[Any]) -> None:
        """Take up the courses of records that were not decoded to structs."""
        for record in records:
            if not isinstance(record, dict):
                continue
            if self.scope == "all":
                self._learn(record)
            elif self.scope == "primary":
                self._add_course(record.get(self.keys.course))
        self._rebuild()

    def decode(self, array: memoryview) -> Sequence[Any]:
        """Decode an array of objects; raises what msgspec raises where it is none."""
        while True:
            try:
                records: Sequence[Any] = self._decode(array)
            except msgspec.ValidationError as error:
                if "unknown field" not in str(error):
                    raise
                records = self._as_dicts(array)
                for record in records:
                    self._learn(record)
                if not self._rebuild():
                    return records
            else:
                if self.scope != "primary" or not self._learn_primary(records):
                    return records
                self._rebuild()

    def _learn(self, record: dict[str, Any]) -> None:
        """Take up the keys of a record that are new, courses in the place where the record has them."""
        previous: str | None = None
        for key in filter(_has_utf8, record):
            course = self.keys.course_of(key)
            if course is None:
                if len(self.others) < MOST_KEYS and _fits_a_struct(key):
                    self.others[key] = None
            elif course not in self.courses:
                self.courses = _insert_after(self.courses, previous, course)
            previous = course or previous

    def _learn_primary(self, records: Sequence[Any]) -> bool:
        """Take up primary courses that are new; False when there is none."""
        if self._decode == self._as_dicts:
            return False
        name_of = attrgetter(self.fields[self.keys.course])
        names = {name for name in map(name_of, records) if type(name) is str}
        before = len(self.courses)
        for name in sorted(names):
            self._add_course(name)
        return len(self.courses) > before

    def _add_course(self, name: Any) -> None:
        if type(name) is str and name and _has_utf8(name):
            self.courses[name] = None

    def _rebuild(self) -> bool:
        """Make the struct for the keys known by now, if they are new; dicts for what no struct can hold."""
        keys = list(self.wanted)
        if self.scope != "primary":
            keys += map(self.keys.percentage_of, self.courses)
        keys += map(self.keys.date_of, self.courses)
        if self.scope == "all":
            keys += self.others
        keys = list(dict.fromkeys(keys))
        fields = {key: f"f{at}" for at, key in enumerate(keys)}
        if fields == self.fields:
            return False
        self.fields = fields
        if len(keys) > MOST_KEYS or not all(map(_fits_a_struct, keys)):
            self._decode: Decode = self._as_dicts
            return True
        record = msgspec.defstruct(
            "Record",
            [(field, Any, msgspec.field(default=UNSET, name=key)) for key, field in self.fields.items()],
            gc=False,
            forbid_unknown_fields=self.scope == "all",
        )
        self._decode = msgspec.json.Decoder(list[record]).decode  # type: ignore[valid-type]
        return True


def _has_utf8(text: str) -> bool:
    """Tell whether a text can be written at all; lone surrogates cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text) if not text.isascii() else True


def _fits_a_struct(key: str) -> bool:
    """Tell whether msgspec takes a key as the name of a field."""
    return not re.search(r'[\\"\x00-\x1f]', key)


def _insert_after(courses: dict[str, None], previous: str | None, course: str) -> dict[str, None]:
    names = list(courses)
    names.insert(names.index(previous) + 1 if previous in courses else len(names) if previous else 0, course)
    return dict.fromkeys(names)

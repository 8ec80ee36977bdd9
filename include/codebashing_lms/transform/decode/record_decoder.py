"""The wanted keys of a snapshot's records, as columns of plain JSON values.

Records are decoded into structs that name only the wanted keys, several times faster than dicts. Which
courses there are is learned on the way: from the primary courses' names, or from the records' keys.
"""

import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.streaming.json_splitter import Chunk, Decode
from include.codebashing_lms.transform.decode.batches import (
    Batch,
    Records,
    concat_batches,
    courses_batch,
    primary_batch,
)
from include.codebashing_lms.transform.decode.source_keys import KeyOrder, SourceKeys

PLAIN: Any = float | msgspec.UnsetType | None
MOST_KEYS = 2_000
MOST_KEYS_MET = 100_000
PRIMARY_BATCH = 20_000  # learners
COURSES_BATCH = 120_000  # records


class RecordDecoder:
    """Decodes batches of records, and learns the courses from them.

    :param wanted: keys to read of every record, besides the courses' own.
    :param courses: courses known beforehand; more are found in the records.
    :param needed: keys of which `unseen` shall tell whether no record has them.
    """

    def __init__(
        self, connector: Connector, wanted: Iterable[str], courses: Iterable[str], needed: Iterable[str] = ()
    ) -> None:
        self.keys = SourceKeys(connector)
        self.scope = connector.courses
        self.wanted = list(dict.fromkeys(wanted))
        self.unseen = set(needed)
        self.slugs: list[str] = []
        self.fields: dict[str, str] = {}
        self._courses = KeyOrder(courses)
        self._others: dict[str, None] = {}
        self._met: set[str] = set()
        self._place: dict[str, int] | None = None
        self._plain = True  # structs take floats and null for percentages, nothing else
        self._as_dicts = msgspec.json.Decoder(list[dict[str, Any]]).decode
        self._raw_records = msgspec.json.Decoder(list[msgspec.Raw]).decode
        self._rebuild()

    def batches(self, chunks: Iterable[Chunk]) -> Generator[Batch]:
        """Give the records as columns, in batches large enough for pandas to be worth its while."""
        parts: list[Batch] = []
        slugs, count = self.slugs, 0
        for chunk in chunks:
            self._learn_from_dicts(chunk.records)
            if parts and slugs is not self.slugs:
                yield concat_batches(parts)
                parts, count = [], 0
            slugs = self.slugs
            for records in self._portions(chunk.records):
                parts.append(self._columns(Records(records, self.fields)))
                count += len(records)
                if count >= self._enough():
                    yield concat_batches(parts)
                    parts, count = [], 0
        if parts:
            yield concat_batches(parts)

    def _enough(self) -> int:
        if self.scope == "primary":
            return PRIMARY_BATCH
        return min(PRIMARY_BATCH, max(COURSES_BATCH // max(len(self.slugs), 1), 1))

    def _portions(self, records: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """Give records by as many as make a batch: of thousands of courses a chunk would be too much."""
        enough = self._enough()
        for start in range(0, len(records), enough):
            yield records[start : start + enough]

    def _columns(self, records: Records) -> Batch:
        keys = self.keys
        for key in list(self.unseen):
            if any(value is not UNSET for value in records.column(key)):
                self.unseen.discard(key)
        if self.scope == "primary":
            names = [name if type(name) is str else None for name in records.column(keys.course)]
            date_keys = {name: keys.date_of(name) if name is not None else None for name in set(names)}
            return primary_batch(records, self.wanted, [date_keys[name] for name in names])
        plain = self._plain and records.structs
        return courses_batch(records, self.wanted, self.slugs, keys, plain)

    def _learn_from_dicts(self, records: Sequence[Any]) -> bool:
        """Take up the courses of records that were not decoded to structs; False when none is new."""
        if not records or isinstance(records[0], msgspec.Struct):  # one is what all are
            return False
        for record in records:
            if isinstance(record, dict):
                self._learn(record)
        return self._rebuild()

    def decode(self, array: memoryview) -> Sequence[Any]:
        """Decode an array of objects; raises what msgspec raises where it is none."""
        if self._place is None:
            self._note_places(array)
        while True:
            try:
                records: Sequence[Any] = self._decode(array)
            except msgspec.ValidationError as error:
                if "unknown field" in str(error):
                    records = self._as_dicts(array)
                    learnt = self._learn_from_dicts(records)
                elif learnt := self._plain:
                    self._take_any_percentage()
                else:
                    raise
            else:
                learnt = self.scope == "primary" and self._learn_primary(records)
            if not learnt:
                return records

    def _take_any_percentage(self) -> None:
        """From now on look at each percentage: one is no number, or something else is amiss."""
        self._plain, self.fields = False, {}
        self._rebuild()

    def _note_places(self, array: memoryview) -> None:
        """Note the order of the keys: msgspec finds one at once that stands behind the one before it."""
        records = self._raw_records(array)
        first = msgspec.json.decode(records[0]) if records else None
        self._place = {key: at for at, key in enumerate(first)} if isinstance(first, dict) else {}
        self.fields = {}
        self._rebuild()

    def _learn(self, record: dict[str, Any]) -> None:
        """Take up what a record has that is new: courses in the place where the record has them."""
        if self.scope == "primary":
            self._add_primary(record.get(self.keys.course))
        elif self.scope == "all" and record.keys() - self._met:
            previous: str | None = None
            for key in filter(has_utf8, record):
                previous = self._meet(key, previous)

    def _meet(self, key: str, previous: str | None) -> str | None:
        """Take up a key; return the course that it, or else the one before it, is about."""
        course = self.keys.course_of(key)
        if len(self._met) < MOST_KEYS_MET:
            self._met.add(key)
        if course is None:
            if len(self._others) < MOST_KEYS and _fits_a_struct(key):
                self._others[key] = None
        elif course not in self._courses:
            self._courses.insert(previous, course)
        return course or previous

    def _learn_primary(self, records: Sequence[Any]) -> bool:
        """Take up primary courses that are new, and read anew for them; False when there is none."""
        if self._decode == self._as_dicts:
            return False
        name_of = attrgetter(self.fields[self.keys.course])
        before = set(self._courses)
        for name in sorted({name for name in map(name_of, records) if type(name) is str} - before):
            self._add_primary(name)
        return len(set(self._courses)) > len(before) and self._rebuild()

    def _add_primary(self, name: Any) -> None:
        if type(name) is str and name and has_utf8(name) and name not in self._courses:
            self._courses.insert(None, name)

    def _rebuild(self) -> bool:
        """Make the struct for the keys known by now, if they are new; dicts for what no struct can hold."""
        slugs = list(self._courses)
        if slugs != self.slugs:
            self.slugs = slugs
        percentages = [] if self.scope == "primary" else [self.keys.percentage_of(slug) for slug in slugs]
        of_courses = [*percentages, *map(self.keys.date_of, slugs)]
        keys = dict.fromkeys([*self.wanted, *of_courses, *(self._others if self.scope == "all" else ())])
        place = self._place or {}
        fields = {
            key: f"f{at}" for at, key in enumerate(sorted(keys, key=lambda key: place.get(key, len(place))))
        }
        if fields == self.fields:
            return False
        self.fields = fields
        if len(keys) > MOST_KEYS or not all(map(_fits_a_struct, keys)):
            self._decode: Decode = self._as_dicts
            return True
        # a course's absent keys are as good as null, except where somebody asks whether any record has them
        nulls = set(of_courses).difference(self.wanted, self.unseen)
        floats = set(percentages).difference(self.wanted) if self._plain else ()
        record = msgspec.defstruct(
            "Record",
            [
                (
                    field,
                    PLAIN if key in floats else Any,
                    msgspec.field(default=None if key in nulls else UNSET, name=key),
                )
                for key, field in fields.items()
            ],
            gc=False,
            forbid_unknown_fields=self.scope == "all",
        )
        self._decode = msgspec.json.Decoder(list[record]).decode  # type: ignore[valid-type]
        return True


def has_utf8(text: str) -> bool:
    """Tell whether a text can be written at all; lone surrogates cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text) if not text.isascii() else True


def _fits_a_struct(key: str) -> bool:
    """Tell whether msgspec takes a key as the name of a field."""
    return not re.search(r'[\\"\x00-\x1f]', key)

"""Records of a snapshot become columns of JSON values, a column for each key that is read.

Records are decoded into structs with a field for each of these keys, several times faster than into dicts.
The courses are found while decoding: in the names of primary courses, or in the records' keys. A new course
gives a new struct, and the records that had it are decoded again.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.streaming.json_splitter import Chunk
from include.codebashing_lms.transform.decode.batches import (
    Batch,
    Records,
    concat_batches,
    courses_batch,
    primary_batch,
)
from include.codebashing_lms.transform.decode.record_struct import MOST_KEYS, fits_a_struct, has_utf8, struct_decoder
from include.codebashing_lms.transform.decode.source_keys import KeyOrder, SourceKeys

MOST_KNOWN_KEYS = 100_000
PRIMARY_BATCH = 20_000  # learners
COURSES_BATCH = 120_000  # records


class RecordDecoder:
    """Decodes batches of records, and finds the courses in them.

    :param record_keys: keys to read of every record, besides those of courses.
    :param courses: slugs of courses known beforehand.
    :param required: keys that `unseen` holds as long as no record has them.
    """

    def __init__(
        self, connector: Connector, record_keys: Iterable[str], courses: Iterable[str], required: Iterable[str] = ()
    ) -> None:
        self.keys = SourceKeys(connector)
        self.scope = connector.courses
        self.record_keys = list(dict.fromkeys(record_keys))
        self.unseen = set(required)
        self.slugs: list[str] = []
        self.fields: dict[str, str] = {}
        self._courses = KeyOrder(courses)
        self._others: dict[str, None] = {}
        self._known_keys: set[str] = set()
        self._key_order: dict[str, int] | None = None
        self._only_floats = True  # for percentages structs take floats and null, nothing else
        self._as_dicts = msgspec.json.Decoder(list[dict[str, Any]]).decode
        self._raw_records = msgspec.json.Decoder(list[msgspec.Raw]).decode
        self._rebuild()

    def batches(self, chunks: Iterable[Chunk]) -> Generator[Batch]:
        """Give the records as columns, in batches that are large enough for pandas to be fast."""
        parts: list[Batch] = []
        slugs, count = self.slugs, 0
        for chunk in chunks:
            self._find_courses(chunk)
            if parts and slugs is not self.slugs:
                yield concat_batches(parts)
                parts, count = [], 0
            slugs = self.slugs
            for records in self._portions(chunk):
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
        """Give records in portions of a batch: with thousands of courses a whole chunk would be too much."""
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
            return primary_batch(records, self.record_keys, [date_keys[name] for name in names], keys)
        only_floats = self._only_floats and records.structs
        return courses_batch(records, self.record_keys, self.slugs, keys, only_floats)

    def _find_courses(self, records: Sequence[Any]) -> bool:
        """Add the courses of records that were not decoded to structs; False when none is new."""
        if not records or isinstance(records[0], msgspec.Struct):  # all records of a chunk are of one kind
            return False
        for record in records:
            if isinstance(record, dict):
                self._add_record(record)
        return self._rebuild()

    def decode(self, array: memoryview) -> Sequence[Any]:
        """Decode an array of objects; raise what msgspec raises where the array is none."""
        if self._key_order is None:
            self._note_key_order(array)
        while True:
            try:
                records: Sequence[Any] = self._decode(array)
            except msgspec.ValidationError as error:
                if "unknown field" in str(error):
                    records = self._as_dicts(array)
                    found_new = self._find_courses(records)
                elif found_new := self._only_floats:  # some value is none: take any, and check each
                    self._only_floats, self.fields = False, {}
                    self._rebuild()
                else:
                    raise
            else:
                found_new = self.scope == "primary" and self._find_primary(records)
            if not found_new:
                return records

    def _note_key_order(self, array: memoryview) -> None:
        """Note the order of the keys: msgspec is fastest where fields and keys have the same order."""
        records = self._raw_records(array)
        first = msgspec.json.decode(records[0]) if records else None
        self._key_order = {key: at for at, key in enumerate(first)} if isinstance(first, dict) else {}
        self.fields = {}
        self._rebuild()

    def _add_record(self, record: dict[str, Any]) -> None:
        if self.scope == "primary":
            self._add_primary(record.get(self.keys.course))
        elif self.scope == "all" and record.keys() - self._known_keys:
            previous: str | None = None
            for key in filter(has_utf8, record):
                previous = self._add_key(key, previous)

    def _add_key(self, key: str, previous: str | None) -> str | None:
        """Add a key; return its course, or the previous course for a key of no course."""
        course = self.keys.course_of(key)
        if len(self._known_keys) < MOST_KNOWN_KEYS:
            self._known_keys.add(key)
        if course is None:
            if len(self._others) < MOST_KEYS and fits_a_struct(key):
                self._others[key] = None
        elif course not in self._courses:
            self._courses.insert(previous, course)
        return course or previous

    def _find_primary(self, records: Sequence[Any]) -> bool:
        """Add the primary courses of records; False when none is new."""
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
        """Make the struct for the keys known by now; False when there are no new ones."""
        slugs = list(self._courses)
        if slugs != self.slugs:
            self.slugs = slugs
        percentages = [] if self.scope == "primary" else [self.keys.percentage_of(slug) for slug in slugs]
        of_courses = [*percentages, *map(self.keys.date_of, slugs)]
        keys = dict.fromkeys([*self.record_keys, *of_courses, *(self._others if self.scope == "all" else ())])
        order = self._key_order or {}
        ordered = sorted(keys, key=lambda key: order.get(key, len(order)))
        fields = {key: f"f{at}" for at, key in enumerate(ordered)}
        if fields == self.fields:
            return False
        self.fields = fields
        # an absent key of a course is as good as null, except where `unseen` asks whether any record has it
        nulls = set(of_courses).difference(self.record_keys, self.unseen)
        floats = set(percentages).difference(self.record_keys) if self._only_floats else set()
        self._decode = struct_decoder(fields, nulls, floats, self.scope == "all") or self._as_dicts
        return True

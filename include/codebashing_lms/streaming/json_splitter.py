"""Parts a JSON document that arrives in pieces into batches of whole records, in flat memory.

The fast way: cut where `},{` looks like the border of two records, close the array there and let the decoder
judge. A wrong cut (inside a string or a nested array) never decodes, so an earlier one is tried. Where no cut
decodes, because a record holds NaN, a lone surrogate or nesting too deep, the records are parted by their
structure instead and each is left to a slower reader.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from include.codebashing_lms.errors import SnapshotError, TruncatedSnapshotError
from include.codebashing_lms.streaming.json_structure import TOKEN, members, split_array

NAME = re.compile("[A-Za-z_-]{1,40}")
MOST_NAMES = 20
BATCH = 2 << 20
LARGEST_RECORD = 256 << 20
LARGEST_FRAME = 16 << 20
CUTS_TRIED = 64
# msgspec's own error is a ValueError only since 0.21
UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
BLANKS = b" \t\r\n"

Decode = Callable[[memoryview], Sequence[Any]]
ReadItem = Callable[[bytes], Any]
_raw_records = msgspec.json.Decoder(list[msgspec.Raw])


def count_only(array: memoryview) -> Sequence[Any]:
    """Read nothing of the records, only how many there are."""
    return range(len(_raw_records.decode(array)))


@dataclass(frozen=True)
class Chunk:
    """Some whole records, in their order."""

    records: Sequence[Any]

    @property
    def count(self) -> int:
        """Number of records."""
        return len(self.records)


class RecordSplitter:
    """Feed it the pieces of a document, take whole records; `finish` tells whether the document was whole.

    :param records_path: where the array sits in an object, its keys joined by dots; None for a plain array.
    :param decode: reads an array of records; raises ValueError or RecursionError where it cannot.
    :param read_item: reads one record that `decode` could not.
    """

    def __init__(
        self, records_path: str | None = None, decode: Decode = count_only, read_item: ReadItem = bytes
    ) -> None:
        self.path = records_path.split(".") if records_path else []
        self.decode = decode
        self.read_item = read_item
        self.wrapper: dict[str, Any] = {}
        self._head: bytes | None = None
        self._buffer = bytearray()
        self._tail: bytearray | None = None
        self._enough = BATCH

    def feed(self, piece: bytes | memoryview) -> Iterator[Chunk]:
        """Take the next piece of the document; give the records that are whole by now."""
        if self._tail is not None:
            self._add_to_tail(piece)
            return
        self._buffer += piece
        if self._head is None and not self._find_array(complete=False):
            return
        while self._tail is None and len(self._buffer) >= self._enough:
            before = len(self._buffer)
            yield from self._cut()
            if len(self._buffer) == before:
                break

    def finish(self) -> Iterator[Chunk]:
        """Give the last records; raise SnapshotError where the document is no whole array of records."""
        if self._head is None:
            self._find_array(complete=True)
        if self._tail is None:
            yield from self._last()
        if self._tail is None:
            raise TruncatedSnapshotError(
                "The answer ends in mid-record: it was cut off on the way. Trying again helps."
            )
        self._check_frame()

    # The array within the document

    def _find_array(self, complete: bool) -> bool:
        """Move what stands before the array to `_head`; False while the array has not begun."""
        start = len(codecs.BOM_UTF8) if self._buffer.startswith(codecs.BOM_UTF8) else 0
        token = TOKEN.match(self._buffer, start)
        if token is None and not complete:
            return False
        if token is None or token[1] not in (b"[", b"{"):
            raise SnapshotError(_no_json(self._buffer[start:]))
        at: int | None = token.start(1)
        if self.path or token[1] == b"{":
            at = self._array_at_path(token.start(1), complete)
        if at is None:
            return False
        self._head = bytes(self._buffer[start:at])
        del self._buffer[:at]
        return True

    def _array_at_path(self, at: int, complete: bool) -> int | None:
        """Return where the array begins, walking `path` from the object at `at`; None: not there yet."""
        complete = complete or len(self._buffer) > LARGEST_FRAME
        seen = "the answer"
        for part in self.path or [""]:
            if TOKEN.match(self._buffer, at) is None and not complete:
                return None
            try:
                keys = dict(members(self._buffer, at))
            except ValueError:
                raise SnapshotError(_no_array(seen, self.path)) from None
            if part not in keys or not self.path:
                if complete:
                    raise SnapshotError(_wrong_path(keys, self.path))
                return None
            at, seen = keys[part], part
        token = TOKEN.match(self._buffer, at)
        if token and token[1] != b"[":
            raise SnapshotError(_no_array(seen, self.path))
        return token.start(1) if token else None

    def _add_to_tail(self, piece: bytes | bytearray | memoryview) -> None:
        if self._tail is None:
            self._tail = bytearray()
        self._tail += piece
        if not self.path and self._tail.strip(BLANKS):
            raise SnapshotError("More text follows the end of the JSON array: this is no snapshot.")
        if len(self._tail) > LARGEST_FRAME:
            raise SnapshotError(f"More than {LARGEST_FRAME >> 20} MB follow the array of records.")

    def _check_frame(self) -> None:
        if not self.path:
            return
        try:
            frame = (self._head or b"") + b"[]" + bytes(self._tail or b"")
            self.wrapper = json.loads(frame.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raise TruncatedSnapshotError(
                f"The object around {'.'.join(self.path)} is broken or was cut off after the records."
            ) from None

    # The records within the array

    def _cut(self) -> Iterator[Chunk]:
        """Give what can be given of a full buffer, and keep the rest."""
        end = len(self._buffer)
        for _ in range(CUTS_TRIED):
            comma, end = _border(self._buffer, end)
            if comma < 0:
                break
            records = self._try(comma)
            if records is False:
                break
            if records is not None:
                del self._buffer[:comma]
                self._buffer[0:1] = b"["
                self._enough = BATCH
                yield Chunk(records)
                return
        yield from self._cut_by_structure()

    def _try(self, comma: int) -> Any:
        """Decode up to a comma; None where that is no border, False where a record is at fault."""
        self._buffer[comma : comma + 1] = b"]"
        try:
            with memoryview(self._buffer) as view, view[: comma + 1] as array:
                return self.decode(array)
        except msgspec.ValidationError:
            return False
        except UNREADABLE:
            return None
        finally:
            self._buffer[comma : comma + 1] = b","

    def _cut_by_structure(self) -> Iterator[Chunk]:
        items, rest, ended = split_array(self._buffer)
        if ended:
            self._add_to_tail(self._buffer[rest:])
            self._buffer.clear()
        elif items:
            self._buffer[:rest] = b"["
            self._enough = max(BATCH, len(self._buffer) + 1)
        else:
            self._enough = 2 * len(self._buffer)
            if self._enough > LARGEST_RECORD:
                raise SnapshotError(
                    f"A record is larger than {LARGEST_RECORD >> 21} MB: this is no snapshot."
                )
        if items:
            yield Chunk([self.read_item(item) for item in items])

    def _last(self) -> Iterator[Chunk]:
        if not self.path:
            whole = self._buffer.rstrip(BLANKS)
            try:
                records = self.decode(memoryview(whole))
            except UNREADABLE:
                pass
            else:
                self._add_to_tail(b"")
                yield Chunk(records)
                return
        yield from self._cut_by_structure()


def _border(buffer: bytearray, end: int) -> tuple[int, int]:
    """Return the last `}` comma `{` before `end` as the comma's place, and where to look next; -1 if none."""
    while (brace := buffer.rfind(b"{", 0, end)) > 0:
        end = brace
        comma = _last_before(buffer, brace)
        if buffer[comma : comma + 1] == b"," and buffer[_last_before(buffer, comma)] == ord("}"):
            return comma, end
    return -1, 0


def _last_before(buffer: bytearray, end: int) -> int:
    """Return where the last byte before `end` stands that is no blank."""
    end -= 1
    while end > 0 and buffer[end] in BLANKS:
        end -= 1
    return end


def _no_json(text: bytearray) -> str:
    if text.lstrip(BLANKS).startswith(b"<"):
        return (
            "The answer is an HTML or XML page, not JSON: a sign-in page or a proxy answered. "
            "Check the host of the connection and whether a proxy stands in between."
        )
    return "The answer is not JSON: it begins neither with [ nor with {. Check host and endpoint."


def _names(keys: dict[str, int]) -> str:
    """Return the names in an envelope; keys that may be somebody's address or ID are only counted."""
    names = sorted(filter(NAME.fullmatch, keys)) if len(keys) <= MOST_NAMES else []
    others = len(keys) - len(names)
    return ", ".join([*names, *([f"{others} that may be people's"] if others else [])]) or "none"


def _wrong_path(keys: dict[str, int], path: list[str]) -> str:
    names = _names(keys)
    wrong = f"the key {'.'.join(path)} is not in it" if path else "an array was expected"
    return (
        f"The answer is a JSON object and {wrong}; its keys are: {names}. If one of them holds the learners, "
        "set source.records_path to its name; an error object means that Codebashing refused the request."
    )


def _no_array(seen: str, path: list[str]) -> str:
    return (
        f"source.records_path is {'.'.join(path)}, but {seen} is not what it needs to be there. "
        "Remove records_path if the answer is a plain array."
    )

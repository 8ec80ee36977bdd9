"""Splits a JSON document that arrives piece by piece into chunks of whole records, in flat memory.

The fast way: take the last `},{` that looks like the border of two records, close the array there and let the
decoder decide. A wrong border, inside a string or a nested array, never decodes, so an earlier one is tried.
Where no border decodes, because a record holds NaN, a lone surrogate or nesting too deep, the records are
split by their structure instead, and a slower reader takes each of them alone.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from include.codebashing_lms.errors import SnapshotError, TruncatedSnapshotError
from include.codebashing_lms.streaming.json_structure import split_array
from include.codebashing_lms.streaming.json_wrapper import BLANKS, check_tail, find_array, read_wrapper

BATCH = 2 << 20  # bytes of a chunk
LARGEST_RECORD = 256 << 20
BORDERS_TRIED = 64
# msgspec's own error is a ValueError only since 0.21
UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)

Chunk = Sequence[Any]  # some whole records, in the order of the document
Decode = Callable[[memoryview], Chunk]
ReadItem = Callable[[bytes], Any]
_raw_records = msgspec.json.Decoder(list[msgspec.Raw])


def count_only(array: memoryview) -> Chunk:
    """Count the records of an array without reading them."""
    return range(len(_raw_records.decode(array)))


class RecordSplitter:
    """Takes the pieces of a document and gives whole records; `finish` finds a truncated document.

    :param records_path: keys to the array, joined by dots; None: the document is the array.
    :param decode: decodes an array of records; raises ValueError or RecursionError where it cannot.
    :param read_item: decodes a single record that `decode` could not.
    :ivar wrapper: after `finish`: the object around the array.
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
        if self._head is None and not self._take_head(complete=False):
            return
        while self._tail is None and len(self._buffer) >= self._enough:
            before = len(self._buffer)
            yield from self._split()
            if len(self._buffer) == before:
                break

    def finish(self) -> Iterator[Chunk]:
        """Give the last records; raise SnapshotError where the document is no whole array of records."""
        if self._head is None:
            self._take_head(complete=True)
        if self._tail is None:
            yield from self._split_rest()
        if self._tail is None:
            raise TruncatedSnapshotError(
                "The answer ends in mid-record: it was cut off on the way. Trying again helps."
            )
        if self.path:
            self.wrapper = read_wrapper(self._head or b"", self._tail, self.path)

    def _take_head(self, complete: bool) -> bool:
        """Move the text before the array to `_head`; return whether the array has begun."""
        start = find_array(self._buffer, self.path, complete)
        if start is None:
            return False
        self._head = bytes(self._buffer[:start])
        del self._buffer[:start]
        return True

    def _add_to_tail(self, piece: bytes | bytearray | memoryview) -> None:
        if self._tail is None:
            self._tail = bytearray()
        self._tail += piece
        check_tail(self._tail, self.path)

    def _split(self) -> Iterator[Chunk]:
        """Give the whole records of a full buffer; keep the rest."""
        end = len(self._buffer)
        for _ in range(BORDERS_TRIED):
            comma, end = _last_border(self._buffer, end)
            if comma < 0:
                break
            records = self._decode_before(comma)
            if records is False:
                break
            if records is not None:
                del self._buffer[:comma]
                self._buffer[0:1] = b"["
                self._enough = BATCH
                yield records
                return
        yield from self._split_by_structure()

    def _decode_before(self, comma: int) -> Any:
        """Decode the records before a comma; None: the comma is no border; False: a record is at fault."""
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

    def _split_by_structure(self) -> Iterator[Chunk]:
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
                raise SnapshotError(f"A record is larger than {LARGEST_RECORD >> 21} MB: this is no snapshot.")
        if items:
            yield [self.read_item(item) for item in items]

    def _split_rest(self) -> Iterator[Chunk]:
        if not self.path:
            whole = self._buffer.rstrip(BLANKS)
            try:
                records = self.decode(memoryview(whole))
            except UNREADABLE:
                pass
            else:
                self._add_to_tail(b"")
                yield records
                return
        yield from self._split_by_structure()


def _last_border(buffer: bytearray, end: int) -> tuple[int, int]:
    """Return the index of the comma in the last `},{` before `end`, and where to search next; -1 if none."""
    while (brace := buffer.rfind(b"{", 0, end)) > 0:
        end = brace
        comma = _last_sign(buffer, brace)
        if buffer[comma : comma + 1] == b"," and buffer[_last_sign(buffer, comma)] == ord("}"):
            return comma, end
    return -1, 0


def _last_sign(buffer: bytearray, end: int) -> int:
    end -= 1
    while end > 0 and buffer[end] in BLANKS:
        end -= 1
    return end

"""The structure of JSON without its values: where items begin and end, at any depth.

Serves where a decoder cannot: to find an array inside an object, and to split records when one of them does
not decode. It reads only strings and brackets, so no nesting is too deep.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from include.codebashing_lms.errors import SnapshotError

Bytes = bytes | bytearray
STRING = rb'"(?:[^"\\]|\\.)*+"'
TOKEN = re.compile(rb"\s*+(" + STRING + rb'|[\[\]{}:,]|[^\s"\[\]{}:,]++)', re.DOTALL)
TO_BRACKET = re.compile(
    rb'[^"\[\]{}]*+(?:' + STRING + rb'[^"\[\]{}]*+)*+([\[\]{}])', re.DOTALL
)  # skips strings and all else up to a bracket
OPENING = (b"[", b"{")
CLOSING = (b"]", b"}")


def value_end(text: Bytes, start: int) -> int | None:
    """Return where the value that begins at `start` ends; None when the text ends before it."""
    token = TOKEN.match(text, start)
    if token is None:
        return None
    if token[1] not in OPENING:
        return token.end()
    depth, at = 1, token.end()
    while depth:
        bracket = TO_BRACKET.match(text, at)
        if bracket is None:
            return None
        depth += 1 if bracket[1] in OPENING else -1
        at = bracket.end()
    return at


def split_array(text: Bytes) -> tuple[list[bytes], int, bool]:
    """Split an array that begins at the first byte into its items.

    Returns the whole items; where the rest begins, after the last item's comma or the array's bracket; and
    whether the array has ended. Raises SnapshotError for a broken structure.
    """
    items: list[bytes] = []
    start = rest = 1
    while (end := value_end(text, start)) is not None:
        value = bytes(text[start:end]).strip()
        after = TOKEN.match(text, end)
        if value == b"]" and not items and start == 1:
            return items, end, True
        if value in (*CLOSING, b",", b":") or (after and after[1] not in (b",", b"]")):
            raise SnapshotError(f"The JSON is broken after record {len(items)} of this part: no value there.")
        if after is None:
            break
        items.append(value)
        start = rest = after.end()
        if after[1] == b"]":
            return items, rest, True
    return items, rest, False


def members(text: Bytes, start: int = 0) -> Iterator[tuple[str, int]]:
    """Give each key of the object that begins at `start`, and where the key's value begins.

    Ends where the text ends. Raises ValueError where the text is no object.
    """
    token = TOKEN.match(text, start)
    if token is None or token[1] != b"{":
        raise ValueError("no object")
    at, comma = token.end(), b","
    while comma == b",":
        key, colon = TOKEN.match(text, at), None
        if key and key[1] == b"}":
            return
        colon = key and TOKEN.match(text, key.end())
        if not key or not colon:
            return
        if not key[1].startswith(b'"') or colon[1] != b":":
            raise ValueError("no key")
        yield json.loads(key[1].decode("utf-8", "surrogateescape")), colon.end()
        end = value_end(text, colon.end())
        token = TOKEN.match(text, end) if end is not None else None
        if token is None:
            return
        at, comma = token.end(), token[1]


def read_shallow(text: bytes) -> dict[str, Any]:
    """Read an object of any depth; every value that is an array or an object becomes an empty list."""
    record: dict[str, Any] = {}
    for key, start in members(text):
        end = value_end(text, start)
        value = text[start:end].strip()
        record[key] = [] if value[:1] in OPENING else json.loads(value.decode("utf-8", "surrogateescape"))
    return record

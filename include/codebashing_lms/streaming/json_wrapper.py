"""The JSON object around the array of records: where the array begins in it, and what else it holds.

An error names keys of the object, so that a wrong `source.records_path` can be corrected; a key that may be a
person's address or ID is never named.
"""

import codecs
import json
import re
from typing import Any

from include.codebashing_lms.errors import SnapshotError, TruncatedSnapshotError
from include.codebashing_lms.streaming.json_structure import TOKEN, members

BLANKS = b" \t\r\n"
HARMLESS_KEY = re.compile("[A-Za-z_-]{1,40}")
MAX_KEYS_NAMED = 20
LARGEST_WRAPPER = 16 << 20  # bytes before, and bytes after the array


def find_array(text: bytearray, path: list[str], complete: bool) -> int | None:
    """Return where the array begins in the beginning of a document; None: the text ends before it.

    :param path: keys that lead to the array; empty for a document that is the array.
    :param complete: whether the text is the whole document.
    :raises SnapshotError: the document has no array there.
    """
    start = len(codecs.BOM_UTF8) if text.startswith(codecs.BOM_UTF8) else 0
    token = TOKEN.match(text, start)
    if token is None and not complete:
        return None
    if token is None or token[1] not in (b"[", b"{"):
        raise SnapshotError(_no_json(text[start:]))
    if not path and token[1] == b"[":
        return token.start(1)
    return _array_in_object(text, token.start(1), path, complete or len(text) > LARGEST_WRAPPER)


def _array_in_object(text: bytearray, at: int, path: list[str], complete: bool) -> int | None:
    parent = "the answer"
    for key in path or [""]:
        if TOKEN.match(text, at) is None and not complete:
            return None
        try:
            starts = dict(members(text, at))
        except ValueError:
            raise SnapshotError(_no_array(parent, path)) from None
        if key not in starts or not path:
            if complete:
                raise SnapshotError(_wrong_path(starts, path))
            return None
        at, parent = starts[key], key
    token = TOKEN.match(text, at)
    if token and token[1] != b"[":
        raise SnapshotError(_no_array(parent, path))
    return token.start(1) if token else None


def check_tail(tail: bytearray, path: list[str]) -> None:
    """Raise SnapshotError where the text after the array is too much."""
    if not path and tail.strip(BLANKS):
        raise SnapshotError("More text follows the end of the JSON array: this is no snapshot.")
    if len(tail) > LARGEST_WRAPPER:
        raise SnapshotError(f"More than {LARGEST_WRAPPER >> 20} MB follow the array of records.")


def read_wrapper(head: bytes, tail: bytearray, path: list[str]) -> dict[str, Any]:
    """Return the object around the array, with an empty array in the array's place.

    :raises TruncatedSnapshotError: the object does not end, or is no JSON.
    """
    try:
        text = head.removeprefix(codecs.BOM_UTF8) + b"[]" + bytes(tail)
        wrapper: dict[str, Any] = json.loads(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise TruncatedSnapshotError(
            f"The object around {'.'.join(path)} is broken or was cut off after the records."
        ) from None
    return wrapper


def _no_json(text: bytearray) -> str:
    if text.lstrip(BLANKS).startswith(b"<"):
        return (
            "The answer is an HTML or XML page, not JSON: a sign-in page or a proxy answered. "
            "Check the host of the connection and whether a proxy stands in between."
        )
    return "The answer is not JSON: it begins neither with [ nor with {. Check host and endpoint."


def _wrong_path(starts: dict[str, int], path: list[str]) -> str:
    wrong = f"the key {'.'.join(path)} is not in it" if path else "an array was expected"
    return (
        f"The answer is a JSON object and {wrong}; its keys are: {_named_keys(starts)}. If one of them holds "
        "the learners, set source.records_path to its name; an error object means that Codebashing refused "
        "the request."
    )


def _named_keys(starts: dict[str, int]) -> str:
    named = sorted(filter(HARMLESS_KEY.fullmatch, starts)) if len(starts) <= MAX_KEYS_NAMED else []
    others = len(starts) - len(named)
    return ", ".join([*named, *([f"{others} that may be people's"] if others else [])]) or "none"


def _no_array(parent: str, path: list[str]) -> str:
    return (
        f"source.records_path is {'.'.join(path)}, but {parent} is not what it needs to be there. "
        "Remove records_path if the answer is a plain array."
    )

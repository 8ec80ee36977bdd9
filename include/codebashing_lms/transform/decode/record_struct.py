"""The type that records are decoded into: a msgspec struct with a field for each key that is known."""

import re
from collections.abc import Container
from typing import Any

import msgspec
from msgspec import UNSET

from include.codebashing_lms.streaming.json_splitter import Decode

PERCENTAGE: Any = float | msgspec.UnsetType | None
MOST_KEYS = 2_000


def struct_decoder(
    fields: dict[str, str], nulls: Container[str], percentages: Container[str], all_keys: bool
) -> Decode | None:
    """Return a decoder of arrays of records; None where no struct can hold the keys.

    :param fields: the field of each key.
    :param nulls: keys that are None in a record that lacks them, not UNSET.
    :param percentages: keys that hold floats or null; anything else is a ValidationError.
    :param all_keys: a record with any other key is a ValidationError.
    """
    if len(fields) > MOST_KEYS or not all(map(fits_a_struct, fields)):
        return None
    struct_fields = [
        (
            field,
            PERCENTAGE if key in percentages else Any,
            msgspec.field(default=None if key in nulls else UNSET, name=key),
        )
        for key, field in fields.items()
    ]
    record = msgspec.defstruct("Record", struct_fields, gc=False, forbid_unknown_fields=all_keys)
    return msgspec.json.Decoder(list[record]).decode  # type: ignore[valid-type]


def fits_a_struct(key: str) -> bool:
    """Return whether msgspec takes a key as the name of a field."""
    return not re.search(r'[\\"\x00-\x1f]', key)


def has_utf8(text: str) -> bool:
    """Return whether a text can be written at all; lone surrogates cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text) if not text.isascii() else True

"""How texts are written to an LMS file, and which cannot be: without quoting a delimiter ends a field."""

import json
import re
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.codebashing_lms.config.profiles.columns import Column
from include.codebashing_lms.config.profiles.file_shape import FileShape
from include.codebashing_lms.transform.records.columns import Bools


def quote(texts: pa.Array, file: FileShape, alone: bool) -> pa.Array:
    """Return texts as they stand in the file.

    :param alone: there is no other column, so a blank one would be a blank line.
    """
    if file.quoting == "none":
        return texts
    if file.quoting == "escape":
        for text, written in file.escapes.items():
            texts = pc.replace_substring(texts, text, written)
        return texts
    if file.quoting == "statements":
        return pa.array([json.dumps(text, ensure_ascii=False) for text in texts.to_pylist()], pa.string())
    return _quoted(texts, file, alone)


def _quoted(texts: pa.Array, file: FileShape, alone: bool) -> pa.Array:
    if file.quoting == "all":
        needed = pa.repeat(pa.scalar(True), len(texts))
    else:
        special = (file.delimiter, '"', "\r", "\n")
        needed = reduce(pc.or_, (pc.match_substring(texts, sign) for sign in special))
        if alone:
            needed = pc.or_(needed, pc.equal(texts, ""))
        if not pc.any(needed).as_py():
            return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(needed, pc.binary_join_element_wise('"', doubled, '"', ""), texts)


def checks_nothing(columns: list[Column], file: FileShape) -> bool:
    """Return whether every text can be written as it is."""
    quoted = file.quoting in ("minimal", "all", "statements")
    free = file.writes_every_letter and not file.backslash_escapes
    return quoted and free and all(column.unchecked for column in columns)


def unwritable(texts: pa.Array, column: Column, file: FileShape) -> Bools:
    """Return which texts the file, or the LMS that reads it, cannot hold in a column."""
    found = [pc.match_substring(texts, text) for text in file.unwritable_signs]
    if file.quoting == "none":
        found += [_ends_early(texts, text, file.line_ending) for text in (file.line_ending, *file.forbidden)]
    if file.backslash_escapes:
        found += [pc.ends_with(texts, "\\"), pc.match_substring(texts, '\\"')]
    if column.max_length:
        found.append(pc.greater(pc.utf8_length(texts), column.max_length))
    if column.required:
        found.append(pc.equal(pc.utf8_trim_whitespace(texts), ""))
    bad = _outside_encoding(texts, file)
    for one in found:
        bad |= one.to_numpy(zero_copy_only=False).astype(np.bool_)
    return bad | _mismatches(texts, column.pattern) if column.pattern else bad


def _outside_encoding(texts: pa.Array, file: FileShape) -> Bools:
    found: Bools = np.zeros(len(texts), dtype=np.bool_)
    if file.writes_every_letter:
        return found
    written = quote(texts, file, alone=False).to_pylist()
    if file.lacking("".join(written)):
        found[:] = [file.lacking(text) is not None for text in written]
    return found


def _ends_early(texts: pa.Array, sign: str, line_ending: str) -> pa.Array:
    at = pc.find_substring(pc.binary_join_element_wise(texts, line_ending, ""), sign)
    return pc.and_(pc.greater_equal(at, 0), pc.less(at, pc.binary_length(texts)))


def _mismatches(texts: pa.Array, pattern: str) -> Bools:
    """Return which texts a pattern does not match as a whole; `required` is about blank texts."""
    whole = re.compile(pattern)
    return np.array([bool(text) and not whole.fullmatch(text) for text in texts.to_pylist()], dtype=np.bool_)

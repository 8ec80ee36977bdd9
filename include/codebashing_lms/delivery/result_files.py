"""Files that the LMS leaves beside ours, to say what became of them."""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import PurePath

from include.codebashing_lms.delivery import done_name
from include.codebashing_lms.errors import ConnectorError

LARGEST_RESULT = 64 << 20
PACKED = (".pgp", ".gz", ".zip")


def results_about(names: Collection[str], pattern: str, there: Iterable[str]) -> dict[str, list[str]]:
    """Return which of the files that are there are the results of which of ours."""
    all_there = sorted(set(there).difference(names))
    found = {name: list(filter(_matcher(pattern, name).fullmatch, all_there)) for name in names}
    return {name: results for name, results in found.items() if results}


def _matcher(pattern: str, name: str) -> re.Pattern[str]:
    filled = {"{file}": re.escape(name), "{stem}": re.escape(_stem(name)), "*": ".*"}
    pieces = re.split(r"({file}|{stem}|[*])", pattern)
    return re.compile("".join(filled.get(piece, re.escape(piece)) for piece in pieces))


def _stem(name: str) -> str:
    """Return a name without its endings, those of packing included."""
    while PurePath(name).suffix in PACKED:
        name = PurePath(name).stem
    return PurePath(name).stem


def with_markers(names: Collection[str], done_file: str | None) -> Iterator[str]:
    """Give names and those of their markers; a marker goes first, as it says that its file is there."""
    for name in names:
        if done_file and "{file}" in done_file:
            yield done_name(done_file, name)
        yield name


def no_results(folder: str, why: str) -> ConnectorError:
    """Return the error for results that cannot be looked for."""
    return ConnectorError(
        f"The LMS's results cannot be looked for in {folder} ({why}). Correct delivery.results.directory, or "
        "ask for the right to read there. Nothing was sent."
    )

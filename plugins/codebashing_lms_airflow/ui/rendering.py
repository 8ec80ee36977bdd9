"""Templates, and how values become text in them."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from include.codebashing_lms.dates import parse_instant
from include.codebashing_lms.reporting import wording as words
from include.codebashing_lms.staging.files import StagedPath
from include.codebashing_lms.transform.lists import escape_formulas

TITLE = "Codebashing → LMS"
BLOCK = 1 << 18  # bytes, or characters of CSV
FOLDER = Path(__file__).parent
STATIC = {path.name: path for path in (FOLDER / "static").iterdir() if path.suffix in (".css", ".js")}
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
templates = Environment(loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined)


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page; its links begin with the path that Airflow mounted the application at."""
    base = request.scope.get("root_path", "")
    text = templates.get_template(template).render(base=base, here=request.url.path, words=words, **values)
    return HTMLResponse(text, status)


def sentence_page(request: Request, sentence: str, title: str = TITLE, status: int = 200) -> Response:
    """Return a page of one sentence."""
    return render(request, "sentence.html", status, title=title, sentence=sentence)


def attachment(path: StagedPath) -> Response:
    """Return a staged file as a download, block by block."""
    kind = "text/csv; charset=utf-8" if path.name.endswith(".csv") else "application/octet-stream"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", path.name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(path.name, safe='')}"
    headers = {"Content-Disposition": disposition}
    return StreamingResponse(_blocks(path), media_type=kind, headers=headers)


def csv_file(name: str, lines: Iterable[list[str]]) -> Response:
    """Return lines as a CSV download; a spreadsheet finds no formula in them."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_csv_blocks(lines), media_type="text/csv; charset=utf-8", headers=headers)


def _csv_blocks(lines: Iterable[list[str]]) -> Iterator[str]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    for line in lines:
        writer.writerow(escape_formulas([cell.removeprefix("'") for cell in line]))
        if buffer.tell() > BLOCK:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _blocks(path: StagedPath) -> Iterator[bytes]:
    with path.open("rb") as file:  # type: ignore[attr-defined]
        while block := file.read(BLOCK):
            yield block


def instant(at: datetime | None, zone: tzinfo) -> str:
    """Return an instant for people: 23 Nov 2026, 05:15 UTC."""
    if at is None:
        return "–"
    local = at.astimezone(zone)
    return f"{day(at, zone)}, {local:%H:%M} {local.tzname()}"


def day(at: datetime | None, zone: tzinfo) -> str:
    """Return the day of an instant: 23 Nov 2026."""
    return words.on_day(at.astimezone(zone)) if at else "–"


def percent(value: float) -> str:
    """Return a percentage with one decimal; 100 only for all."""
    return f"{min(value, 99.9) if value < 100 else 100:.1f} %"


def singular(words_of_many: str) -> str:
    """Return what several learners do, of one: have → has, are → is, were → was, share → shares."""
    verb, _, rest = words_of_many.partition(" ")
    one = {"have": "has", "are": "is", "were": "was", "share": "shares"}.get(verb, verb)
    return f"{one} {rest}"


def size(value: int) -> str:
    """Return a number of bytes in words."""
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if value >= step:
            return f"{value / step:.1f} {unit}"
    return f"{value} bytes"


templates.filters |= {
    "at": parse_instant,
    "coming": lambda at: at > datetime.now(UTC),
    "day": day,
    "instant": instant,
    "number": lambda value: f"{value:,.0f}",
    "percent": percent,
    "singular": singular,
    "size": size,
}

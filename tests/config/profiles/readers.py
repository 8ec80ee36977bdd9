"""Readers of LMS files, written from the LMSs' documentation and their importers, not from our writer.

Each reader gives what the LMS would import: one ImportedRow per row, in the order of the file.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from urllib.parse import unquote

from tests.config.profiles.rendering import Rendered, unpacked


@dataclass(frozen=True)
class ImportedRow:
    """What an LMS imports from a row; None where the file has no column for it."""

    user_key: str
    course: str
    percent: Decimal | None = None
    finished: str | None = None


def php_fields(text: str) -> list[list[str]]:
    """Read CSV as PHP's fgetcsv does: in a quoted field a backslash escapes the quote after it."""
    rows, row, field, at = [], [], "", 0
    while at < len(text):
        if text[at] == '"' and not field:
            field, at = _quoted_field(text, at + 1)
        while at < len(text) and text[at] not in ",\n":
            field, at = field + text[at], at + 1
        row.append(field)
        field = ""
        if at == len(text) or text[at] == "\n":
            rows.append(row)
            row = []
        at += 1
        if at == len(text) and text.endswith(","):
            row.append("")
    return rows


def _quoted_field(text: str, at: int) -> tuple[str, int]:
    field = ""
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] == '"':
            field, at = field + '\\"', at + 2
        elif text[at : at + 2] == '""':
            field, at = field + '"', at + 2
        elif text[at] == '"':
            return field, at + 1
        else:
            field, at = field + text[at], at + 1
    return field, at


def php_import(data: bytes) -> list[dict[str, str]]:
    """Read a file as Moodle, IOMAD and Totara do: twice, the second time with every field in quotes."""
    rows = php_fields(data.decode())
    again = "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows) + "\n"
    header, *lines = php_fields(again)
    assert all(len(line) == len(header) for line in lines), "one ragged row, and nothing is imported"
    return [dict(zip(header, line, strict=True)) for line in lines]


def rfc4180(data: bytes) -> list[dict[str, str]]:
    header, *lines = csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
    assert len(set(header)) == len(header)
    assert all(len(line) == len(header) for line in lines)
    return [dict(zip(header, line, strict=True)) for line in lines]


def sap(rendered: Rendered) -> Iterator[ImportedRow]:
    text = rendered.content.decode()
    *lines, end = text.split("!##!\n")
    assert end == ""
    assert text.count("!##!") == len(lines)
    names, *rows = [line.split("|") for line in lines]
    months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
    for cells in rows:
        row = dict(zip(names, cells, strict=True))
        month, day, rest = row["COMPL_DTE"].split("-")
        year, time = rest.split(" ")
        finished = f"{year}-{months.index(month) + 1:02d}-{day}T{time}"
        assert row["STUD_ID"]
        yield ImportedRow(row["STUD_ID"], row["CPNT_ID"], Decimal(100), finished)


def hdl_lines(text: str) -> Iterator[list[str]]:
    """Read HDL's lines: after a backslash a pipe or a backslash is itself, and an n is a newline."""
    fields, field, at = [], "", 0
    while at < len(text):
        if text[at] == "\\":
            field += {"n": "\n"}.get(text[at + 1], text[at + 1])
            at += 2
            continue
        if text[at] in "|\n":
            fields.append(field)
            field = ""
            if text[at] == "\n":
                yield fields
                fields = []
        else:
            field += text[at]
        at += 1
    assert not field
    assert not fields


def oracle(rendered: Rendered) -> Iterator[ImportedRow]:
    (metadata, name, *attributes), *rows = hdl_lines(rendered.content.decode())
    assert (metadata, name) == ("METADATA", "LearningRecord")
    numbers = set()
    for merge, of, *values in rows:
        assert (merge, of) == ("MERGE", "LearningRecord")
        row = dict(zip(attributes, values, strict=True))
        number = row["LearningRecordNumber"]
        assert number not in numbers
        assert not number.startswith("OLC")
        numbers.add(number)
        completed, done = (row["LearningRecordStatus"] == "ORA_ASSN_REC_COMPLETE", row["LearningRecordCompletionDate"])
        assert bool(done) == completed
        days = [row["LearningRecordEffectiveStartDate"], row["LearningRecordStartDate"]]
        assert days[0] < days[1] <= (done or days[1])
        percent = Decimal(row["LearningRecordComments"].removeprefix("Codebashing "))
        yield ImportedRow(row["LearnerNumber"], row["LearningItemNumber"], percent, done.replace("/", "-") or None)


def xapi(rendered: Rendered) -> Iterator[ImportedRow]:
    statements = json.loads(rendered.content)
    assert len({one["id"] for one in statements}) == len(statements)
    for one in statements:
        assert set(one) == {"id", "actor", "verb", "object", "result", "timestamp"}
        base, done = "https://lms.example.com/courses/", one["result"]["completion"]
        key, activity = one["actor"]["account"]["name"], one["object"]["id"]
        assert activity.startswith(base)
        verb = one["verb"]["id"].rpartition("/")[2]
        assert verb == ("completed" if done else "progressed")
        progress = one["result"].get("extensions", {}).values()
        percent = Decimal(100) if done else Decimal(next(iter(progress)))
        assert "score" not in one["result"]
        assert datetime.fromisoformat(one["timestamp"]).tzinfo
        finished = one["timestamp"].removesuffix(".000Z") if done else None
        yield ImportedRow(key, unquote(activity.removeprefix(base)), percent, finished)


def totara(rendered: Rendered) -> Iterator[ImportedRow]:
    for row in php_import(rendered.content):
        assert list(row) == ["username", "courseshortname", "courseidnumber", "completiondate", "grade"]
        assert row["username"] == row["username"].lower() != ""
        assert all(len(row[name]) <= most for name, most in (("username", 100), ("courseshortname", 255)))
        assert len(row["courseidnumber"]) <= 100
        yield ImportedRow(row["username"], row["courseidnumber"], Decimal(row["grade"]), row["completiondate"])


def iomad(rendered: Rendered) -> Iterator[ImportedRow]:
    for row in php_import(rendered.content):
        assert set(row) <= {"username", "coursecode", "timecompleted", "finalscore"}
        assert all(row.values()), "a blank cell makes the importer take the row before"
        assert row["finalscore"] == "100"
        yield ImportedRow(row["username"], row["coursecode"], Decimal(100), row["timecompleted"].removesuffix("Z"))


def cornerstone(rendered: Rendered) -> Iterator[ImportedRow]:
    for row in rfc4180(rendered.content):
        assert row["Transcript Status"] == "Completed"
        at = datetime.strptime(row["Completion Date"], "%m-%d-%Y %H:%M")  # noqa: DTZ007 (in the tenant's own zone)
        yield ImportedRow(row["User ID"], row["Training Title"], Decimal(100), at.isoformat()[:16])


def file_per_course(read: Callable[[bytes], list[dict[str, str]]], key: str, grade: str):
    """Return a reader of one file per course; a person chooses the course by the name of the file."""

    def rows(rendered: Rendered) -> Iterator[ImportedRow]:
        for name, data in rendered.files.items():
            course = name.removeprefix("codebashing_").rpartition("_")[0]
            for row in read(unpacked(data)):
                yield ImportedRow(row[key], course, Decimal(row[grade]))

    return rows


def staged_grades(rendered: Rendered) -> Iterator[ImportedRow]:
    """Read the staged file with the grades of an LMS that is called instead of sent a file."""
    for row in rfc4180(rendered.content):
        yield ImportedRow(row["user_key"], row["course_id"], Decimal(row["grade"].removesuffix("%")))


READERS: dict[str, Callable[[Rendered], Iterator[ImportedRow]]] = {
    "xapi": xapi,
    "oracle_hdl": oracle,
    "sap_sf_learning_history": sap,
    "totara_course_completion": totara,
    "iomad_completion": iomad,
    "cornerstone_external_training": cornerstone,
    "moodle_grades_csv": file_per_course(php_import, "idnumber", "Codebashing"),
    "brightspace_grades": file_per_course(rfc4180, "OrgDefinedId", "Codebashing Points Grade"),
    "moodle_grades_ws": staged_grades,
    "canvas_grades": staged_grades,
}

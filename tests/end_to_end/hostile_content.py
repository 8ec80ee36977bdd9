"""Texts and records that mean harm, and what must be true of a file that holds them."""

import csv
import io
import json

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x","y")', "=cmd|' /C calc'!A0", "'=1", "\t=2", "\r=3"]
PATHS = ["../../etc/passwd", "/etc/passwd", "..\\..\\x", "C:\\x", ".", "..", "~", "file:///x", "a/../../b", "%2e%2e%2f"]
CELLS = [
    "\0",
    "a\0b",
    "\n",
    "a\nb",
    "a\r\nb",
    ",",
    ";",
    '"',
    '""',
    '","',
    "a\\",
    '\\"',
    "'",
    "\t",
    "\x1a",
    "\x85",
    "\u2028",
]
SCRIPTS = [
    "\u202egnp.exe",
    "\u0645\u0631\u062d\u0628\u0627",
    "\U0001f469\u200d\U0001f4bb",
    "e\u0301",
    "\ufeff1",
    "\ufffd",
    "\U0010ffff",
]
OTHERS = [
    "x" * 100_000,
    "\U0001f4a3" * 25_000,
    "NULL",
    "NaN",
    "null",
    "undefined",
    "{0}",
    "%s%n",
    "${x}",
    "{{ x }}",
    "1e400",
    "0042",
]
HOSTILE = [*FORMULAS, *PATHS, *CELLS, *SCRIPTS, *OTHERS]


def learner(number, **values):
    """Return a learner with something hostile in one place."""
    fine = {
        "employee_id": f"E{number}",
        "email": f"{number}@example.com",
        "primary_course_name": "java",
        "primary_course_completed_lessons_count": 1,
        "primary_course_lessons_count": 4,
        "java.completed_percentage": 25,
    }
    return fine | values


DEEP = "[" * 1000 + "]" * 1000
DEEP_OBJECT = '{"a":' * 1000 + "1" + "}" * 1000
FINE = json.dumps(learner(0))
STRANGE = {
    "deep list": f'{{"employee_id": {DEEP}, "email": "a@x.com"}}',
    "deep object": f'{{"employee_id": "1", "email": {DEEP_OBJECT}}}',
    "deep elsewhere": f'{{"employee_id": "1", "email": "a@x.com", "other": {DEEP}}}',
    "duplicate keys": '{"employee_id": "1", "employee_id": "2", "email": "a@x.com", "email": "b@x.com"}',
    "too large": '{"employee_id": 1e400, "email": "a@x.com", "primary_course_lessons_count": 1e400}',
    "huge integer": f'{{"employee_id": {"9" * 5000}, "primary_course_lessons_count": {"9" * 5000}}}',
    "not a number": '{"employee_id": NaN, "email": "a@x.com", "java.completed_percentage": -Infinity}',
    "surrogate id": '{"employee_id": "\\ud800", "email": "a@x.com"}',
    "surrogate e-mail": '{"employee_id": "1", "email": "\\udfff@x.com"}',
    "surrogate course": '{"employee_id": "1", "primary_course_name": "\\ud800", '
    '"primary_course_completed_lessons_count": 1, "primary_course_lessons_count": 2}',
    "surrogate key": '{"employee_id": "1", "\\ud800.completed_percentage": 50, "\\udc00": 1}',
    "raw surrogate": '{"employee_id": "\ud800", "email": "\udfff"}',
    "surrogate and key": '{"employee_id": "1", "\\ud83d\\ude00.completed_percentage": 50}',
    "null": "null",
    "number": "1e400",
    "text": '"=1+1"',
    "list": DEEP,
    "empty": "{}",
    "empty key": '{"": 1, ".completed_percentage": 50, "employee_id": "1"}',
    "objects": '{"employee_id": {"a": 1}, "email": [1], "primary_course_name": {}, "java.completed_percentage": []}',
    "many keys": json.dumps({f"key{at}": at for at in range(10_000)} | learner(9)),
    "many courses": json.dumps({f"c{at}.completed_percentage": at % 101 for at in range(3_000)} | learner(8)),
    "quoted keys": json.dumps({'"a\\': 1, "b\nc.completed_percentage": 2, '"\\.completed_percentage': 3} | learner(7)),
}


def cells_of(raw, **shape):
    return list(csv.reader(io.StringIO(raw.decode(), newline=""), strict=True, **shape))


def stays_in_its_cell(got, columns=7, **shape):
    """Assert that the file reads back as so many rows of the same width, and that lists hold no formula."""
    lines = cells_of(got.raw, **shape)
    assert {len(line) for line in lines} == {columns}
    assert len(lines) == got.records["emitted"] + 1
    for line in got.set_aside:
        assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in line.values() if cell)
    return lines[1:]

"""The transform agrees with a second reading of the rules for any JSON, and its numbers add up."""

import csv
import io
import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from include.codebashing_lms.streaming import json_splitter as splitter
from include.codebashing_lms.transform.decode import record_decoder
from tests.transform import oracle
from tests.transform.transform_run import READ_AT, run

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
ID = st.sampled_from(["1", "2", "3", "0042", " 7 ", 42, 42.0, None, "a@x.com", "-x", ""]) | ANY
EMAIL = st.sampled_from(["a@x.com", "A@X.com ", "b@x.com", None, "", "c\n@x.com", "é@x.com"]) | ANY
COUNT = st.integers(0, 12) | st.sampled_from(["3", "5.0", "2.5", "1e1", 4.0, 0, None, "", -1, True, 2.5, "x"]) | ANY
SLUG = st.sampled_from(["java", "python", "go", None, " "]) | ANY
SHARE = st.sampled_from([0, 0.0, 33.335, 1.005, 99.995, 100, 100.0, 120, -1, "50", "x", None, 0.001, True]) | ANY
DATES = [
    None, "", "2026-10-01", "2026-10-01Z", " 20261002 ", "2026-10-01T02:00:00.000", "2026-10-01T23:30:00Z",
    "2026-10-01T23:30:00-05:00", "2026-11-23", "2026-11-24", "2026-11-22T23:00:00", "2026-11-23T05:00:01",
    "2017-10-15", "2011-12-30", "2000-01-01", "2000-01-01T03:00:00Z", "1999-12-31", "1970-01-01T00:00:00Z",
    "1900-01-01", "1899-12-30T00:00:00Z", "0001-01-01T00:00:00", "0001-01-01T00:00:00+05:00", "9999-12-31",
    "9999-12-31T23:59:59-05:00", "2262-04-12", "1710120112345", "1772359200000", 1772359200000, 0, "never",
    "2021-02-30", "2026-10-01T24:00:00", True, ["2026-10-01"],
]  # fmt: skip
ZONES = ["UTC", "America/New_York", "Asia/Tokyo", "Pacific/Kiritimati", "America/Sao_Paulo", "Pacific/Apia"]
DATE = st.sampled_from(DATES)
KEYS = {
    "employee_id": ID,
    "email": EMAIL,
    "primary_course_completed_lessons_count": COUNT,
    "primary_course_lessons_count": COUNT,
    "primary_course_name": SLUG,
    "last_active_at": DATE,
    "java.completed_percentage": SHARE,
    "python.completed_percentage": SHARE,
    "go.completed_percentage": SHARE,
    "java.completed_date": DATE | ANY,
    "python.completed_date": DATE,
    "noise": ANY,
}
RECORD = st.fixed_dictionaries({}, optional=KEYS)
FULL = {key: None for key in KEYS}  # the shape guard is tested elsewhere
ITEMS = st.lists(RECORD | ANY, max_size=12)
MAPS = st.sampled_from(
    [{}, {"java": {"id": "J"}, "python": "ignore"}, {"java": {"id": "C"}, "python": {"id": "C"}, "go": {"id": "G"}}]
)
DONE_ON = {"label": "completed", "source": "completed_at", "date_format": "%Y-%m-%dT%H:%M:%S"}
COLUMNS = ["employee_id", "course_id", "percent_complete", "status", DONE_ON]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(splitter, "BATCH", 300)
    monkeypatch.setattr(record_decoder, "PRIMARY_BATCH", 3)
    monkeypatch.setattr(record_decoder, "COURSES_BATCH", 2)


@settings(max_examples=200, deadline=None)
@given(
    ITEMS,
    st.sampled_from(["primary", "all", ["java", "go"]]),
    MAPS,
    st.booleans(),
    st.booleans(),
    st.sampled_from(ZONES),
)
@example([{"employee_id": "1", "email": "a@x.com"}, {"employee_id": "1"}], "all", {}, False, True, "UTC")
@example([None, {"employee_id": "1", "java.completed_percentage": True}], "all", {}, False, False, "UTC")
def test_rows_and_dispositions_agree(items, courses, course_map, use_email, best, zone):
    folder = Path(tempfile.mkdtemp())
    try:
        text = json.dumps([*items, FULL])
        known = json.loads(text)
        got = (
            run(
                text,
                folder,
                courses=courses,
                identity={
                    "on_missing": "use_email" if use_email else "set_aside",
                    "on_conflict": "best" if best else "set_aside",
                },
                lms={"course_map": course_map, "options": {"columns": COLUMNS}, "timezone": zone},
                source={"conn_id": "c", "records_path": None},
            )
            if courses != "all" or any_course(known)
            else None
        )
        if got:
            compare(
                got,
                *oracle.expected(known, courses, course_map, use_email, best, ZoneInfo(zone), READ_AT),
                in_order=courses == "primary",
            )
    finally:
        shutil.rmtree(folder)


def any_course(items):
    return any(key.endswith(".completed_percentage") for item in items if isinstance(item, dict) for key in item)


def compare(got, rows, dispositions, warnings, in_order):
    numbers = got.records
    assert numbers["read"] == numbers["emitted"] + numbers["merged"] + sum(
        sum(numbers[group].values()) for group in ("withheld", "set_aside")
    )
    expected = Counter({name.removeprefix("withheld:"): 0 for name in dispositions})
    for name, times in dispositions.items():
        expected[name.removeprefix("withheld:")] += times
    found = Counter(numbers["withheld"]) + Counter(numbers["set_aside"]) + Counter(duplicate=numbers["merged"])
    assert +found == +expected
    assert sum(got.manifest["status"].values()) == numbers["emitted"] == len(rows)
    of_dates = {name: times for name, times in got.manifest["warnings"].items() if "completed_date" in name}
    assert of_dates == warnings
    lines = list(csv.reader(io.StringIO(got.raw.decode(), newline="")))[1:]
    expected_lines = [[r["id"], r["course"], f"{r['percent']:f}", r["status"], r["completed"]] for r in rows]
    arranged = list if in_order else sorted  # a learner's courses come in the order that most records have
    assert arranged([a, b, float(c), *rest] for a, b, c, *rest in lines) == arranged(
        [a, b, float(c), *rest] for a, b, c, *rest in expected_lines
    )

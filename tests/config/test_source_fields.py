"""A request to the API asks only for fields that are read."""

import pytest

from include.codebashing_lms.config.source_fields import SHIPPED_COURSES, fields_to_ask
from tests.extract.source import connector

ALWAYS = ["employee_id", "email", "last_active_at"]
COUNTS = ["primary_course_name", "primary_course_completed_lessons_count", "primary_course_lessons_count"]


def connector_with(courses="primary", course_map=None, **source):
    lms = {"course_map": course_map or {}}
    return connector({"courses": courses, "lms": lms}, **source)


def test_primary_courses():
    dates = [f"{course}.completed_date" for course in SHIPPED_COURSES]
    assert fields_to_ask(connector_with(), []) == [*ALWAYS, *COUNTS, *dates]


def test_primary_with_mapped_and_seen_courses():
    fields = fields_to_ask(connector_with(course_map={"java": {"id": "J"}, "rust": "ignore"}), ["zig", "java", "ada"])
    assert fields[-3:] == ["rust.completed_date", "ada.completed_date", "zig.completed_date"]
    assert len(fields) == len(set(fields)) == 6 + len(SHIPPED_COURSES) + 3


def test_list_of_courses():
    assert fields_to_ask(connector_with(courses=["java", "rust"]), ["zig"]) == [
        *ALWAYS,
        "java.completed_percentage",
        "java.completed_date",
        "rust.completed_percentage",
        "rust.completed_date",
    ]


def test_a_course_map_in_a_file_is_not_read():
    assert len(fields_to_ask(connector_with(course_map="map.csv"), [])) == 6 + len(SHIPPED_COURSES)


def test_other_names_of_keys():
    keys = {"email": "mail", "created_at": "born", "course_completed_date": "done_{course}", "lessons_total": "n"}
    fields = fields_to_ask(connector_with(employee_id_field="staff_no", keys=keys), [])
    assert fields[:4] == ["staff_no", "mail", "last_active_at", "born"]
    assert fields[-1] == f"done_{SHIPPED_COURSES[-1]}"
    assert "n" in fields


@pytest.mark.parametrize(
    ("courses", "source"), [("all", {}), ("primary", {"fields": "all"}), (["java"], {"fields": "all"})]
)
def test_all_fields(courses, source):
    assert fields_to_ask(connector_with(courses=courses, **source), ["java"]) is None

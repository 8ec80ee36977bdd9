import pytest

from include.codebashing_lms.load.source_check import describe_source
from tests.fakes import manifests

SEEN = {"keys": ["email", "employee_id"], "courses": ["java"], "learners_without_id": 2}


def manifest(**changes):
    return manifests.manifest(**{"learners": 8, "records": {"emitted": 5}, "seen": SEEN, **changes})


def test_all_is_well():
    assert describe_source(manifest()) == (
        "Codebashing: 8 learners were read, 6 of them (75.0 %) with an employee ID; 5 records could be sent. "
        "Keys seen: email, employee_id. Courses seen: java. No guard would stop a run."
    )


def test_nobody_is_there():
    seen = {"keys": [], "courses": [], "learners_without_id": 0}
    text = describe_source(manifest(learners=0, seen=seen, guards={"crossed": {"min_learners": "only 0 were read"}}))
    assert "0 learners were read, 0 of them with an employee ID" in text
    assert "Keys seen: none. Courses seen: none. Guards that would stop a run: min_learners: only 0" in text


@pytest.mark.parametrize(("count", "end"), [(60, "c59."), (61, "c59, and 1 more.")])
def test_many_names_are_cut(count, end):
    courses = [f"c{number}" for number in range(count)]
    seen = {"keys": ["x" * 999], "courses": courses, "learners_without_id": 0}
    text = describe_source(manifest(seen=seen))
    assert f"{end} No guard" in text
    assert "x" * 61 not in text


def test_an_address_that_is_taken_for_a_course_is_not_named():
    seen = {"keys": ["email"], "courses": ["java", "ada@example.com"], "learners_without_id": 0}
    assert "Courses seen: java, and 1 more." in describe_source(manifest(learners=1, seen=seen))

"""Every profile writes its golden file from the same three learners, in any locale and time zone."""

import hashlib
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.config.profiles.rendering import learner, render, unpacked
from tests.fakes.other_locale import printed_abroad

GOLDEN = Path(__file__).parent / "golden"
TITLE = "Secure Coding, Codebashing"
COURSE = {"id": "CB-SECCODE", "title": TITLE}
LEARNERS = [
    learner("E1001", 8, 8, "2025-03-14T09:26:53Z"),
    learner("E1002", 8, 8, "2025-03-15T17:05:00Z"),
    learner("E1003", 5, 8),
]
# E1001's comment ends differently: another course of Codebashing that is the same course in the LMS.
ALL_MODULES = [learner("E1001", 8, 8, "2025-03-14T09:26:53Z", course="all_modules"), *LEARNERS[1:]]
HDL_COURSE = {**COURSE, "record": "SECCODE"}
CASES = {
    "xapi.json": {
        "profile": "xapi",
        "options": {
            "home_page": "https://hr.example.com",
            "activities": "https://lms.example.com/courses/",
            "namespace": "https://lms.example.com/codebashing",
        },
        "course_map": {"seccode": COURSE},
    },
    "LearningRecord.dat": {
        "profile": "oracle_hdl",
        "options": {
            "effective_start_date": "2025-03-01",
            "start_date": "2025-03-02",
            "file_name": "CBLearningRecord{as_of:%Y%m%d}.zip",
        },
        "course_map": {"seccode": HDL_COURSE, "all_modules": {**HDL_COURSE, "note": "|all modules"}},
    },
    "sap_sf_learning_history.txt": {
        "profile": "sap_sf_learning_history",
        "options": {
            "file_name": "learning_history_data_ACME.txt",
            "item_type": "COURSE",
            "completion_status": "COURSE-COMPL",
            "grade": True,
        },
        "course_map": {"seccode": {**COURSE, "revision_date": "2025-01-02"}},
    },
    "cornerstone_external_training.csv": {
        "profile": "cornerstone_external_training",
        "options": {"file_name": "external_training.csv", "date_format": "%m-%d-%Y %H:%M"},
        "course_map": {"seccode": COURSE},
    },
    "totara_course_completion.csv": {
        "profile": "totara_course_completion",
        "options": {},
        "course_map": {"seccode": COURSE},
    },
    "brightspace_grades.csv": {"profile": "brightspace_grades", "options": {}, "course_map": {"seccode": COURSE}},
    "iomad_completion.csv": {
        "profile": "iomad_completion",
        "options": {"date_format": "%Y-%m-%d", "start_dates": True},
        "course_map": {"seccode": COURSE},
    },
    "iomad_completion_safe_row.csv": {
        "profile": "iomad_completion",
        "options": {"course_key": "coursename"},
        "course_map": {"seccode": {"id": "seccode"}},
    },
    "moodle_grades_csv.csv": {"profile": "moodle_grades_csv", "options": {}, "course_map": {"seccode": COURSE}},
    "moodle_grades_ws.csv": {
        "profile": "moodle_grades_ws",
        "options": {},
        "course_map": {"seccode": {**COURSE, "activity_id": 42}},
    },
    "canvas_grades.csv": {
        "profile": "canvas_grades",
        "options": {},
        "course_map": {"seccode": {**COURSE, "assignment_id": "42"}},
    },
}
# Checksums that the documentation of the contracts gives; the other golden files are this project's own.
PUBLISHED = {
    "xapi.json": "5f88372ce2a5c488e34cfb5b8e6f0748828661bfa8470bdb3531719cb2dd4e7e",
    "LearningRecord.dat": "8c0d033386eba5ff14cb77da6a64c8ff142c4e7d8af4974a004c0215820f7b72",
    "sap_sf_learning_history.txt": "5ad51e057bfc5248c573c3ff7d90d443dda8d813108beec22bd25e32ae27ab25",
    "cornerstone_external_training.csv": "34fbeea7563255ad381fe8fe0f046377089225af1bac1539d8b7e62c1034439b",
    "totara_course_completion.csv": "6d8428dcccf21d8a6a5b7b8ee294d52568b4d67e4024734e2e5d65ae14dabfbb",
    "brightspace_grades.csv": "498877fc4aed5b331f1a6206f4ed4ed5d90dfc795813fa7ee532d1e950ec6728",
    "iomad_completion.csv": "0af1d8a8feb976ed8c1b837d6160223121a0a439b31947bc0cc76d30cef94ebb",
}


def rendered(name, folder):
    case = dict(CASES[name])
    learners = ALL_MODULES if name == "LearningRecord.dat" else LEARNERS
    sections = {"lms": case}
    if case["profile"] in ("totara_course_completion", "iomad_completion"):
        (folder / "keys.csv").write_text("employee_id,user_key\nE1001,e1001\nE1002,e1002\nE1003,e1003\n")
        sections["identity"] = {"crosswalk": "keys.csv"}
    if case["profile"] in ("moodle_grades_ws", "canvas_grades"):
        sections["delivery"] = {"method": "http", "endpoint": "/"}
    as_of = "2025-03-16T02:00:00Z" if name == "xapi.json" else "2025-03-17T06:00:00Z"
    return render(folder, learners, as_of=as_of, **sections)


@pytest.mark.parametrize("name", CASES)
def test_a_profile_writes_its_golden_file(name, tmp_path):
    assert rendered(name, tmp_path).content == (GOLDEN / name).read_bytes()


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_golden_files_are_the_published_ones(name):
    assert hashlib.sha256((GOLDEN / name).read_bytes()).hexdigest() == PUBLISHED[name]


def test_the_zip_holds_one_member_at_its_root(tmp_path):
    got = rendered("LearningRecord.dat", tmp_path)
    assert list(got.files) == ["CBLearningRecord20250317.zip"]
    with ZipFile(tmp_path / "out" / "CBLearningRecord20250317.zip") as packed:
        assert packed.namelist() == ["LearningRecord.dat"]


SCRIPT = """
import sys
from pathlib import Path
from tests.config.profiles.test_golden import CASES, rendered
import hashlib
for name in CASES:
    folder = Path(sys.argv[1]) / name
    folder.mkdir()
    for file, data in rendered(name, folder).files.items():
        print(file, hashlib.sha256(data).hexdigest())
"""


def test_no_locale_and_no_time_zone_changes_a_byte(tmp_path):
    here, abroad = printed_abroad(SCRIPT, tmp_path, "Pacific/Kiritimati", "tr_TR.UTF-8")
    assert here == abroad
    assert here.count(b"\n") == len(CASES)
    first = unpacked((tmp_path / "0" / "LearningRecord.dat" / "out" / "CBLearningRecord20250317.zip").read_bytes())
    assert first == (GOLDEN / "LearningRecord.dat").read_bytes()

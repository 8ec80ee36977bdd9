"""Too many rows, or several courses, make several files; their rows together are those of one file."""

import hashlib
import io
from zipfile import ZipFile

import pytest
import yaml
from msgspec.structs import asdict

from include.codebashing_lms.config.profiles.profile import find_profile
from tests.config.profiles.readers import READERS
from tests.config.profiles.rendering import learner, render, required_options
from tests.load import staged_run as runs

STAFF = [learner(f"E{number}", 4, 4, "2025-03-14T09:26:53Z") for number in range(7)]
HDL = {"profile": "oracle_hdl", "course_map": {"seccode": {"id": "CB"}}}
MOODLE = {"profile": "moodle_grades_csv", "course_map": {"a": {"id": "A/1"}, "b": {"id": "A?1"}, "c": {"id": "C"}}}


def test_rows_continue_in_the_next_file(tmp_path):
    whole = render(tmp_path, STAFF, lms=HDL | {"options": required_options("oracle_hdl")})
    split = render(tmp_path, STAFF, lms=HDL | {"options": required_options("oracle_hdl") | {"rows_per_file": 3}})
    assert [part["rows"] for part in split.manifest["parts"]] == [3, 3, 1]
    assert list(split.files) == [
        "CodebashingLearningRecord20250317060000.zip",
        "CodebashingLearningRecord20250317060000part2.zip",
        "CodebashingLearningRecord20250317060000part3.zip",
    ]
    members = [ZipFile(io.BytesIO(data)).read("LearningRecord.dat") for data in split.files.values()]
    header = whole.content.split(b"\n")[0] + b"\n"
    assert all(member.startswith(header) for member in members)
    assert header + b"".join(member.removeprefix(header) for member in members) == whole.content


def test_the_manifest_knows_every_part(tmp_path):
    got = render(tmp_path, STAFF, lms=HDL | {"options": required_options("oracle_hdl") | {"rows_per_file": 3}})
    for part in got.manifest["parts"]:
        data = got.files[part["file"]]
        assert (part["bytes"], part["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    first = got.manifest["parts"][0]
    assert {name: got.manifest[name] for name in ("file", "bytes", "sha256")} == {
        name: first[name] for name in ("file", "bytes", "sha256")
    }


def test_each_course_has_a_file_with_a_name_of_its_own(tmp_path):
    staff = [learner(f"E{number}", 1, 2, course="abc"[number % 3]) for number in range(6)]
    got = render(tmp_path, staff, lms=MOODLE)
    assert {name: data.decode().split("\n")[1:-1] for name, data in got.files.items()} == {
        "codebashing_A_1_20250317T060000.csv": ["E0,50", "E3,50"],
        "codebashing_A_1_20250317T060000_part2.csv": ["E1,50", "E4,50"],
        "codebashing_C_20250317T060000.csv": ["E2,50", "E5,50"],
    }


def test_without_rows_there_is_one_empty_file(tmp_path):
    got = render(tmp_path, [], lms=MOODLE)
    assert [part["rows"] for part in got.manifest["parts"]] == [0]


@pytest.fixture
def custom(tmp_path):
    """Return a function that writes a customer's own profile in the folder of the connector file."""

    def _write(**keys):
        profile = {
            "id": "own",
            "title": "Our own LMS",
            "evidence": "our own template",
            "emits": "snapshot",
            "user_key": "employee_id",
            "unattended": True,
            "methods": ["folder"],
            "file_name": "own.csv",
            "columns": [{"label": "who", "source": "user_key"}, {"label": "%", "source": "percent_complete"}],
        }
        (tmp_path / "profiles").mkdir(exist_ok=True)
        (tmp_path / "profiles" / "own.yaml").write_text(yaml.safe_dump(profile | keys))

    return _write


@pytest.mark.parametrize(("limit", "rows"), [(1, 1), (16, 1), (28, 2), (29, 2), (10_000, 7)])
def test_a_file_has_at_most_so_many_bytes(limit, rows, custom, tmp_path):
    custom(limits={"bytes": limit})
    got = render(tmp_path, STAFF, lms={"profile": "own"})
    assert got.manifest["parts"][0]["rows"] == rows
    assert sum(part["rows"] for part in got.manifest["parts"]) == len(STAFF)
    assert all(part["bytes"] <= limit or part["rows"] == 1 for part in got.manifest["parts"])


def test_statements_are_an_array_in_every_part(custom, tmp_path):
    shipped = find_profile("xapi")
    keys = {key: value for key, value in shipped.contract.items() if key not in ("sender", "methods", "limits")}
    settings = {name: asdict(one) for name, one in shipped.settings.items()}
    custom(**keys | {"settings": settings, "limits": {"rows": 3}})
    got = render(tmp_path, STAFF, lms={"profile": "own", "options": required_options("xapi")})
    assert [part["rows"] for part in got.manifest["parts"]] == [3, 3, 1]
    for name, data in got.files.items():
        one = type(got)(got.manifest, {name: data}, [])
        assert list(READERS["xapi"](one))


def test_load_removes_files_that_it_does_not_send(tmp_path):
    lms = {"profile": "moodle_grades_csv", "course_map": {"java": {"id": "J"}, "python": {"id": "P"}}}
    guards = {"min_learners": None, "max_drop_percent": None, "max_fall_percent": None}
    sections = {"lms": lms, "guards": guards}
    transport = {"method": "folder", "directory": str(tmp_path / "drop"), "send": "changes"}
    (tmp_path / "drop").mkdir()
    staff = [runs.learner("1", "java", 1, 4), runs.learner("2", "python", 1, 4)]
    first = runs.stage(tmp_path / "staging", staff, day=20, run_id="run20", **sections)
    assert first.load(transport, None, **sections)["outcome"] == "delivered"
    assert len(list((tmp_path / "drop").iterdir())) == 2
    changed = [staff[0], runs.learner("2", "python", 2, 4)]
    second = runs.stage(tmp_path / "staging", changed, day=21, run_id="run21", **sections)
    assert second.load(transport, None, **sections)["rows"] == 1
    assert [path.name for path in second.folder.glob("*.csv") if path.name.startswith("codebashing")] == [
        "codebashing_P_20261121T051502.csv"
    ]
    assert len(list((tmp_path / "drop").iterdir())) == 3

"""Whatever the source says, nothing crashes, leaves its cell or its folder, or is dropped unseen."""

import json
from collections import Counter

import pyarrow.parquet as pq
import pytest

from demo.lms import Lms
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.journal import open_ledger
from include.codebashing_lms.staging.layout import run_folder
from tests.delivery.connections import lms_connection
from tests.end_to_end.hostile_content import FINE, FORMULAS, HOSTILE, PATHS, STRANGE, learner, stays_in_its_cell
from tests.fakes.loopback import answer, serving
from tests.load.staged_run import NAME, StagedRun, stage
from tests.transform.transform_run import READ_AT, connector, run

ANYTHING = {"pattern": r"(?s)^.+$"}
IMPORT = {"method": "http", "conn_id": "lms_http", "endpoint": "/import"}
IN_EVERY_PLACE = {
    "employee_id": lambda text, number: learner(number, employee_id=text),
    "email": lambda text, number: learner(number, email=text),
    "course": lambda text, number: learner(number, primary_course_name=text, **{f"{text}.completed_percentage": 25}),
    "key": lambda text, number: learner(number, **{text: text}),
    "count": lambda text, number: learner(number, primary_course_lessons_count=text),
    "percentage": lambda text, number: learner(number, **{"java.completed_percentage": text}),
    "date": lambda text, number: learner(number, last_active_at=text, **{"java.completed_date": text}),
}
COLUMNS = ["employee_id", "email", "course_id", "course_title", "percent_complete", "status", "completed_at"]


def adds_up(got, read):
    numbers = got.records
    out = sum(numbers["withheld"].values()) + sum(numbers["set_aside"].values()) + numbers["merged"]
    assert (numbers["read"], numbers["emitted"] + out) == (read, read)
    listed = Counter()
    for line in got.set_aside:
        listed[line["reason"]] += int(line["records"])
    unmapped = numbers["set_aside"].get("unmapped_course", 0)
    assert listed.total() == sum(numbers["set_aside"].values()) or unmapped
    left_out = Counter(pq.read_table(got.out / "left_out.parquet")["place"].to_pylist())
    withheld = sum(numbers["withheld"].values())
    assert left_out == +Counter(withheld=withheld, merged=numbers["merged"], set_aside=unmapped)


def nothing_else(folder, got):
    """Assert that a transform left its own files in its own folder and nothing anywhere else."""
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    own = {"manifest.json", "set_aside.csv", "left_out.parquet", got.manifest["file"]}
    assert names == {"snapshot.json", *(f"out/{name}" for name in own)}


@pytest.mark.parametrize("courses", ["primary", "all", ["java", *PATHS, *FORMULAS]], ids=["primary", "all", "list"])
@pytest.mark.parametrize("identity", [{}, ANYTHING], ids=["default", "anything"])
@pytest.mark.parametrize("place", IN_EVERY_PLACE)
def test_hostile_text(place, identity, courses, tmp_path):
    records = [IN_EVERY_PLACE[place](text, number) for number, text in enumerate(HOSTILE)]
    options = {"lms": {"options": {"columns": COLUMNS}}}
    got = run(records, tmp_path, identity=identity, courses=courses, **options)
    if courses == "primary":
        adds_up(got, len(records))
    else:
        adds_up(got, got.records["read"])
    rows = stays_in_its_cell(got)
    nothing_else(tmp_path, got)
    if place == "employee_id":
        expected = (
            {text.strip() for text in HOSTILE} if identity else {"NULL", "NaN", "null", "undefined", "1e400", "0042"}
        )
        assert expected - {row[0] for row in rows} <= {""} | ({"x" * 100_000} if not identity else set())


@pytest.mark.parametrize("courses", ["primary", "all"])
def test_hostile_courses_that_nobody_mapped(courses, tmp_path):
    records = [IN_EVERY_PLACE["course"](text, number) for number, text in enumerate(HOSTILE)]
    lms = {"options": {"columns": COLUMNS}, "course_map": {"java": {"id": "=J"}}}
    got = run([learner(999), *records], tmp_path, courses=courses, lms=lms)
    adds_up(got, got.records["read"])
    assert {row[2] for row in stays_in_its_cell(got)} == {"=J"}
    cells = {line["course"] for line in got.set_aside}
    listed = cells | {cell.removeprefix("'") for cell in cells}
    assert {text for text in HOSTILE if text.strip()} <= listed


@pytest.mark.parametrize(
    "shape",
    [
        {"delimiter": ";", "quoting": "all"},
        {"delimiter": "\t", "line_ending": "\n"},
        {"delimiter": "|", "line_ending": "\r"},
    ],
)
def test_other_shapes_of_the_file(shape, tmp_path):
    records = [learner(number, employee_id=text, email=None) for number, text in enumerate(HOSTILE)]
    options = {"lms": {"options": {"columns": COLUMNS, **shape}}}
    got = run(records, tmp_path, identity=ANYTHING, **options)
    adds_up(got, len(records))
    stays_in_its_cell(got, delimiter=shape["delimiter"])


def test_hostile_text_arrives_at_the_lms_as_it_is(tmp_path):
    records = [learner(number, employee_id=text) for number, text in enumerate(HOSTILE)]
    root = tmp_path / "staging"
    staged: StagedRun = stage(root, records, identity=ANYTHING)
    with Lms() as lms:
        outcome = staged.load(IMPORT, lms_connection(lms), identity=ANYTHING)
        again = stage(root, records, run_id="next", day=24, identity=ANYTHING)
        unchanged = again.load(IMPORT, lms_connection(lms), identity=ANYTHING, send="changes")
    known = {text.strip() for text in HOSTILE} - {""}
    assert {employee_id for employee_id, _ in lms.rows} == known
    assert (outcome["rows"], unchanged["outcome"]) == (len(known), "nothing_to_send")
    [destination_ledger] = ledgers(root / "acme")
    assert set(open_ledger(destination_ledger).table["employee_id"].to_pylist()) == known
    assert {path.name for path in tmp_path.iterdir()} == {"staging"}
    assert {path.name for path in (root / "acme").iterdir()} <= {"runs", "ledger", "in_flight", "courses_seen.json"}
    assert staged.file.name == NAME


@pytest.mark.parametrize("courses", ["primary", "all", ["java", "c7"]], ids=["primary", "all", "list"])
@pytest.mark.parametrize("name", STRANGE)
def test_strange_record_among_others(name, courses, tmp_path):
    """It is judged alone: its neighbours are emitted as ever."""
    text = f"[{FINE},{STRANGE[name]},{json.dumps(learner(1))}]"
    got = run(text, tmp_path, courses=courses)
    adds_up(got, got.records["read"] if courses != "primary" else 3)
    rows = stays_in_its_cell(got, columns=5)
    assert {"E0", "E1"} <= {row[0] for row in rows}
    nothing_else(tmp_path, got)


@pytest.mark.parametrize("courses", ["primary", "all"])
def test_strange_records_together(courses, tmp_path):
    text = f"[{','.join([FINE, *STRANGE.values()])}]"
    got = run(text, tmp_path, courses=courses)
    adds_up(got, got.records["read"] if courses == "all" else len(STRANGE) + 1)
    stays_in_its_cell(got, columns=5)


@pytest.mark.parametrize("name", STRANGE)
def test_strange_record_is_read_from_the_source(name, fetch):
    body = f"[{FINE},{STRANGE[name]}]".encode("utf-8", "surrogatepass")
    with serving(answer(body)) as server:
        assert fetch(server.base_url).records == 2


@pytest.mark.parametrize("courses", ["primary", "all"])
def test_ten_thousand_keys_of_every_learner(courses, tmp_path):
    many = {f"key{at}": at for at in range(10_000)}
    got = run([many | learner(number) for number in range(20)], tmp_path, courses=courses)
    assert got.records["emitted"] == 20
    adds_up(got, 20)


@pytest.mark.parametrize("run_id", [*PATHS, "a\0b", "\n", "x" * 5000, "\u202e", ""])
def test_a_run_id_never_becomes_a_path(run_id, tmp_path):
    folder = run_folder(tmp_path, "acme", READ_AT, run_id, 0)
    assert folder.resolve().parent.parent == (tmp_path / "acme" / "runs").resolve()
    assert len(folder.name) < 200
    folder.mkdir(parents=True)


NAMES = [
    {"lms": {"options": {"file_name": "../x.csv"}}},
    {"lms": {"options": {"file_name": "a/b.csv"}}},
    {"lms": {"options": {"file_name": ".."}}},
    {"delivery": {"method": "folder", "directory": "/drop", "done_file": "../ready"}},
    {"delivery": {"method": "sftp", "directory": "/drop", "done_file": "{file}/../ready"}},
    {"delivery": {"method": "sftp", "directory": "/drop", "temp_suffix": "/../x"}},
    {"name": "../acme"},
]


@pytest.mark.parametrize("sections", NAMES)
def test_a_name_in_the_connector_file_is_no_path(sections):
    with pytest.raises(ValueError, match="name|done_file|temp_suffix"):
        connector(**sections)


def test_a_number_of_any_length_is_judged_the_same_in_any_company(tmp_path):
    huge = f'{{"employee_id": "1", "java.completed_percentage": {"9" * 400}}}'
    strange = '{"employee_id": "2", "java.completed_percentage": NaN}'
    alone = run(f"[{huge},{json.dumps(learner(1))}]", tmp_path, courses="all")
    in_company = run(f"[{huge},{strange},{json.dumps(learner(1))}]", tmp_path, courses="all")
    assert alone.rows == in_company.rows
    assert alone.manifest["warnings"]["percentage_over_100"] == 1
    assert in_company.manifest["warnings"]["percentage_over_100"] == 1


def test_dates_of_every_kind_in_one_column(tmp_path):
    dates = ['"\\ud800"', "5", '"2026-11-01T00:00:00"', "null", "[]"]
    records = [
        f'{{"employee_id": "{at}", "last_active_at": {date}, "java.completed_percentage": 100, '
        f'"java.completed_date": {date}}}'
        for at, date in enumerate(dates)
    ]
    fine = json.dumps(learner(9, last_active_at=None, **{"java.completed_date": None}))
    for courses in ("primary", "all"):
        got = run(f"[{','.join([fine, *records])}]", tmp_path, courses=courses)
        assert got.manifest["warnings"]["invalid_last_active_at"] == 3


def test_a_course_whose_name_nobody_can_write_is_listed(tmp_path):
    record = '{"employee_id": "1", "\\ud800.completed_percentage": 50, "java.completed_percentage": 75}'
    got = run(f"[{FINE},{record}]", tmp_path, courses="all")
    assert (got.records["read"], got.records["set_aside"]) == (3, {"unmapped_course": 1})
    assert [row["percent_complete"] for row in got.rows] == ["25", "75"]
    [line] = got.set_aside
    assert (line["reason"], line["records"]) == ("unmapped_course", "1")

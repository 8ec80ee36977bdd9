"""Letters that the encoding of the LMS file lacks, on their way through load and the ledger."""

import csv

import pytest

from include.codebashing_lms.errors import ConnectorError
from tests.load.staged_run import learner, stage

COLUMNS = [
    "employee_id",
    "email",
    "percent_complete",
    {"label": "on", "source": "completed_at", "date_format": "%-d %b %Y"},
]
CP1252 = {"lms": {"options": {"columns": COLUMNS, "encoding": "cp1252"}}, "guards": {"max_set_aside_percent": None}}
UTF_8 = {**CP1252, "lms": {"options": {"columns": COLUMNS}}}


def day(root, number, *learners, **sections):
    return stage(root, list(learners), day=number, run_id=f"scheduled__{number}", **(CP1252 | sections))


@pytest.mark.parametrize("send", ["changes", "full"])
def test_the_record_is_set_aside_day_after_day_and_the_others_arrive(tmp_path, drop, send):
    delivery = {"method": "folder", "directory": str(drop), "send": send}
    zoe, polish = {"email": "zoë@example.com"}, {"email": "łucja@example.com"}
    first = day(tmp_path, 21, learner("1", "java", 1, 4, **zoe), learner("2", "java", 1, 4, **polish))
    assert first.load(delivery, **CP1252)["rows"] == 1
    done = "2026-11-21T08:00:00Z"
    second = day(tmp_path, 22, learner("1", "java", 4, 4, done, **zoe), learner("2", "java", 4, 4, done, **polish))
    assert second.load(delivery, **CP1252)["rows"] == 1
    files = sorted(drop.iterdir())
    assert [file.read_bytes().splitlines()[1:] for file in files] == [
        ["1,zoë@example.com,25,".encode("cp1252")],
        ["1,zoë@example.com,100,21 Nov 2026".encode("cp1252")],
    ]
    with (second.folder / "set_aside.csv").open(encoding="utf-8", newline="") as file:
        [line] = csv.DictReader(file)
    assert (line["reason"], line["employee_id"]) == ("invalid_value", "2")
    assert line["detail"].startswith("email: ")
    corrected = day(tmp_path, 23, learner("1", "java", 4, 4, done, **zoe), learner("2", "java", 4, 4, done))
    assert corrected.load({**delivery, "send": "changes"}, **CP1252)["rows"] == 1


def test_a_connector_file_that_changes_between_transform_and_load_stops_with_what_to_do(tmp_path, drop):
    delivery = {"method": "folder", "directory": str(drop)}
    staged = day(tmp_path, 21, learner("2", "java", 1, 4, email="łucja@example.com"), **UTF_8)
    with pytest.raises(ConnectorError, match=r"cp1252 cannot write .*U\+0142.* clear transform"):
        staged.load(delivery, **CP1252)
    assert not list(drop.iterdir())

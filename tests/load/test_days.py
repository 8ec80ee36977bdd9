"""A day stays that day through rows.parquet, the ledger and a baseline, whatever lms.timezone says."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.codebashing_lms.admin import actions
from include.codebashing_lms.admin.form import AdminForm
from include.codebashing_lms.admin.request import AdminRequest
from include.codebashing_lms.errors import ConnectorError
from include.codebashing_lms.ledger.destinations import destination_folder
from include.codebashing_lms.ledger.journal import open_ledger
from include.codebashing_lms.ledger.maintenance import rebuild
from include.codebashing_lms.ledger.schema import LEDGER, SENT, align_to_schema
from include.codebashing_lms.reporting.report.completions import completions_of
from include.codebashing_lms.reporting.views.learner_journal import journal_events
from include.codebashing_lms.reporting.views.learner_records import LearnerQuery
from tests.admin.test_actions import NOW
from tests.ledger import journal_entries as journal
from tests.load.staged_run import connector, learner, stage

ZONES = ["UTC", "America/New_York", "Asia/Tokyo", "Pacific/Kiritimati", "America/Sao_Paulo"]
DONE_ON = {"label": "on", "source": "completed_at", "date_format": "%Y-%m-%d %H:%M"}
ACTIVE = {"label": "active", "source": "last_active_at", "date_format": "%Y-%m-%d %H:%M"}
COLUMNS = ["employee_id", DONE_ON, ACTIVE, "percent_complete"]
CLOCK = {  # 20:30 UTC of the day
    "UTC": "2026-11-18 20:30",
    "America/New_York": "2026-11-18 15:30",
    "Asia/Tokyo": "2026-11-19 05:30",
    "Pacific/Kiritimati": "2026-11-19 10:30",
    "America/Sao_Paulo": "2026-11-18 17:30",
}
OFF = {"min_learners": None, "max_drop_percent": None, "max_fall_percent": None}
DAY, INSTANT = "2026-11-18", "2026-11-18T20:30:00Z"


class Lms:
    """An LMS that is a folder."""

    def __init__(self, root, drop, **options):
        self.root, self.drop, self.options = root, drop, {"columns": COLUMNS, **options}

    def sections(self, zone):
        return {"lms": {"options": self.options, "timezone": zone}, "guards": OFF}

    def delivery(self, send):
        return {"method": "folder", "directory": str(self.drop), "send": send}

    def run(self, day, zone, *learners, send="changes"):
        """Return the rows of the file that a run sends, and the run."""
        staged = stage(self.root, list(learners), day=day, run_id=f"run{day}", **self.sections(zone))
        outcome = staged.load(self.delivery(send), **self.sections(zone))
        if outcome["outcome"] == "nothing_to_send":
            return [], staged
        lines = (self.drop / outcome["file"]).read_text().splitlines()[1:]
        return [line.split(",") for line in lines], staged

    @property
    def ledger(self):
        return destination_folder(self.root / "acme", connector(self.delivery("changes")))[0]

    def rows(self):
        return {row["employee_id"]: row for row in open_ledger(self.ledger).table.to_pylist()}


@pytest.fixture
def lms(tmp_path, drop):
    return Lms(tmp_path / "staging", drop)


def person(employee_id, on, active=DAY, done=4):
    return learner(employee_id, "java", done, 4, on, last_active_at=active)


@pytest.mark.parametrize("zone", ZONES)
def test_days_and_instants_come_back_from_the_ledger_as_they_are(lms, zone):
    people = [person("1", DAY), person("2", INSTANT, INSTANT)]
    sent = [["1", "2026-11-18 00:00", "2026-11-18 00:00", "100"], ["2", CLOCK[zone], CLOCK[zone], "100"]]
    assert lms.run(20, zone, *people)[0] == sent
    assert {key: row["completed_is_day"] for key, row in lms.rows().items()} == {"1": True, "2": False}
    assert lms.run(21, zone, *people)[0] == []
    fallen = [person("1", None, done=3), person("2", None, INSTANT, done=3)]
    rebuild(lms.ledger)
    assert lms.run(22, zone, *fallen, send="full")[0] == sent  # the dates are those of the ledger


@pytest.mark.parametrize("zone", ZONES)
def test_another_time_zone_changes_no_day(lms, zone):
    people = [person("1", DAY), person("2", INSTANT, INSTANT)]
    lms.run(20, "Asia/Tokyo", *people)
    assert lms.run(21, zone, *people)[0] == []
    full = lms.run(22, zone, *people, send="full")[0]
    assert [row[1] for row in full] == ["2026-11-18 00:00", CLOCK[zone]]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("first", "then"), [(DAY, INSTANT), (INSTANT, DAY)])
def test_a_day_that_becomes_an_instant_of_that_day_is_no_new_date(lms, zone, first, then):
    before, _ = lms.run(20, zone, person("1", first))
    rows, run = lms.run(21, zone, person("1", then))
    assert (rows, run.manifest["warnings"]) == ([], {})
    rows, run = lms.run(22, zone, person("1", then), send="full")
    assert rows == before
    for number, later in ((23, "2026-11-20"), (24, "2026-11-20T12:00:00Z")):
        rows, run = lms.run(number, zone, person("1", later))
        assert (rows, run.manifest["warnings"]) == ([], {"completed_again": 1})


def test_a_day_is_listed_as_that_day_for_people(lms):
    _, run = lms.run(20, "America/New_York", person("1", DAY))
    [(*_, on)] = completions_of(run.folder).people
    assert on == DAY
    query = LearnerQuery(frozenset({"1@example.com"}), frozenset({"1"}))
    [event] = journal_events(lms.root / "acme", query)
    assert "on 18 Nov 2026" in event.text


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_of_since_is_sent_and_the_day_before_is_known(tmp_path, drop, zone):
    lms = Lms(tmp_path / "staging", drop, emits="completion")
    admin(lms, tmp_path, zone, answer="since", since=DAY)
    rows, _ = lms.run(20, zone, person("1", DAY), person("2", "2026-11-17"))
    assert [row[0] for row in rows] == ["1"]


def admin(lms, folder, zone, action="first_delivery", **answers):
    acme = connector(lms.delivery("changes"), **lms.sections(zone))
    form = AdminForm(action, f"manual__{len(answers)}", triggered_by="ada", reason="a test", **answers)
    return actions.run_action(AdminRequest(acme, "c0ffee", lms.root / "acme", form, folder.joinpath, NOW))


@pytest.mark.parametrize("zone", ZONES)
def test_days_of_a_baseline_are_days_and_its_instants_instants(tmp_path, drop, zone):
    lms = Lms(tmp_path / "staging", drop, emits="completion")
    (tmp_path / "list.csv").write_text(
        f"employee_id,course,completed_at\n1,java,{DAY}\n2,java,{INSTANT}\n"
        f"3,java,{DAY}\n3,java,2026-11-18T23:59:00Z\n4,java,2026-11-16T12:00:00Z\n4,java,{DAY}\n"
    )
    admin(lms, tmp_path, zone, answer="baseline", file="list.csv")
    known = {key: row["completed_is_day"] for key, row in lms.rows().items()}
    assert known == {"1": True, "2": False, "3": True, "4": False}
    people = [person(one, "2026-11-19T12:00:00Z") for one in ("1", "2")]
    rows, _ = lms.run(20, zone, *people, send="full")
    assert [row[1] for row in rows] == ["2026-11-18 00:00", CLOCK[zone]]


@pytest.mark.parametrize("on", ["1970-01-01", "0001-01-01", "1710120112345", "9999-12-31T23:59:59-12:00"])
def test_a_baseline_with_a_date_that_cannot_be_is_refused_by_its_line(tmp_path, drop, on):
    lms = Lms(tmp_path / "staging", drop, emits="completion")
    (tmp_path / "list.csv").write_text(f"employee_id,course,completed_at\n1,java,{DAY}\n2,java,{on}\n")
    with pytest.raises(ConnectorError, match="line 3: .*from 2000 on"):
        admin(lms, tmp_path, "America/New_York", answer="baseline", file="list.csv")


@pytest.mark.parametrize("zone", ZONES)
def test_rows_of_a_day_are_resent_by_that_day(lms, tmp_path, zone):
    people = [person("1", DAY), person("2", "2026-11-17"), person("3", "2026-11-19")]
    lms.run(20, zone, *people)
    assert admin(lms, tmp_path, zone, "resend", since=DAY, until=DAY)["rows"] == 1
    assert [row[:2] for row in lms.run(21, zone, *people)[0]] == [["1", "2026-11-18 00:00"]]


def test_until_the_end_of_the_calendar_is_refused_in_words(lms, tmp_path):
    lms.run(20, "UTC", person("1", DAY))
    with pytest.raises(ConnectorError, match="Until must be a date"):
        admin(lms, tmp_path, "UTC", "resend", until="9999-12-31")


def test_a_refused_row_goes_again_when_a_day_becomes_an_instant():
    from include.codebashing_lms.load.repeat_refusals import CONCERNED, fingerprints

    row = dict.fromkeys(CONCERNED, "x") | {"completed_at": np.datetime64(DAY, "us"), "completed_is_day": True}
    day, instant = pd.DataFrame([row]), pd.DataFrame([row | {"completed_is_day": False}])
    assert fingerprints(day) != fingerprints(instant)


def test_a_ledger_without_the_column_holds_instants(lms, tmp_path):
    old = pa.schema([field for field in SENT if field.name != "completed_is_day"])
    rows = pa.Table.from_pylist([journal.row("1", percent=100)], schema=old)
    assert align_to_schema(rows, LEDGER)["completed_is_day"].to_pylist() == [None]
    ledger = open_ledger(tmp_path / "ledger")
    mask = np.zeros(0, dtype=np.bool_)
    journal.append(tmp_path / "ledger", ledger, [rows], mask, journal.meta(journal.day(1)))
    after = journal.add_entry(tmp_path / "ledger", 2, journal.row("1", percent=100, completed_is_day=True))
    assert not journal.row_of(after, "1")["completed_is_day"]


def test_the_first_date_and_its_kind_go_together(tmp_path):
    day = {"percent": 100, "completed_at": journal.noon(3).replace(hour=0), "completed_is_day": True}
    journal.add_entry(tmp_path, 1, journal.row("1", percent=100, completed_at=None))
    journal.add_entry(tmp_path, 4, journal.row("1", **day))
    ledger = journal.add_entry(tmp_path, 5, journal.row("1", percent=100, completed_is_day=False))
    found = journal.row_of(ledger, "1")
    assert (found["completed_at"], found["completed_is_day"]) == (day["completed_at"], True)


def test_rows_parquet_holds_both(lms):
    _, run = lms.run(20, "Asia/Tokyo", person("1", DAY, INSTANT), person("2", None, None))
    rows = pq.read_table(run.folder / "rows.parquet").to_pylist()
    assert [(row["completed_is_day"], row["active_is_day"]) for row in rows] == [(True, False), (False, False)]
    assert f"{rows[0]['completed_at']}" == "2026-11-18 00:00:00"
    assert json.loads((run.folder / "manifest.json").read_text())["warnings"] == {}

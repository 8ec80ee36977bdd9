"""What each action of the admin DAG does to the ledger, and what the next run then sends."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from include.codebashing_lms.admin import actions
from include.codebashing_lms.admin.form import AdminForm
from include.codebashing_lms.admin.request import AdminRequest
from include.codebashing_lms.delivery.folder import FolderTransport
from include.codebashing_lms.errors import ConnectorError, DeliveryError, FirstDeliveryError
from include.codebashing_lms.extract.snapshots import SnapshotMetadata, register
from include.codebashing_lms.ledger.destinations import destination_folder
from include.codebashing_lms.ledger.journal import entries, open_ledger
from include.codebashing_lms.load.prepare import LoadContext
from include.codebashing_lms.load.run import load
from include.codebashing_lms.staging.layout import timestamp_name
from tests.load.staged_run import connector, learner, stage

COMPLETIONS = {"options": {"emits": "completion"}}
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ANN = learner("1", "java", 4, 4, "2019-03-02")
BOB = learner("2", "go", 4, 4, "2026-11-01")
CY = learner("3", "java", 4, 4, "2026-11-10")
FORM = AdminForm("reset", "manual__1", triggered_by="ada", reason="the LMS was emptied")


class Lms:
    """An LMS that is a folder, its connector, and its ledger."""

    def __init__(self, folder, **sections):
        self.root, self.folder, self.sections = folder / "staging", folder, sections
        self.drop("drop")
        self.actions = 0

    def drop(self, name):
        (self.folder / name).mkdir(exist_ok=True)
        self.directory = self.folder / name
        self.delivery = {"method": "folder", "directory": str(self.directory), "send": "changes"}

    @property
    def home(self):
        return self.root / "acme"

    @property
    def destination_ledger(self):
        return destination_folder(self.home, connector(self.delivery))[0]

    def stage(self, day, *learners):
        return stage(self.root, list(learners), day=day, run_id=f"day {day}", **self.sections)

    def run(self, day, *learners):
        """Return whose rows are in the file that a run sends."""
        staged = self.stage(day, *learners)
        acme = connector(self.delivery, **self.sections)
        run = LoadContext(run_id=staged.run_id)
        outcome = load(acme, None, staged.transformed, staged.folder, run, staged.folder.joinpath)
        if outcome.kind == "nothing_to_send":
            return []
        lines = (staged.folder / outcome.file).read_text().splitlines()
        return [line.partition(",")[0] for line in lines[1:]]

    def form(self, action, **answers):
        self.actions += 1
        form = replace(FORM, action=action, run_id=f"manual__{self.actions}", **answers)
        return self.run_action(form)

    def run_action(self, form, now=NOW):
        acme = connector(self.delivery, **self.sections)
        return actions.run_action(AdminRequest(acme, "c0ffee", self.home, form, self.folder.joinpath, now))

    def file(self, text):
        (self.folder / "list.csv").write_text(text, encoding="utf-8")
        return "list.csv"

    @property
    def rows(self):
        rows = open_ledger(self.destination_ledger).table.to_pylist()
        return {(row["employee_id"], row["course"]): row for row in rows}


@pytest.fixture
def lms(tmp_path):
    return Lms(tmp_path, lms=COMPLETIONS, guards={"min_learners": None, "max_drop_percent": None})


def last(lms):
    return entries(lms.destination_ledger)[-1]


def test_before_any_answer_the_first_completions_wait(lms):
    with pytest.raises(FirstDeliveryError, match="first_delivery, a reason and one answer"):
        lms.run(22, ANN)


def test_all(lms):
    lms.form("first_delivery", answer="all")
    assert lms.run(22, ANN, BOB) == ["1", "2"]


def test_since_a_date(lms):
    done = lms.form("first_delivery", answer="since", since="2026-11-01")
    assert "before 2026-11-01 count as known" in done["sentence"]
    assert lms.run(22, ANN, BOB) == ["2"]
    late = learner("4", "java", 4, 4, "2020-01-01")
    assert lms.run(23, ANN, BOB, CY, late) == ["3"]  # the answer stays
    assert lms.rows["1", "java"]["baseline"]


def test_a_baseline(lms):
    (lms.home).mkdir(parents=True)
    export = lms.file("employee_id,course,completed_at\n1,java,2019-03-02\n2,go,2018-05-06T07:08:09Z\n")
    done = lms.form("first_delivery", answer="baseline", file=export)
    assert (done["rows"], done["other_courses"]) == (2, 0)
    assert lms.run(22, ANN, BOB, CY) == ["3"]
    assert f"{lms.rows['2', 'go']['completed_at']:%Y-%m-%d}" == "2018-05-06"


def test_the_courses_of_a_baseline_go_by_the_course_map_or_by_what_was_seen(tmp_path):
    course_map = {"java": {"id": "J1"}, "java_2": {"id": "J1"}, "go": {"id": "G1"}, "php": "ignore"}
    mapped = Lms(tmp_path, lms=COMPLETIONS | {"course_map": course_map})
    lines = ["J1,1,2020-01-01", "J1,1,2019-01-01", "go,2,2020-01-01", "FIRE,1,2020-01-01"]
    text = "\n".join(["course,employee_id,completed_at", *lines])
    done = mapped.form("first_delivery", answer="baseline", file=mapped.file(text))
    assert (done["rows"], done["other_courses"]) == (3, 1)
    assert {key: row["course_id"] for key, row in mapped.rows.items()} == {
        ("1", "java"): "J1", ("1", "java_2"): "J1", ("2", "go"): "G1"
    }  # fmt: skip
    assert mapped.rows["1", "java"]["completed_at"].year == 2019
    assert mapped.run(22, ANN, BOB, CY) == ["3"]
    assert mapped.form("resend", course="G1")["rows"] == 1
    assert mapped.run(23, ANN, BOB, CY) == ["2"]


def test_a_baseline_that_lost_the_zeros_of_its_ids_says_so(lms):
    with pytest.raises(FirstDeliveryError):
        lms.run(21, learner("0042", "java", 4, 4, "2026-11-02"), learner("7", "java", 4, 4, "2026-11-02"))
    text = "employee_id,course,completed_at\n42,java,2026-11-02\n7,java,2026-11-02\n8,java,2026-11-02\n"
    done = lms.form("first_delivery", answer="baseline", file=lms.file(text))
    assert done["rows"] == 3
    assert "1 IDs of the list lack the zeros before them, 42 for 0042" in done["sentence"]
    done = lms.form("first_delivery", answer="baseline", file=lms.file(text.replace("42,", "0042,")))
    assert "zeros" not in done["sentence"]


def test_a_baseline_of_unknown_courses_is_refused(lms):
    with pytest.raises(FirstDeliveryError):
        lms.run(21, ANN)
    with pytest.raises(ConnectorError, match="names 1 completions, none of a course that is known"):
        lms.form(
            "first_delivery",
            answer="baseline",
            file=lms.file("employee_id,course,completed_at\n1,Java 101,2020-01-01\n"),
        )
    assert open_ledger(lms.destination_ledger).is_empty


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("employee_id,course\n1,java\n", "must have the columns employee_id,course,completed_at"),
        ("employee_id,course,completed_at\n1\u200b2,java,2019-03-02\n", "line 2: .* nobody sees"),
        ("employee_id;course;completed_at\n1,04E+05;java;2019-03-02\n", "line 2 .* 1.04E"),
        ("employee_id,course,completed_at\n1,java,02.03.2019\n", "line 2: .* a date such as"),
        ("employee_id,course,completed_at\n1,java,2019-03-02\n ,java,2019-03-02\n", "line 3: employee_id"),
    ],
)
def test_a_baseline_that_cannot_be_read_changes_nothing(lms, text, message):
    with pytest.raises(ConnectorError, match=message):
        lms.form("first_delivery", answer="baseline", file=lms.file(text))
    with pytest.raises(ConnectorError, match=r"gone.csv cannot be read \(FileNotFoundError\)"):
        lms.form("first_delivery", answer="baseline", file="gone.csv")
    assert open_ledger(lms.destination_ledger).is_empty


def test_a_second_answer_takes_the_place_of_the_first_until_something_was_sent(lms):
    lms.form("first_delivery", answer="since", since="2026-11-05")
    lms.form("first_delivery", answer="baseline", file=lms.file("employee_id,course,completed_at\n1,java,2019-03-02\n"))
    assert lms.rows["1", "java"]["baseline"]
    lms.form("first_delivery", answer="since", since="2026-11-01")
    assert not lms.rows
    assert lms.run(22, ANN, BOB) == ["2"]
    with pytest.raises(ConnectorError, match="2 rows count as known .* use the action reset first"):
        lms.form("first_delivery", answer="all")


def test_a_reset_forgets_what_was_sent_and_the_answer(lms):
    lms.form("first_delivery", answer="since", since="2026-11-01")
    assert lms.run(22, ANN, BOB) == ["2"]
    assert lms.form("reset")["rows"] == 2
    assert lms.run(23, ANN, BOB) == ["1", "2"]


def test_after_a_reset_the_first_delivery_may_be_answered_again(lms):
    lms.form("first_delivery", answer="all")
    lms.run(22, ANN, BOB)
    lms.form("reset")
    lms.form("first_delivery", answer="baseline", file=lms.file("employee_id,course,completed_at\n1,java,2019-03-02\n"))
    assert lms.run(23, ANN, BOB) == ["2"]


def test_a_changed_destination_goes_on_after_a_reset(tmp_path):
    lms = Lms(tmp_path)
    assert lms.run(22, ANN) == ["1"]
    lms.drop("other")
    with pytest.raises(FirstDeliveryError, match="destination changed"):
        lms.run(23, ANN)
    lms.form("reset", reason="we have another LMS now")
    assert lms.run(24, ANN) == ["1"]


def test_a_rebuild_brings_back_a_lost_ledger(lms):
    lms.form("first_delivery", answer="all")
    lms.run(22, ANN)
    rows = lms.rows
    for version in (lms.destination_ledger / "versions").iterdir():
        version.unlink()
    assert lms.form("rebuild", reason=None)["sentence"] == "Folded 2 entries of the journal again: 1 rows."
    assert lms.rows == rows


def test_a_purge_removes_what_is_older_than_the_connector_says(tmp_path):
    lms = Lms(tmp_path, staging={"keep_journal_days": 30})
    today = datetime.now(UTC)
    for days in (200, 100, 1):
        name = f"{timestamp_name(today - timedelta(days=days))}.json.gz"
        register(lms.home / "snapshots", SnapshotMetadata(name, "0f", 1, today, "manual", None, 0, {}))
        (lms.home / "snapshots" / name).touch()
    lms.run(22, ANN)
    lms.run(23, ANN, BOB)
    rows = lms.rows

    def purged(days):
        form = replace(FORM, action="purge", run_id=f"{days} days later", reason=None)
        done = lms.run_action(form, today + timedelta(days=days))
        return done["snapshots"], done["entries"]

    assert [purged(0), purged(29), purged(31)] == [(2, 0), (0, 0), (0, 1)]
    assert lms.rows == rows
    assert lms.run(24, ANN, BOB, CY) == ["3"]


def test_a_journal_without_a_limit_is_never_purged(lms):
    lms.form("first_delivery", answer="all")
    lms.run(22, ANN)
    done = lms.run_action(replace(FORM, action="purge"), NOW + timedelta(days=9999))
    assert (done["entries"], len(entries(lms.destination_ledger))) == (0, 2)


@pytest.fixture
def sent(lms):
    lms.form("first_delivery", answer="all")
    assert lms.run(20, ANN, BOB, CY) == ["1", "2", "3"]
    assert lms.run(21, ANN, BOB, CY) == []
    return lms


@pytest.mark.parametrize(
    ("answers", "again"),
    [
        ({"file": "2\n3\n99\n"}, ["2", "3"]),
        ({"file": "name,employee_id\nx, 3 \ny,1\n"}, ["1", "3"]),
        ({"file": "name;Employee_ID;\nx;3;\n\ny;1;\n;;\n"}, ["1", "3"]),
        ({"file": "sep=;\r\n2\u200b;\r\n\ufeff3;\r\n"}, ["2", "3"]),
        ({"course": "java"}, ["1", "3"]),
        ({"since": "2026-11-01", "until": "2026-11-10"}, ["2", "3"]),
        ({"until": "2026-11-01"}, ["1", "2"]),
        ({"course": "java", "since": "2026-11-01"}, ["3"]),
    ],
)
def test_a_resend_sends_once_more_what_the_form_names(sent, answers, again):
    files = {"file": sent.file(answers["file"])} if "file" in answers else {}
    done = sent.form("resend", **(answers | files))
    assert done["rows"] == len(again)
    assert "twice" in done["sentence"]
    assert sent.run(22, ANN, BOB, CY) == again
    assert sent.run(23, ANN, BOB, CY) == []


def test_a_resend_keeps_the_first_date(sent):
    sent.form("resend", course="java")
    staged = sent.stage(22, learner("1", "java", 4, 4, "2026-11-20"), BOB, CY)
    staged.load(sent.delivery, **sent.sections)
    assert (
        "1,java,100,completed,2019-03-02T00:00:00Z" in staged.file.parent.joinpath(staged.manifest["file"]).read_text()
    )


def test_a_resend_says_how_many_ids_were_never_sent(sent):
    assert sent.form("resend", file=sent.file("1\n98\n99\n"))["sentence"].count("2 of 3 IDs were never sent")


def test_a_resend_says_that_a_list_lost_the_zeros_of_its_ids(tmp_path):
    lms = Lms(tmp_path)
    lms.run(20, learner("0042", "java", 4, 4, "2026-11-02"), learner("7", "java", 4, 4, "2026-11-02"))
    done = lms.form("resend", file=lms.file("7\n42\n43\n"))
    assert (done["rows"], done["never_sent"]) == (1, 2)
    assert "1 IDs of the list lack the zeros before them, 42 for 0042" in done["sentence"]
    with pytest.raises(ConnectorError, match=r"fits no row .* 1 IDs of the list lack the zeros"):
        lms.form("resend", file=lms.file("42\n"))


@pytest.mark.parametrize("text", ["", "\n\n", "a,b\n1,2\n", "1\n4\u200b2\n"])
def test_a_list_of_ids_that_is_none_is_refused(sent, text):
    with pytest.raises(ConnectorError, match=r"file of employee IDs .* Nothing was changed"):
        sent.form("resend", file=sent.file(text))
    assert last(sent)["kind"] == "observation"


def test_a_resend_of_nobody_is_refused(sent):
    with pytest.raises(ConnectorError, match="fits no row"):
        sent.form("resend", course="cobol")


def test_a_roll_back_sends_again_what_came_after(sent):
    assert sent.run(22, ANN, BOB, CY, learner("4", "go", 4, 4, "2026-11-21")) == ["4"]
    done = sent.form("roll_back", number=3)
    assert (done["rows"], done["journal"]) == (3, 5)
    assert sent.run(23, ANN, BOB, CY, learner("4", "go", 4, 4, "2026-11-21")) == ["4"]


def test_a_roll_back_brings_back_the_answer_of_that_time(lms):
    lms.form("first_delivery", answer="since", since="2026-11-05")
    lms.form("reset")
    lms.form("roll_back", number=1)
    assert lms.run(22, ANN, BOB, CY) == ["3"]


@pytest.mark.parametrize("number", [None, 3, 9])
def test_a_roll_back_to_nowhere_lists_the_newest_entries(sent, number):
    with pytest.raises(ConnectorError, match="3: observation, 0 rows, .*; 2: delivery, 3 rows, .*; 1: baseline"):
        sent.form("roll_back", number=number)


class InterruptedRunError(Exception):
    """Stands for the end of a process."""


@pytest.fixture
def in_flight(sent, monkeypatch):
    """Return the ID of a delivery whose end is unknown."""

    def send(*_):
        raise InterruptedRunError

    with monkeypatch.context() as patch:
        patch.setattr(FolderTransport, "send", send)
        with pytest.raises(InterruptedRunError):
            sent.run(22, ANN, learner("4", "go", 4, 4, "2026-11-21"))
    with pytest.raises(DeliveryError, match=r"action settle, the delivery .* and a reason"):
        sent.run(23, ANN)
    [pointer] = (sent.home / "in_flight").iterdir()
    return pointer.stem


def test_a_delivery_in_flight_that_was_taken_counts_as_known(sent, in_flight):
    done = sent.form("settle", delivery=in_flight, found="taken", reason="seen in its import log")
    assert "recorded as taken" in done["sentence"]
    assert last(sent)["resolution"] == {"by": "ada", "reason": "seen in its import log", "when": "2026-11-21T12:00:00Z"}
    assert sent.run(24, ANN, learner("4", "go", 4, 4, "2026-11-21")) == []


def test_a_delivery_in_flight_that_was_not_taken_is_sent_again(sent, in_flight):
    sent.form("settle", delivery=in_flight, found="not_taken")
    assert sent.run(24, ANN, learner("4", "go", 4, 4, "2026-11-21")) == ["4"]


def test_what_was_delivered_is_not_recorded_as_not_taken(sent, monkeypatch):
    def commit(*_):
        raise InterruptedRunError

    with monkeypatch.context() as patch:
        patch.setattr("include.codebashing_lms.load.run.commit", commit)
        with pytest.raises(InterruptedRunError):
            sent.run(22, ANN, learner("4", "go", 4, 4, "2026-11-21"))
    [pointer] = (sent.home / "in_flight").iterdir()
    with pytest.raises(ConnectorError, match="cannot be recorded as not taken"):
        sent.form("settle", delivery=pointer.stem, found="not_taken")
    sent.form("settle", delivery=pointer.stem, found="taken")
    assert sent.rows["4", "go"]["sent_at"]
    assert not list((sent.home / "in_flight").iterdir())


def test_an_unknown_delivery_is_refused_and_those_in_flight_are_named(sent, in_flight):
    with pytest.raises(ConnectorError, match=f"open are: {in_flight}"):
        sent.form("settle", delivery="x", found="taken")


@pytest.mark.parametrize("action", ["first_delivery", "reset", "resend", "roll_back"])
def test_what_counts_as_known_does_not_change_under_a_delivery_in_flight(sent, in_flight, action):
    given = {"first_delivery": {"answer": "all"}, "resend": {"course": "go"}, "roll_back": {"number": 1}}
    with pytest.raises(ConnectorError, match=f"in flight, or was cut off: {in_flight}.* Nothing was changed"):
        sent.form(action, **given.get(action, {}))
    assert last(sent)["number"] == 3


def test_the_journal_keeps_who_and_why_and_a_run_acts_once(sent):
    sent.run_action(FORM)
    entry = last(sent)
    assert (entry["kind"], entry["triggered_by"], entry["reason"]) == ("reset", "ada", "the LMS was emptied")
    assert (entry["run_id"], entry["connector_sha256"]) == ("manual__1", "c0ffee")
    assert "already" in sent.run_action(FORM)["sentence"]
    assert last(sent)["number"] == entry["number"]


def test_results_name_nobody(sent):
    results = [
        sent.form("resend", file=sent.file("1\nAD-4711\n")),
        sent.form("reset"),
        sent.form(
            "first_delivery",
            answer="baseline",
            file=sent.file("employee_id,course,completed_at\nAD-4711,go,2020-01-01\n"),
        ),
    ]
    assert "AD-4711" not in json.dumps(results)


def reject(lms, text, name="rejects.csv"):
    (lms.folder / name).write_text(text)
    return lms.form("refused", file=name)


def test_rows_of_a_reject_list_are_sent_again(tmp_path):
    lms = Lms(tmp_path)
    lms.run(20, ANN, BOB, CY)
    done = reject(lms, "user_key,course_id,reason\n2,go,no such user\n9,go,no such user\n2,java,closed\n")
    assert (done["rows"], done["fit_no_row"]) == (1, 2)
    assert "2 lines of the list fit no row" in done["sentence"]
    [list_] = (lms.home / "refused").iterdir()
    assert "no such user" in list_.read_text()
    assert list_.stat().st_mode & 0o777 == 0o600
    assert lms.run(22, ANN, BOB, CY) == ["2"]
    assert lms.run(23, ANN, BOB, CY) == []


@pytest.mark.parametrize(
    "text",
    [
        "User_Key;Course_ID;Reason\n2;go;no such user\n",
        "sep=\t\nuser_key\tcourse_id\treason\textra\n2\tgo\tno such user\tx\n",
        '"user_key","course_id","reason"\n"2","go","no such\nuser"\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_reject_list_is_read_as_a_spreadsheet_saves_it(tmp_path, text, encoding):
    lms = Lms(tmp_path)
    lms.run(20, ANN, BOB, CY)
    (lms.folder / "rejects.csv").write_bytes(text.encode(encoding))
    assert lms.form("refused", file="rejects.csv")["rows"] == 1
    assert lms.run(22, ANN, BOB, CY) == ["2"]


def test_the_third_reject_list_needs_a_person_until_the_row_changes_or_a_resend(tmp_path):
    lms = Lms(tmp_path)
    begun = learner("2", "go", 1, 4)
    for day in (1, 2, 3):
        lms.run(day, ANN, begun)
        reject(lms, "user_key,reason\n2,no such user\n")
    assert lms.run(22, ANN, begun) == []
    assert lms.run(23, ANN, learner("2", "go", 2, 4)) == ["2"]
    reject(lms, "user_key,reason\n2,no such user\n")
    assert lms.run(24, ANN, learner("2", "go", 2, 4)) == []
    lms.form("resend", course="go")
    assert lms.run(25, ANN, learner("2", "go", 2, 4)) == ["2"]


def test_a_reject_list_may_have_the_columns_of_the_connector_file(tmp_path):
    lms = Lms(tmp_path)
    results = {"name": "{stem}.log", "user": "Login", "course": "Kurs", "status": "OK?", "refused": ["nein"]}
    lms.delivery["results"] = {**results, "delimiter": ";"}
    lms.run(20, ANN, BOB)
    assert reject(lms, "Login;Kurs;OK?\n1;java;ja\n2;go;nein\n")["rows"] == 1
    assert lms.run(22, ANN, BOB) == ["2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("employee,course\n2,go\n", "needs the column user_key"),
        ("", "needs the column user_key"),
        ("user_key,course_id\n9,go\n", "none of them was sent"),
        ("user_key\n", "has 0 refused rows"),
    ],
)
def test_a_reject_list_that_names_nobody_changes_nothing(tmp_path, text, message):
    lms = Lms(tmp_path)
    lms.run(20, ANN, BOB)
    with pytest.raises(ConnectorError, match=message):
        reject(lms, text)
    assert len(entries(lms.destination_ledger)) == 1

"""A delivery of several files, one for each course: none is sent twice, none is lost."""

import uuid

import pytest

from include.codebashing_lms.errors import DeliveryError
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.journal import entries, open_ledger
from include.codebashing_lms.load.manual_recovery import resolve_manually
from include.codebashing_lms.load.receipt import Resolution
from tests.delivery.connections import lms_connection
from tests.fakes.working_lms import PickyLms, WorkingLms, says
from tests.load.staged_run import learner, stage
from tests.load.test_jobs import JOB

GRADES = {"profile": "moodle_grades_csv"}
RESULTS = {"path": "report.refused", "row": "line", "reason": "problem", "max_refused_percent": 100}
TAKEN = says({"report": {"refused": []}})
FORBIDDEN = says({}, 403)
CUT = says({}, 422)  # a part of the file may have been imported
PEOPLE = [
    learner("1", "java", 1, 4),
    learner("2", "python", 2, 4),
    learner("3", "java", 3, 4),
    learner("4", "go", 1, 4),
]


class Files(PickyLms):
    """Takes any file."""

    def _import(self, content):
        self.imports.append(content)
        return TAKEN


@pytest.fixture
def lms():
    with Files() as server:
        yield server


class Runs:
    def __init__(self, staging, lms):
        self.home, self.staging, self.lms, self.day = staging / "acme", staging, lms, 0
        self.sections = {"lms": GRADES}
        self.delivery = {"method": "http", "endpoint": "/import", "send": "changes", "results": RESULTS}

    def new(self, learners=PEOPLE):
        self.day += 1
        self.last = stage(self.staging, learners, day=self.day, run_id=f"run{self.day}", **self.sections)
        return self.last

    def load(self, staged=None):
        guards = {"min_learners": None, "max_drop_percent": None}
        staged = staged or self.last
        return staged.load(self.delivery, lms_connection(self.lms), guards=guards, **self.sections)

    @property
    def ledger(self):
        folders = ledgers(self.home)
        rows = open_ledger(folders[0]).table.to_pylist() if folders else []
        return {one["employee_id"]: one for one in rows if one["sent_at"]}

    def files(self):
        """Return the employees in each file that was imported."""
        return [[line.split(",")[0] for line in content.decode().splitlines()[1:]] for content in self.lms.imports]

    def open(self):
        return list((self.home / "in_flight").glob("*.json"))


@pytest.fixture
def runs(tmp_path, lms):
    return Runs(tmp_path / "staging", lms)


def test_parts_go_in_order_each_with_its_key(runs, lms):
    outcome = runs.new() and runs.load()
    assert runs.files() == [["1", "3"], ["2"], ["4"]]
    receipt = runs.last.receipt
    assert (receipt["state"], receipt["parts_done"], receipt["rows"]) == ("delivered", 3, 4)
    assert "and 2 more (4 rows" in outcome["sentence"]
    keys = [arrival.key for arrival in lms.arrivals]
    assert keys[0] == receipt["delivery"]
    assert keys[1] == str(uuid.uuid5(uuid.UUID(receipt["delivery"]), "1"))
    assert len(set(keys)) == 3
    assert set(runs.ledger) == {"1", "2", "3", "4"}
    assert runs.load()["outcome"] == "already_delivered"


@pytest.mark.parametrize("send", ["changes", "full"])
def test_a_retry_goes_on_after_the_last_part_done(runs, lms, send):
    runs.delivery["send"] = send
    lms.next_answers.extend([TAKEN, FORBIDDEN])
    runs.new()
    with pytest.raises(DeliveryError):
        runs.load()
    assert runs.last.receipt["parts_done"] == 1
    lms.arrivals.clear()
    assert runs.load()["outcome"] == "delivered"
    assert runs.files() == [["2"], ["4"]]
    assert set(runs.ledger) == {"1", "2", "3", "4"}
    journaled = [entry["rows"] for entry in entries(ledgers(runs.home)[0])]
    assert sum(journaled) == 4
    assert runs.open() == []


def test_the_next_run_sends_what_is_missing(runs, lms):
    lms.next_answers.extend([TAKEN, FORBIDDEN])
    runs.new()
    with pytest.raises(DeliveryError):
        runs.load()
    runs.new([*PEOPLE, learner("5", "java", 1, 4)])
    runs.load()
    assert sorted(runs.files()) == [["2"], ["4"], ["5"]]
    assert set(runs.ledger) == {"1", "2", "3", "4", "5"}


def test_a_refused_row_of_a_later_part_is_the_right_one(runs, lms):
    refused = says({"report": {"refused": [{"line": 2, "problem": "closed"}]}})
    lms.next_answers.extend([TAKEN, refused, refused])
    runs.new()
    assert runs.load()["refused"] == 2
    assert set(runs.ledger) == {"1", "3"}
    assert runs.last.receipt["refused"] == 2
    runs.new()
    runs.load()
    assert sorted(runs.files()) == [["2"], ["4"]]


def test_a_refused_row_of_a_part_done_counts_once(runs, lms):
    runs.delivery["send"] = "full"
    lms.next_answers.extend([says({"report": {"refused": [{"line": 2, "problem": "closed"}]}}), FORBIDDEN])
    runs.new()
    with pytest.raises(DeliveryError):
        runs.load()
    assert runs.load()["outcome"] == "delivered"
    assert runs.files() == [["2"], ["4"]]
    [row] = [one for one in open_ledger(ledgers(runs.home)[0]).table.to_pylist() if one["employee_id"] == "1"]
    assert (row["refusals"], row["sent_at"], runs.last.receipt["refused"]) == (1, None, 1)


@pytest.fixture
def appending(runs):
    """An LMS that adds a row again that is sent again."""
    done = [learner(str(n), course, 4, 4, "2026-01-01") for n, course in enumerate(("java", "go", "c"), 1)]
    runs.sections = {"lms": {**GRADES, "options": {"emits": "completion"}}}
    runs.new([])
    runs.load()
    return done


def test_where_rows_are_added_accepted_rows_count_and_the_rest_goes_with_the_next_run(
    runs, lms, appending, monkeypatch
):
    monkeypatch.setattr("include.codebashing_lms.load.run.appends", lambda _: True)
    lms.next_answers.extend([TAKEN, FORBIDDEN])
    runs.new(appending)
    with pytest.raises(DeliveryError):
        runs.load()
    assert runs.last.receipt["state"] == "partly"
    runs.new(appending)
    runs.load()
    assert runs.files() == [["2"], ["3"]]
    assert set(runs.ledger) == {"1", "2", "3"}


@pytest.mark.parametrize(("accepted", "left"), [(True, [["3"]]), (False, [["2"], ["3"]])])
def test_a_person_resolves_the_file_in_doubt_alone(runs, lms, appending, monkeypatch, accepted, left):
    monkeypatch.setattr("include.codebashing_lms.load.run.appends", lambda _: True)
    lms.next_answers.extend([TAKEN, CUT])
    runs.new(appending)
    with pytest.raises(DeliveryError):
        runs.load()
    in_doubt = runs.last.receipt["parts"][1]["file"]
    with pytest.raises(DeliveryError, match=f"took {in_doubt} is not known"):
        runs.new(appending) and runs.load()
    [delivery] = [path.stem for path in runs.open()]
    resolve_manually(runs.home, delivery, accepted, Resolution("ada", "looked", "2026-11-23T00:00:00Z"))
    assert set(runs.ledger) == {"1", "2"} if accepted else {"1"}
    runs.load()
    assert runs.files() == left
    assert set(runs.ledger) == {"1", "2", "3"}
    assert runs.open() == []


def test_each_part_may_be_a_job(tmp_path):
    class Jobs(WorkingLms):
        def _import(self, content):
            self.imports.append(content)
            return TAKEN

    with Jobs() as lms:
        runs = Runs(tmp_path / "staging", lms)
        runs.delivery = {"method": "http", "endpoint": "/import", "send": "changes", "job": JOB}
        runs.new()
        for count in (1, 2, 3):
            assert runs.load()["outcome"] == "working"
            assert len(lms.arrivals) == count
            lms.work()
        assert runs.load()["outcome"] == "delivered"
        assert runs.files() == [["1", "3"], ["2"], ["4"]]
        assert set(runs.ledger) == {"1", "2", "3", "4"}


def test_parts_in_a_folder_are_found_again(runs, drop, tmp_path):
    runs.new()
    delivery = {"method": "folder", "directory": str(drop), "send": "changes", "fetched": "removed"}
    staged = runs.last
    assert staged.load(delivery, lms=GRADES)["outcome"] == "delivered"
    assert len(list(drop.iterdir())) == 3
    for path in list(drop.iterdir())[:2]:
        path.unlink()
    again = stage(runs.staging, [*PEOPLE, learner("5", "java", 1, 4)], day=9, run_id="run9", lms=GRADES)
    with pytest.raises(DeliveryError, match="not fetched since"):
        again.load(delivery, lms=GRADES)
    assert len(staged.receipt["pickup"]["picked_up"]) == 2

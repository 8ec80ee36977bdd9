"""Runs one after another: what the LMS ends up with, in any order and wherever one was cut off."""

import csv
import json

import pyarrow.parquet as pq
import pytest

from include.codebashing_lms.delivery.folder import FolderTransport
from include.codebashing_lms.errors import (
    DeliveryError,
    DeliveryUnavailableError,
    FirstDeliveryError,
    GuardError,
    StagingError,
)
from include.codebashing_lms.ledger.destinations import destination_folder
from include.codebashing_lms.ledger.journal import entries, open_ledger
from include.codebashing_lms.staging.files import write_json
from include.codebashing_lms.transform.decode import record_decoder as reading
from tests.load.staged_run import connector, learner, stage

COMPLETIONS = {"options": {"emits": "completion"}}
ANN = learner("1", "java", 1, 4)
BOB = learner("2", "go", 2, 4)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "staging"


@pytest.fixture
def folder(drop):
    return {"method": "folder", "directory": str(drop), "send": "changes"}


def destination_ledger(root, folder):
    return destination_folder(root / "acme", connector(folder))[0]


def ledger(root, folder):
    rows = open_ledger(destination_ledger(root, folder)).table.to_pylist()
    return {row["employee_id"]: (row["hundredths"], f"{row['valid_at']:%d}") for row in rows}


def day(root, number, learners, **more):
    return stage(root, learners, day=number, run_id=f"scheduled__{number}", **more)


def dropped(drop):
    return {path.name[12:20]: path.read_text().splitlines()[1:] for path in sorted(drop.iterdir())}


def test_the_second_day_sends_what_changed(root, folder, drop):
    assert day(root, 21, [ANN, BOB]).load(folder)["rows"] == 2
    second = day(root, 22, [ANN, learner("2", "go", 4, 4, "2026-11-21"), learner("3", "go", 0, 4)])
    assert second.load(folder)["rows"] == 2
    assert dropped(drop)["20261122"] == ["2,go,100,completed,2026-11-21T00:00:00Z", "3,go,0,not_started,"]
    assert ledger(root, folder) == {"1": (2500, "22"), "2": (10_000, "22"), "3": (0, "22")}
    numbers = second.manifest["records"]
    assert numbers == {"read": 3, "emitted": 2, "withheld": {"unchanged": 1}, "set_aside": {}, "merged": 0}
    assert second.manifest["status"] == {"completed": 1, "in_progress": 0, "not_started": 1}


def test_a_day_without_changes_sends_nothing_and_is_journaled(root, folder, drop):
    day(root, 21, [ANN]).load(folder)
    quiet = day(root, 22, [ANN])
    assert quiet.load(folder)["outcome"] == "nothing_to_send"
    assert list(dropped(drop)) == ["20261121"]
    assert ledger(root, folder) == {"1": (2500, "22")}
    assert quiet.manifest["records"]["withheld"] == {"unchanged": 1}


def test_what_is_newer_is_not_overwritten_by_an_older_run(root, folder, drop):
    monday = day(root, 16, [ANN, BOB], provenance="replayed")
    day(root, 19, [learner("1", "java", 3, 4)]).load(folder)
    assert monday.load(folder)["rows"] == 1
    assert ledger(root, folder) == {"1": (7500, "19"), "2": (5000, "16")}
    assert monday.manifest["records"]["withheld"] == {"stale": 1}
    left_out = pq.read_table(monday.folder / "left_out.parquet").to_pylist()
    assert [(row["reason"], row["employee_id"]) for row in left_out] == [("stale", "1")]


@pytest.mark.parametrize("order", [(21, 22, 23), (23, 22, 21), (22, 23, 21)])
def test_the_lms_ends_up_the_same_whatever_the_order(root, folder, drop, order):
    days = {number: [learner("1", "java", number - 20, 4), BOB] for number in (21, 22, 23)}
    for number in order:
        day(root, number, days[number], provenance="replayed").load(folder)
    assert {key: value for key, (value, _) in ledger(root, folder).items()} == {"1": 7500, "2": 5000}


def test_full_keeps_a_completion_that_fell(root, folder, drop):
    full = folder | {"send": "full"}
    day(root, 21, [learner("1", "java", 4, 4, "2026-11-20")]).load(full)
    fallen = day(root, 22, [learner("1", "java", 4, 5, "2026-11-20")])
    fallen.load(full, guards={"max_fall_percent": None})
    assert dropped(drop)["20261122"] == ["1,java,100,completed,2026-11-20T00:00:00Z"]
    assert fallen.manifest["warnings"]["fell_below_100"] == 1
    assert fallen.manifest["course_growth"] == [{"course": "java", "lessons_were": 4, "lessons_are": 5, "learners": 1}]


def test_a_corrected_course_id_reaches_the_lms_and_the_old_one_is_listed(root, folder, drop):
    lms = {"course_map": {"java": {"id": "J1"}}}
    day(root, 21, [ANN], lms=lms).load(folder)
    corrected = day(root, 22, [ANN], lms={"course_map": {"java": {"id": "J2"}}})
    corrected.load(folder)
    assert dropped(drop)["20261122"] == ["1,J2,25,in_progress,"]
    with (corrected.folder / "to_correct.csv").open(newline="") as file:
        assert [(row["told_course_id"], row["course_id"]) for row in csv.DictReader(file)] == [("J1", "J2")]


def test_a_changed_identity_is_listed_with_the_old_and_the_new(root, folder, drop):
    day(root, 21, [ANN]).load(folder)
    rehired = day(root, 22, [learner("9", "java", 1, 4, email="1@example.com")])
    for _ in range(2):  # a second try must not list them twice
        assert rehired.load(folder)["outcome"] == "nothing_to_send"
    with (rehired.folder / "set_aside.csv").open(newline="") as file:
        [line] = csv.DictReader(file)
    assert (line["reason"], line["employee_id"]) == ("changed_identity", "9")
    assert "sent before: 1)" in line["detail"]
    (root / "people.csv").write_text("email,action,employee_id,reason\n1@example.com,accept,,rehired\n")
    accepted = day(root, 23, [learner("9", "java", 1, 4, email="1@example.com")])
    assert accepted.load(folder, identity={"people": str(root / "people.csv")})["outcome"] == "delivered"


def test_who_is_in_doubt_by_one_row_is_held_in_all_of_them(root, folder, drop, monkeypatch):
    day(root, 21, [ANN]).load(folder)
    monkeypatch.setattr(reading, "PRIMARY_BATCH", 1)  # each row is in a slice of its own, then
    somebody = [learner("1", course, 1, 4, email="other@example.com") for course in ("java", "go")]
    moved = day(root, 22, [*somebody, learner("9", "java", 1, 4, email="1@example.com")])
    assert moved.load(folder)["outcome"] == "nothing_to_send"
    assert moved.manifest["records"]["set_aside"] == {"changed_identity": 3}


def test_the_learners_of_the_last_live_run_are_a_guard(root, folder, drop):
    many = [learner(str(number), "java", 1, 4) for number in range(10)]
    day(root, 21, many).load(folder)
    with pytest.raises(GuardError, match=r"7 learners read, 10 in the last live run: 30.0 % fewer"):
        day(root, 22, many[:7]).load(folder)
    assert day(root, 20, many[:7], provenance="reconstructed").load(folder)["outcome"] == "nothing_to_send"
    assert day(root, 23, many[:8]).load(folder)["outcome"] == "nothing_to_send"


def test_fallen_percentages_are_a_guard(root, folder, drop):
    many = [learner(str(number), "java", 2, 4) for number in range(10)]
    day(root, 21, many).load(folder)
    fallen = [learner("0", "java", 1, 4), *many[1:]]
    with pytest.raises(GuardError, match=r"the percentage of 1 of 10 learners \(10.0 %\) fell"):
        day(root, 22, fallen).load(folder)
    assert day(root, 23, fallen).load(folder, skip_guards=("max_fall_percent",))["rows"] == 1


def test_two_days_of_changes_pass_the_default_guards(root, folder, drop):
    many = [learner(str(number), "java", 1, 4) for number in range(8000)]
    assert day(root, 21, many).load(folder)["rows"] == 8000
    assert day(root, 22, [learner(str(n), "java", 2, 4) for n in range(15)] + many[15:]).load(folder)["rows"] == 15


def test_a_first_file_of_completions_waits_for_an_answer(root, drop, folder):
    done = [learner("1", "java", 4, 4, "2019-03-02"), learner("2", "go", 4, 4, "2026-11-01")]
    staged = day(root, 21, done, lms=COMPLETIONS)
    with pytest.raises(FirstDeliveryError, match="2 completions, the oldest of 2019-03-02"):
        staged.load(folder, lms=COMPLETIONS)
    assert not list(drop.iterdir())


def test_a_changed_destination_waits_for_an_answer(root, folder, drop, tmp_path):
    day(root, 21, [ANN]).load(folder)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(FirstDeliveryError, match="destination changed"):
        day(root, 22, [ANN]).load(folder | {"directory": str(other)})


def test_a_dry_run_and_a_hold_remember_nothing(root, folder, drop):
    staged = day(root, 21, [ANN])
    staged.load(folder, dry_run=True)
    staged.load(folder | {"hold": True})
    assert open_ledger(destination_ledger(root, folder)).is_empty


def test_the_form_may_ask_for_everything_once(root, folder, drop):
    day(root, 21, [ANN]).load(folder)
    assert day(root, 22, [ANN]).load(folder, send="full")["rows"] == 1


def test_changes_do_not_replace_a_file_that_was_not_fetched(root, folder, drop):
    name = "codebashing_20261121T051502.csv"
    (drop / name).write_text("rows of an earlier run")
    staged = day(root, 21, [ANN])
    with pytest.raises(DeliveryUnavailableError, match=f"has not fetched .*{name}") as caught:
        staged.load(folder)
    assert caught.value.retryable
    assert (drop / name).read_text() == "rows of an earlier run"
    (drop / name).unlink()
    assert staged.load(folder)["outcome"] == "delivered"


class CutOffError(Exception):
    """Stands for the end of a process."""


def interrupt(monkeypatch, call, after=True):
    """Let the process end at a call of load's, before or after it did its work."""
    module, name = call
    real = getattr(module, name)

    def ends(*args, **kwargs):
        if after:
            real(*args, **kwargs)
        raise CutOffError

    monkeypatch.setattr(module, name, ends)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["begin", "send", "write_receipt", "commit"])
def test_a_run_that_is_cut_off_anywhere_is_finished_by_its_retry(root, folder, drop, monkeypatch, step, after):
    from include.codebashing_lms.load import run as load
    from include.codebashing_lms.load import send as sender

    day(root, 20, [ANN]).load(folder)
    staged = day(root, 21, [ANN, BOB])
    call = {"send": FolderTransport, "commit": load}.get(step, sender), step
    with monkeypatch.context() as patch:
        interrupt(patch, call, after)
        with pytest.raises(CutOffError):
            staged.load(folder)
    assert staged.load(folder)["outcome"] in ("delivered", "already_delivered")
    assert dropped(drop)["20261121"] == ["2,go,50,in_progress,"]
    assert {key: value for key, (value, _) in ledger(root, folder).items()} == {"1": 2500, "2": 5000}
    assert not list((root / "acme" / "in_flight").iterdir())
    assert [entry["kind"] for entry in entries(destination_ledger(root, folder))] == ["delivery", "delivery"]


def test_the_next_run_finishes_what_a_dead_one_delivered(root, folder, drop, monkeypatch):
    from include.codebashing_lms.load import run as module

    dead = day(root, 21, [ANN])
    with monkeypatch.context() as patch:
        interrupt(patch, (module, "commit"), after=False)
        with pytest.raises(CutOffError):
            dead.load(folder)
    assert day(root, 22, [ANN, BOB]).load(folder)["rows"] == 1
    assert [entry["run_id"] for entry in entries(destination_ledger(root, folder))] == [
        "scheduled__21",
        "scheduled__22",
    ]


def test_what_a_dead_run_delivered_is_known_of_the_destination_it_went_to(root, folder, drop, monkeypatch, tmp_path):
    from include.codebashing_lms.load import run as module

    other = folder | {"directory": str(tmp_path / "other")}
    (tmp_path / "other").mkdir()
    dead = day(root, 21, [ANN])
    with monkeypatch.context() as patch:
        interrupt(patch, (module, "commit"), after=False)
        with pytest.raises(CutOffError):
            dead.load(folder)
    with pytest.raises(FirstDeliveryError, match="destination changed"):
        day(root, 22, [ANN]).load(other)
    assert ledger(root, folder) == {"1": (2500, "21")}
    assert open_ledger(destination_ledger(root, other)).is_empty


def test_a_lost_delivery_of_an_appending_file_needs_a_person(root, folder, drop, monkeypatch):
    done = [learner("1", "java", 4, 4, "2026-11-01")]
    answered(root, folder)
    dead = day(root, 21, done, lms=COMPLETIONS)
    with monkeypatch.context() as patch:
        interrupt(patch, (FolderTransport, "send"))
        with pytest.raises(CutOffError):
            dead.load(folder, lms=COMPLETIONS)
    [file] = drop.iterdir()
    file.unlink()  # the LMS fetched it, or something else did
    with pytest.raises(DeliveryError, match="is not known"):
        day(root, 22, done, lms=COMPLETIONS).load(folder, lms=COMPLETIONS)


def answered(root, folder):
    """Say `all` to the question before a first delivery."""
    from datetime import UTC, datetime

    import numpy as np

    from include.codebashing_lms.ledger.journal import append

    about_lms = connector(folder, lms=COMPLETIONS)
    ledger_folder, about = destination_folder(root / "acme", about_lms)
    meta = {"kind": "baseline", "delivery": "first", "as_of": "2026-11-01T00:00:00Z", "destination": about}
    meta["when"] = datetime.now(UTC).isoformat()
    append(ledger_folder, open_ledger(ledger_folder), [], np.zeros(0, dtype=np.bool_), meta)


def test_a_delivery_cut_off_before_its_receipt_leaves_an_earlier_one_alone(root, folder, drop):
    first = day(root, 21, [ANN])
    first.load(folder)
    receipt = first.receipt
    write_json(root / "acme" / "in_flight" / "0.json", {"folder": str(first.folder.relative_to(root / "acme"))})
    assert day(root, 22, [ANN, BOB]).load(folder)["rows"] == 1
    assert first.receipt == receipt
    assert not list((root / "acme" / "in_flight").iterdir())


def test_a_run_that_loads_late_is_not_compared_with_a_later_one(root, folder, drop):
    late = day(root, 21, [ANN])
    day(root, 22, [learner(str(number), "java", 1, 4) for number in range(9)]).load(folder)
    assert late.load(folder)["outcome"] == "nothing_to_send"


def test_a_ledger_that_is_gone_is_an_error(root, folder, drop):
    day(root, 21, [ANN]).load(folder)
    for version in (destination_ledger(root, folder) / "versions").iterdir():
        version.unlink()
    with pytest.raises(StagingError, match="rebuild-ledger"):
        day(root, 22, [ANN]).load(folder)


def test_the_journal_says_what_was_sent_and_when(root, folder, drop):
    staged = day(root, 21, [ANN])
    staged.load(folder)
    [entry] = entries(destination_ledger(root, folder))
    assert (entry["kind"], entry["run_id"], entry["triggered_by"]) == ("delivery", "scheduled__21", "ada")
    assert entry["as_of"] == "2026-11-21T05:15:02Z"
    assert entry["sha256"] == staged.manifest["sha256"]
    assert json.dumps(entry).count("@") == 0

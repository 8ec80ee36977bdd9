"""Whole loads of a connector for each LMS: what it is sent, what a break leaves, what the next run does."""

import random
from datetime import UTC, datetime

import pytest

from include.codebashing_lms.admin.actions import run_action
from include.codebashing_lms.admin.form import AdminForm
from include.codebashing_lms.admin.request import AdminRequest
from include.codebashing_lms.delivery.lms_apis import oracle_hdl
from include.codebashing_lms.errors import DeliveryError, DeliveryUnavailableError
from tests.delivery.lms_apis.customers import LEARNERS, Customer, processes
from tests.fakes.canvas import Assignment
from tests.fakes.lrs import Lrs
from tests.fakes.moodle import TOKEN, Item
from tests.fakes.stand_in import Answer, Fault
from tests.load.staged_run import connector, learner

PROGRESS = "https://w3id.org/xapi/cmi5/result/extensions/progress"


def sent(lrs: Lrs) -> list[tuple[str, str, int | None]]:
    """Return what a store was sent: learner, verb, percentage."""
    return [
        (
            one["actor"]["account"]["name"],
            one["verb"]["display"]["en-US"],
            one["result"].get("extensions", {}).get(PROGRESS),
        )
        for one in lrs.stored.values()
    ]


FIRST = [("E1", "completed", None), ("E2", "progressed", 33)]


def test_store_is_sent_all_once(store, lrs):
    outcome = store.deliver(LEARNERS)
    assert outcome["outcome"] == "delivered"
    assert f"accepted by the learning record store {lrs.url}/xapi/statements" in outcome["sentence"]
    assert sent(lrs) == FIRST
    requests = len(lrs.requests)
    assert store.deliver(LEARNERS, day=21)["outcome"] == "nothing_to_send"
    assert len(lrs.requests) == requests


def test_changed_percentage_is_another_statement(store, lrs):
    store.deliver(LEARNERS)
    changed = [LEARNERS[0], learner("E2", "java", 2, 3)]
    assert store.deliver(changed, day=21)["rows"] == 1
    assert sent(lrs) == [*FIRST, ("E2", "progressed", 66)]


def test_store_whose_answers_are_lost_ends_with_the_right_statements(store, lrs):
    lrs.faults += [Fault(lose=True)] * 4
    run = store.stage(LEARNERS, 20)
    with pytest.raises(DeliveryUnavailableError):
        store.load(run)
    before = dict(lrs.stored)
    outcome = store.load(run)
    assert outcome["outcome"] == "delivered"
    assert "by an earlier try whose end was not seen" in outcome["sentence"]
    assert lrs.stored == before
    assert sent(lrs) == FIRST


def test_next_run_makes_up_for_one_that_broke(store, lrs):
    lrs.faults += [Fault(lose=True)] * 4
    with pytest.raises(DeliveryUnavailableError):
        store.deliver(LEARNERS)
    lrs.faults.clear()
    changed = [LEARNERS[0], learner("E2", "java", 2, 3)]
    assert store.deliver(changed, day=21)["outcome"] == "delivered"
    assert sorted(sent(lrs)) == sorted([*FIRST, ("E2", "progressed", 66)])


def test_statements_of_a_run_that_was_killed_are_ours(store, lrs):
    lrs.faults += [Fault(lose=True)] * 4
    with pytest.raises(DeliveryUnavailableError):
        store.deliver(LEARNERS)
    lrs.faults.clear()
    before = dict(lrs.stored)
    outcome = store.deliver(LEARNERS, day=22)
    assert (outcome["outcome"], outcome["refused"]) == ("delivered", 0)
    assert lrs.stored == before
    assert store.deliver(LEARNERS, day=23)["outcome"] == "nothing_to_send"


def test_statements_that_were_sent_before_a_reset_are_ours(store, lrs):
    store.deliver(LEARNERS)
    before = dict(lrs.stored)
    acme = connector(store.delivery, lms=store.lms)
    form = AdminForm("reset", "manual__1", triggered_by="ada", reason="try")
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    run_action(AdminRequest(acme, "c0ffee", store.root / "acme", form, store.root.joinpath, now))
    outcome = store.deliver(LEARNERS, day=22)
    assert (outcome["outcome"], outcome["refused"], outcome["rows"]) == ("delivered", 0, 2)
    assert lrs.stored == before


def test_statements_that_another_connector_of_ours_sent_are_ours(store, lrs, tmp_path):
    store.deliver(LEARNERS)
    before = dict(lrs.stored)
    renamed = Customer(tmp_path / "renamed", store.lms, dict(store.delivery), store.connection)
    outcome = renamed.deliver(LEARNERS, day=22)
    assert (outcome["outcome"], outcome["refused"]) == ("delivered", 0)
    assert lrs.stored == before


def test_all_again_is_byte_for_byte_what_the_store_was_sent_first(store, lrs):
    store.deliver(LEARNERS)
    first = lrs.sent("POST", "/xapi/statements")[0].body
    store.delivery["send"] = "full"
    for day in (21, 22, 23):
        store.deliver(LEARNERS, day=day)
        assert lrs.sent("POST", "/xapi/statements")[-1].body == first


@pytest.mark.parametrize("mode", [{"dry_run": True}, {"check_only": True}])
def test_trying_out_writes_nothing(store, lrs, mode):
    outcome = store.load(store.stage(LEARNERS, 20), **mode)
    assert "takes the login and xAPI 1.0.3" in outcome["sentence"]
    assert not lrs.stored


def test_moodle_stores_points(gradebook, school):
    assert gradebook.deliver(LEARNERS)["outcome"] == "delivered"
    assert school.items[42].grades == {101: 10.0, 102: 3.33}


@pytest.mark.parametrize("mode", [{"dry_run": True}, {"check_only": True}])
def test_trying_moodle_out_finds_a_missing_right_and_writes_nothing(gradebook, school, mode):
    outcome = gradebook.load(gradebook.stage(LEARNERS, 20), **mode)
    assert "takes grades of the 1 mapped activities; nothing was written" in outcome["sentence"]
    school.rights.remove("moodle/grade:edit")
    with pytest.raises(DeliveryError, match="give the token's user moodle/grade:edit. Nothing was written"):
        gradebook.load(gradebook.stage(LEARNERS, 21), **mode)
    assert not school.items[42].grades
    assert not school.nameless


@pytest.mark.parametrize(
    ("course", "most", "key"),
    [(7, 100.0, "lms.options.points is 10"), (8, 10.0, "correct lms.course_map.java.activity_id")],
)
def test_wrong_activity_of_moodle_is_refused_with_the_key_to_correct(gradebook, school, course, most, key):
    school.items[42] = Item(course, most=most)
    run = gradebook.stage(LEARNERS, 20)
    assert gradebook.load(run)["refused"] == 2
    assert key in (run.folder / "refused.csv").read_text()
    assert not school.items[42].grades
    assert not school.nameless


def test_moodle_is_sent_all_again_after_a_break(gradebook, school):
    run = gradebook.stage(LEARNERS, 20)
    school.faults += [Fault(lambda one: b"update_grades" in one.body, lose=True)] * 4
    with pytest.raises(DeliveryUnavailableError):
        gradebook.load(run)
    assert gradebook.load(run)["outcome"] == "delivered"
    assert school.items[42].grades == {101: 10.0, 102: 3.33}


def test_no_secret_of_moodle_is_staged(gradebook, school):
    school.items.clear()
    gradebook.deliver(LEARNERS)
    for path in gradebook.root.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def test_moodle_is_sent_changes_and_all_rows_only_on_request(gradebook, school):
    gradebook.deliver(LEARNERS)
    school.items[42].grades.clear()
    changed = [LEARNERS[0], learner("E2", "java", 2, 3)]
    assert gradebook.deliver(changed, day=21)["rows"] == 1
    assert school.items[42].grades == {102: 6.67}
    gradebook.delivery["send"] = "full"
    assert gradebook.deliver(changed, day=22)["rows"] == 2
    assert school.items[42].grades == {101: 10.0, 102: 6.67}


@pytest.fixture(params=["store", "gradebook", "fusion", "course"])
def refusing(request, store, gradebook, fusion, course, lrs, hcm):
    """A customer whose LMS refuses E9; Moodle and Canvas do not know this learner."""
    lrs.refused_names, hcm.strangers = {"E9"}, {"E9"}
    customers = {"store": store, "gradebook": gradebook, "fusion": fusion, "course": course}
    return customers[request.param]


def test_who_is_refused_again_does_not_fail_the_next_run(refusing):
    customer, people = refusing, [*LEARNERS, learner("E9", "java", 4, 4, "2026-11-18")]
    customer.delivery["results"] = {"max_refused_percent": 50}
    for day, rows, known in ((20, 3, None), (21, 1, 1)):
        run = customer.stage(people, day)
        customer.load_to_the_end(run)
        assert (run.receipt["rows"], run.receipt["refused"]) == (rows, 1)
        assert run.receipt.get("known_refusals") == known


def test_a_store_that_refuses_many_as_before_is_not_one_that_takes_nothing(store, lrs):
    many = [learner(f"E{number:03}", "java", 1, 3) for number in range(60)]
    lrs.refused_names = {f"E{number:03}" for number in range(20, 60)}
    assert store.deliver(many)["refused"] == 40
    outcome = store.deliver(many, day=21)
    assert (outcome["rows"], outcome["known_refusals"]) == (40, 40)


@pytest.mark.parametrize(
    "setting",
    [
        {"compression": "zip"},
        {"job": {"state": "s", "done": ["d"]}},
        {"upload": "raw"},
        {"results": {"path": "x", "row": "n"}},
    ],
)
def test_settings_of_uploads_are_refused_where_nothing_is_uploaded(gradebook, setting):
    gradebook.delivery |= setting
    with pytest.raises(ValueError, match="is for files that are uploaded as they are; lms.profile moodle_grades_ws"):
        gradebook.deliver(LEARNERS)


@pytest.fixture(scope="session", autouse=True)
def _ready() -> None:
    """Import once what a load needs, for all the processes that are going to be killed."""
    processes.set_forkserver_preload(["tests.delivery.lms_apis.customers", "include.codebashing_lms.load.run"])


def here_and_there(seed: int) -> list[int]:
    """Return steps of a load to kill it at, most around its requests; it has some 150."""
    return sorted(random.Random(seed).sample(range(85, 150), 6))


@pytest.mark.parametrize("step", here_and_there(1))
def test_load_that_is_killed_is_made_up_for_by_its_next_try(store, lrs, step):
    run = store.stage(LEARNERS, 20)
    store.load_killed_at(run, step)
    assert store.load(run)["outcome"] in ("delivered", "already_delivered")
    assert sent(lrs) == FIRST
    assert store.deliver(LEARNERS, day=21)["outcome"] == "nothing_to_send"


@pytest.mark.slow
@pytest.mark.parametrize("step", range(1, 170, 5))
def test_load_that_is_killed_anywhere_is_made_up_for_by_the_next_run(store, lrs, step):
    store.load_killed_at(store.stage(LEARNERS, 20), step)
    changed = [LEARNERS[0], learner("E2", "java", 2, 3)]
    store.deliver(changed, day=21)
    assert sent(lrs) in ([*FIRST, ("E2", "progressed", 66)], [FIRST[0], ("E2", "progressed", 66)])
    assert store.deliver(changed, day=22)["outcome"] == "nothing_to_send"


def test_refused_statement_is_listed_and_goes_again(store, lrs):
    lrs.refused_names = {"E2"}
    run = store.stage(LEARNERS, 20)
    assert store.load(run)["outcome"] == "delivered"
    assert "does not like E2 ***" in (run.folder / "refused.csv").read_text()
    assert sent(lrs) == FIRST[:1]
    lrs.refused_names = set()
    assert store.deliver(LEARNERS, day=21)["rows"] == 1
    assert sent(lrs) == FIRST


def test_moodle_does_not_know_everybody(gradebook, school):
    run = gradebook.stage([*LEARNERS, learner("E77", "java", 1, 2)], 20)
    assert gradebook.load(run)["outcome"] == "delivered"
    assert "no user with this idnumber" in (run.folder / "refused.csv").read_text()
    assert "E77" in (run.folder / "refused.csv").read_text()


def statuses(hcm):
    return {
        one["LearnerNumber"]: one["LearningRecordStatus"].removeprefix("ORA_ASSN_REC_") for one in hcm.records.values()
    }


def test_oracle_loads_a_data_set_and_is_polled_until_it_is_done(fusion, hcm):
    run = fusion.stage(LEARNERS, 20)
    outcome = fusion.load(run)
    assert (outcome["outcome"], outcome["ask_again_in"]) == ("working", 30)
    assert (run.receipt["state"], run.receipt["job"]) == ("working", "9766657")
    outcome = fusion.load_to_the_end(run)
    assert outcome["outcome"] == "delivered"
    assert statuses(hcm) == {"E1": "COMPLETE", "E2": "ACTIVE"}
    assert len(hcm.sets) == 1
    assert fusion.deliver(LEARNERS, day=21)["outcome"] == "nothing_to_send"


def test_lines_that_oracle_refuses_go_again(fusion, hcm):
    hcm.strangers = {"E1"}
    run = fusion.stage(LEARNERS, 20)
    assert fusion.load_to_the_end(run)["refused"] == 1
    assert "valid value for the LearnerNumber attribute: E1 ***" in (run.folder / "refused.csv").read_text()
    hcm.strangers = set()
    again = fusion.stage(LEARNERS, 21)
    assert fusion.load_to_the_end(again)["rows"] == 1
    assert statuses(hcm) == {"E1": "COMPLETE", "E2": "ACTIVE"}


def of_creation(request):
    return request.path.endswith("createFileDataSet")


def test_data_set_whose_answer_was_lost_is_found_by_the_next_try(fusion, hcm, monkeypatch):
    run = fusion.stage(LEARNERS, 20)
    hcm.faults.append(Fault(of_creation, lose=True))
    monkeypatch.setattr(oracle_hdl, "POLLS", 0)  # the task is killed before it can look
    with pytest.raises(DeliveryUnavailableError):
        fusion.load(run)
    monkeypatch.setattr(oracle_hdl, "POLLS", 4)
    assert fusion.load_to_the_end(run)["outcome"] == "delivered"
    assert len(hcm.sets) == 1


def test_data_set_whose_answer_was_lost_is_found_by_the_next_run(fusion, hcm, monkeypatch):
    hcm.faults.append(Fault(of_creation, lose=True))
    monkeypatch.setattr(oracle_hdl, "POLLS", 0)
    with pytest.raises(DeliveryUnavailableError):
        fusion.deliver(LEARNERS)
    monkeypatch.setattr(oracle_hdl, "POLLS", 4)
    hcm.sets[9766657].polls = 1
    changed = fusion.stage([LEARNERS[0], learner("E2", "java", 2, 3)], 21)
    assert fusion.load_to_the_end(changed)["outcome"] == "delivered"
    assert len(hcm.sets) == 2
    assert not hcm.sets[9766658].messages, "completions were sent a second time"


def test_canvas_is_sent_percentages(course, campus):
    outcome = course.load_to_the_end(course.stage(LEARNERS, 20))
    assert outcome["outcome"] == "delivered"
    assert campus.assignments["7", "42"].grades == {"sis_user_id:E1": "100%", "sis_user_id:E2": "33.33%"}
    assert course.deliver(LEARNERS, day=21)["outcome"] == "nothing_to_send"


def test_canvas_refuses_a_course_at_once_and_a_learner_later(course, campus):
    run = course.stage([*LEARNERS, learner("E3", "java", 1, 2), learner("E4", "net", 1, 2)], 20)
    outcome = course.load_to_the_end(run)
    assert outcome["refused"] == 2
    refused = (run.folder / "refused.csv").read_text()
    assert "404: The specified resource does not exist." in refused
    assert "Canvas knows no such user" in refused
    campus.assignments["8", "43"] = Assignment({"sis_user_id:E4"})
    campus.assignments["7", "42"].students.add("sis_user_id:E3")
    learners = [*LEARNERS, learner("E3", "java", 1, 2), learner("E4", "net", 1, 2)]
    assert course.load_to_the_end(course.stage(learners, 21))["rows"] == 2
    assert campus.assignments["8", "43"].grades == {"sis_user_id:E4": "50%"}


@pytest.mark.parametrize("step", here_and_there(2))
def test_canvas_after_a_kill(course, campus, step):
    run = course.stage(LEARNERS, 20)
    course.load_killed_at(run, step)
    assert course.load_to_the_end(run)["outcome"] in ("delivered", "already_delivered")
    assert campus.assignments["7", "42"].grades == {"sis_user_id:E1": "100%", "sis_user_id:E2": "33.33%"}


@pytest.mark.parametrize("step", here_and_there(3))
def test_oracle_after_a_kill(fusion, hcm, step):
    run = fusion.stage(LEARNERS, 20)
    fusion.load_killed_at(run, step)
    assert fusion.load_to_the_end(run)["refused"] == 0
    assert statuses(hcm) == {"E1": "COMPLETE", "E2": "ACTIVE"}
    assert len(hcm.sets) == 1


def test_oracle_loads_one_zip_after_the_other(fusion, hcm):
    fusion.lms["options"]["rows_per_file"] = 1
    learners = [*LEARNERS, learner("E3", "java", 2, 3)]
    run = fusion.stage(learners, 20)
    hcm.strangers = {"E2"}
    outcome = fusion.load_to_the_end(run)
    assert (outcome["outcome"], outcome["refused"]) == ("delivered", 1)
    assert [len(one.messages) for one in hcm.sets.values()] == [0, 1, 0]
    assert statuses(hcm) == {"E1": "COMPLETE", "E3": "ACTIVE"}
    hcm.strangers = set()
    assert fusion.load_to_the_end(fusion.stage(learners, 21))["rows"] == 1


def test_next_run_goes_on_with_the_zips_of_the_one_before(fusion, hcm):
    fusion.lms["options"]["rows_per_file"] = 1
    fusion.load(fusion.stage(LEARNERS, 20))
    assert len(hcm.sets) == 1
    fusion.load_to_the_end(fusion.stage(LEARNERS, 21))
    assert statuses(hcm) == {"E1": "COMPLETE", "E2": "ACTIVE"}
    assert [one.messages for one in hcm.sets.values()] == [[], []]


def test_files_that_a_store_took_are_not_sent_again_after_a_break(store, lrs):
    store.lms["options"]["rows_per_file"] = 2
    learners = [learner(f"E{number}", "java", 1, 4) for number in range(1, 7)]
    run = store.stage(learners, 20)
    third = [Fault(lambda one: b'"E5"' in one.body, answer=Answer(503))] * 4
    lrs.faults += third
    with pytest.raises(DeliveryUnavailableError):
        store.load(run)
    before = len(lrs.requests)
    assert store.load(run)["outcome"] == "delivered"
    assert lrs.names == ["E1", "E2", "E3", "E4", "E5", "E6"]
    assert len(lrs.requests) == before + 1

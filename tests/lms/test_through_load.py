"""Each LMS through a connector's whole load: what it is told, what a break leaves, what the next run does."""

import random

import pytest

from include.codebashing_lms.errors import DeliveryUnavailableError
from include.codebashing_lms.http_site import HttpSite
from tests.delivery.conftest import learner
from tests.lms.conftest import basic
from tests.lms.customers import LEARNERS, Customer, processes
from tests.lms.lrs import Lrs
from tests.lms.moodle import TOKEN, Item, Moodle
from tests.lms.server import Fault

PROGRESS = "https://w3id.org/xapi/cmi5/result/extensions/progress"


@pytest.fixture(params=["adl", "ralph"])
def lrs(request):
    with Lrs(request.param) as server:
        yield server


@pytest.fixture
def store(lrs, tmp_path) -> Customer:
    options = {"home_page": "https://hr.example.com", "activities": "https://lms.example.com/courses/"}
    lms = {"profile": "xapi", "options": options}
    return Customer(tmp_path, lms, {"endpoint": "/xapi"}, basic(lrs.url))


def said(lrs: Lrs) -> list[tuple[str, str, int | None]]:
    """Return what a store was told: who, what, how far."""
    return [
        (
            one["actor"]["account"]["name"],
            one["verb"]["display"]["en-US"],
            one["result"].get("extensions", {}).get(PROGRESS),
        )
        for one in lrs.stored.values()
    ]


FIRST = [("E1", "completed", None), ("E2", "progressed", 33)]


def test_store_is_told_once(store, lrs):
    outcome = store.tell(LEARNERS)
    assert outcome["outcome"] == "delivered"
    assert f"accepted by the learning record store {lrs.url}/xapi/statements" in outcome["sentence"]
    assert said(lrs) == FIRST
    asked = len(lrs.requests)
    assert store.tell(LEARNERS, day=21)["outcome"] == "nothing_to_send"
    assert len(lrs.requests) == asked


def test_changed_percentage_is_told_as_another_statement(store, lrs):
    store.tell(LEARNERS)
    changed = [LEARNERS[0], learner("E2", "java", 2, 3)]
    assert store.tell(changed, day=21)["rows"] == 1
    assert said(lrs) == [*FIRST, ("E2", "progressed", 66)]


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
    assert said(lrs) == FIRST


def test_next_run_makes_up_for_one_that_broke(store, lrs):
    lrs.faults += [Fault(lose=True)] * 4
    with pytest.raises(DeliveryUnavailableError):
        store.tell(LEARNERS)
    lrs.faults.clear()
    changed = [LEARNERS[0], learner("E2", "java", 2, 3)]
    assert store.tell(changed, day=21)["outcome"] == "delivered"
    assert sorted(said(lrs)) == sorted([*FIRST, ("E2", "progressed", 66)])


@pytest.mark.parametrize("mode", [{"dry_run": True}, {"check_only": True}])
def test_trying_out_writes_nothing(store, lrs, mode):
    outcome = store.load(store.stage(LEARNERS, 20), **mode)
    assert "takes the login and xAPI 1.0.3" in outcome["sentence"]
    assert not lrs.stored


@pytest.fixture
def school():
    with Moodle() as server:
        server.users = [{"id": 100 + number, "idnumber": f"E{number}"} for number in (1, 2, 3)]
        server.courses = [{"id": 7, "idnumber": "CB-JAVA"}]
        server.items = {42: Item(7, most=10.0)}
        yield server


@pytest.fixture
def gradebook(school, tmp_path) -> Customer:
    courses = {"java": {"id": "CB-JAVA", "activity_id": 42}}
    lms = {"profile": "moodle_grades_ws", "options": {"points": 10}, "course_map": courses}
    endpoint = {"endpoint": "/webservice/rest/server.php"}
    return Customer(tmp_path, lms, endpoint, HttpSite(school.url, password=TOKEN))


def test_moodle_stores_points(gradebook, school):
    assert gradebook.tell(LEARNERS)["outcome"] == "delivered"
    assert school.items[42].grades == {101: 10.0, 102: 3.33}


def test_moodle_is_told_again_after_a_break(gradebook, school):
    run = gradebook.stage(LEARNERS, 20)
    school.faults += [Fault(lambda one: b"update_grades" in one.body, lose=True)] * 4
    with pytest.raises(DeliveryUnavailableError):
        gradebook.load(run)
    assert gradebook.load(run)["outcome"] == "delivered"
    assert school.items[42].grades == {101: 10.0, 102: 3.33}


def test_no_secret_of_moodle_is_staged(gradebook, school):
    school.items.clear()
    gradebook.tell(LEARNERS)
    for path in gradebook.root.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def test_moodle_is_told_what_changed_and_all_only_when_asked_to(gradebook, school):
    gradebook.tell(LEARNERS)
    school.items[42].grades.clear()
    changed = [LEARNERS[0], learner("E2", "java", 2, 3)]
    assert gradebook.tell(changed, day=21)["rows"] == 1
    assert school.items[42].grades == {102: 6.67}
    gradebook.delivery["send"] = "full"
    assert gradebook.tell(changed, day=22)["rows"] == 2
    assert school.items[42].grades == {101: 10.0, 102: 6.67}


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
    with pytest.raises(
        ValueError, match="is for files that are uploaded as they are; lms.profile moodle_grades_ws"
    ):
        gradebook.tell(LEARNERS)


@pytest.fixture(scope="session", autouse=True)
def _ready() -> None:
    """Import once what a load needs, for all the processes that are going to be killed."""
    processes.set_forkserver_preload(["tests.lms.customers", "include.codebashing_lms.load"])


def here_and_there(seed: int) -> list[int]:
    """Return steps of a load to kill it at, most around its requests; it has some 150."""
    return sorted(random.Random(seed).sample(range(85, 150), 6))


@pytest.mark.parametrize("step", here_and_there(1))
def test_load_that_is_killed_is_made_up_for_by_its_next_try(store, lrs, step):
    run = store.stage(LEARNERS, 20)
    store.load_killed_at(run, step)
    assert store.load(run)["outcome"] in ("delivered", "already_delivered")
    assert said(lrs) == FIRST
    assert store.tell(LEARNERS, day=21)["outcome"] == "nothing_to_send"


@pytest.mark.slow
@pytest.mark.parametrize("step", range(1, 170, 5))
def test_load_that_is_killed_anywhere_is_made_up_for_by_the_next_run(store, lrs, step):
    store.load_killed_at(store.stage(LEARNERS, 20), step)
    changed = [LEARNERS[0], learner("E2", "java", 2, 3)]
    store.tell(changed, day=21)
    assert said(lrs) in ([*FIRST, ("E2", "progressed", 66)], [FIRST[0], ("E2", "progressed", 66)])
    assert store.tell(changed, day=22)["outcome"] == "nothing_to_send"

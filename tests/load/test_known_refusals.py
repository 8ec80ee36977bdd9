"""Known refusals do not fail a run again; new refusals count beside all rows that the LMS holds."""

from datetime import UTC, datetime

import pytest

from include.codebashing_lms.admin.actions import run_action
from include.codebashing_lms.admin.form import AdminForm
from include.codebashing_lms.admin.request import AdminRequest
from include.codebashing_lms.errors import DeliveryError
from tests.delivery.connections import lms_connection
from tests.fakes.working_lms import PickyLms, WorkingLms, says
from tests.load.staged_run import connector, learner, stage
from tests.load.test_jobs import importing as in_a_job
from tests.load.test_refusals import Days, importing

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LIMIT = {"max_refused_percent": 5}
GUARDS = {"min_learners": None, "max_fall_percent": None, "max_drop_percent": None}
EVERYBODY = [learner(f"{number}", "java", 1, 4) for number in range(137)]
SIX = {f"{number}": "no such user" for number in range(6)}
TEN = {f"{number}": "no such user" for number in range(10)}


def newcomers(count, first=1000):
    return [learner(f"{number}", "java", 1, 4) for number in range(first, first + count)]


def refuse(lms, learners, reason="no such user"):
    lms.unknown |= {one["employee_id"]: reason for one in learners}


def numbers(days):
    return days.last.receipt["refused"], days.last.receipt.get("known_refusals", 0)


@pytest.fixture
def lms():
    with PickyLms() as server:
        yield server


@pytest.fixture
def days(tmp_path, lms):
    return Days(tmp_path / "staging", lms)


@pytest.mark.parametrize("send", ["changes", "full"])
def test_six_known_refusals_fail_no_run_on_quiet_days(days, lms, send):
    delivery = importing(send, **LIMIT)
    lms.unknown = SIX
    outcome = days.run(EVERYBODY, delivery)
    assert (outcome["refused"], "known_refusals" in outcome, outcome["rows"]) == (6, False, 137)
    for _ in range(2):
        outcome = days.run(EVERYBODY, delivery)
        assert outcome["rows"] == (6 if send == "changes" else 137)
        assert (outcome["refused"], outcome["known_refusals"]) == (6, 6)
        assert "The LMS refused 6 rows (0 new, 6 known): see refused.csv" in outcome["sentence"]
        assert numbers(days) == (6, 6)
        assert days.last.manifest["known_refusals"] == 6
    outcome = days.run(EVERYBODY, delivery)
    assert days.last.manifest["records"]["set_aside"] == {"refused": 6}
    assert outcome["outcome"] == ("nothing_to_send" if send == "changes" else "delivered")


def test_a_few_newcomers_who_are_all_refused_are_few_beside_all_that_the_lms_holds(days, lms):
    lms.unknown = SIX
    days.run(EVERYBODY, importing(**LIMIT))
    refuse(lms, newcomers(3), "licences are used up")
    outcome = days.run([*EVERYBODY, *newcomers(3)], importing(**LIMIT))
    assert "(9 rows," in outcome["sentence"]
    assert "The LMS refused 9 rows (3 new, 6 known)" in outcome["sentence"]


@pytest.mark.parametrize(("percent", "stops"), [(5, True), (7, False)])
def test_new_refusals_stop_the_run_that_crosses_the_limit_and_no_later_run(days, lms, percent, stops):
    delivery = importing(max_refused_percent=percent)
    lms.unknown = SIX
    days.run(EVERYBODY, delivery)
    refuse(lms, newcomers(10))
    more = [*EVERYBODY, *newcomers(10)]
    if stops:
        words = r"refused 16 of 16 rows of .* \(10 new, 6 known\)\. New: 10, that is 6\.8 % of the 147 rows"
        with pytest.raises(DeliveryError, match=words):
            days.run(more, delivery)
    else:
        days.run(more, delivery)
    assert numbers(days) == (16, 6)
    assert days.run(more, delivery)["known_refusals"] == 16


@pytest.mark.parametrize("send", ["changes", "full"])
def test_a_first_delivery_that_is_refused_altogether_fails_and_the_next_day_is_known(days, lms, send):
    refuse(lms, EVERYBODY)
    words = r"refused 137 of 137 rows of .*\. New: 137, that is 100\.0 % of the 137 rows"
    with pytest.raises(DeliveryError, match=words):
        days.run(EVERYBODY, importing(send, **LIMIT))
    assert days.run(EVERYBODY, importing(send, **LIMIT))["known_refusals"] == 137


def act(days, action, **answers):
    """Have a person act by the admin DAG."""
    form = AdminForm(action, "manual__1", triggered_by="ada", reason="as the LMS says", **answers)
    acme, lists = connector(importing(**LIMIT), **days.sections), days.staging.parent
    return run_action(AdminRequest(acme, "0", days.staging / "acme", form, lists.joinpath, NOW))


def test_what_an_export_of_the_lms_holds_does_not_hide_that_a_first_delivery_is_refused(days, lms, tmp_path):
    done = [learner(f"{number}", "java", 4, 4, "2026-01-02") for number in range(100)]
    lines = [f"{one['employee_id']},java,2026-01-02" for one in done]
    (tmp_path / "export.csv").write_text("\n".join(["employee_id,course,completed_at", *lines]))
    (days.staging / "acme").mkdir(parents=True)
    assert act(days, "first_delivery", answer="baseline", file="export.csv")["rows"] == 100
    refuse(lms, newcomers(3))
    with pytest.raises(DeliveryError, match=r"refused 3 of 3 rows .* 100\.0 % of the 3 rows"):
        days.run([*done, *newcomers(3)], importing(**LIMIT))
    lms.unknown = {}
    days.run([*done, *newcomers(3)], importing(**LIMIT))
    refuse(lms, newcomers(3, 2000))  # by now it took rows, and everything that it holds counts
    days.run([*done, *newcomers(3), *newcomers(3, 2000)], importing(**LIMIT))
    assert numbers(days) == (3, 0)


def test_a_reject_list_of_a_person_makes_refusals_known(days, lms, tmp_path):
    days.run(EVERYBODY, importing(**LIMIT))
    lines = [f"{number},java,no such user" for number in range(10)]
    (tmp_path / "rejects.csv").write_text("\n".join(["user_key,course_id,reason", *lines]))
    assert act(days, "refused", file="rejects.csv")["rows"] == 10
    lms.unknown = TEN
    assert days.run(EVERYBODY, importing(**LIMIT))["known_refusals"] == 10


@pytest.mark.parametrize(
    ("first", "then", "known"),
    [
        ("no such user '7' in line 3", "no such user 'x' in line  99", 10),
        ("no such user", "course is closed", 0),
        ("no such user", None, 0),
    ],
    ids=["the same reason", "another reason", "accepted in between"],
)
def test_a_refusal_is_known_by_learner_course_and_reason(days, lms, first, then, known):
    delivery = importing(max_refused_percent=8)
    refuse(lms, EVERYBODY[:10], first)
    days.run(EVERYBODY, delivery)
    lms.unknown = {}
    refuse(lms, EVERYBODY[:10], then) if then else days.run(EVERYBODY, delivery)
    refuse(lms, EVERYBODY[:10], then or first)
    moved = [*(learner(f"{number}", "java", 2, 4) for number in range(10)), *EVERYBODY[10:]]
    days.run(moved, delivery)
    assert numbers(days) == (10, known)


def test_another_course_of_the_same_learner_is_new(days, lms):
    lms.unknown = SIX
    days.run(EVERYBODY, importing(**LIMIT))
    days.run([*EVERYBODY, learner("0", "go", 1, 4)], importing(**LIMIT))
    assert numbers(days) == (7, 6)


def test_no_limit_at_all_still_forgives_what_is_known(days, lms):
    lms.unknown = SIX
    with pytest.raises(DeliveryError, match=r"refused 6 of 137 rows"):
        days.run(EVERYBODY, importing(max_refused_percent=0))
    assert days.run(EVERYBODY, importing(max_refused_percent=0))["known_refusals"] == 6
    refuse(lms, newcomers(1))
    with pytest.raises(DeliveryError, match=r"refused 7 of 7 rows .* \(1 new, 6 known\)"):
        days.run([*EVERYBODY, *newcomers(1)], importing(max_refused_percent=0))


def test_a_retry_after_a_lost_answer_counts_the_same(days, lms):
    lms.unknown = SIX
    days.run(EVERYBODY, importing(**LIMIT))
    lms.answers_to_lose = 1
    days.run(EVERYBODY, importing(**LIMIT))
    assert numbers(days) == (6, 6)


def test_who_settles_a_delivery_by_hand_hears_of_its_refusals(days, lms):
    days.sections = {"lms": {"profile": "moodle_grades_csv"}}
    people = [*EVERYBODY[:20], learner("x", "go", 1, 4)]
    refused = {"report": {"refused": [{"line": line, "problem": "no such user"} for line in range(2, 7)]}}
    lms.next_answers.extend([says(refused), says({}, 422)])
    with pytest.raises(DeliveryError):
        days.run(people, importing(**LIMIT), **days.sections)
    [pointer] = (days.staging / "acme" / "in_flight").iterdir()
    done = act(days, "settle", delivery=pointer.stem, found="taken")
    assert "taken: its rows count as known. The LMS refused 5 rows: see refused.csv" in done["sentence"]
    lms.next_answers.append(says(refused))
    assert days.run(people, importing(**LIMIT), **days.sections)["known_refusals"] == 5


@pytest.fixture
def slow(tmp_path):
    with WorkingLms() as server:
        server.unknown = dict(SIX)
        yield server


def at_work(staging, lms, learners, day, **more):
    """Begin the job of a day, and have the LMS do its work."""
    results = {"path": "result.refused", "row": "line", "reason": "problem", **LIMIT}
    run = stage(staging, learners, day=day, run_id=f"run{day}", guards=GUARDS)
    delivery = in_a_job(results=results, send="changes")
    load = lambda: run.load(delivery, lms_connection(lms), guards=GUARDS, **more)  # noqa: E731
    load()
    lms.work()
    return run, load


def test_refusals_of_a_job_are_known_the_next_day(tmp_path, slow):
    for day, known in ((1, None), (2, 6)):
        _, load = at_work(tmp_path, slow, EVERYBODY, day)
        assert load().get("known_refusals") == known


def test_a_job_that_another_run_finds_finished_stops_that_run_once(tmp_path, slow):
    slow.unknown = dict(TEN)
    at_work(tmp_path, slow, EVERYBODY, 1)  # its run is killed, and never asks
    with pytest.raises(DeliveryError, match=r"refused 10 of 137 rows .* 7\.3 % of the 137 rows"):
        at_work(tmp_path, slow, EVERYBODY, 2)
    run, load = at_work(tmp_path, slow, EVERYBODY, 3)
    assert load()["known_refusals"] == 10
    assert run.receipt["rows"] == 10


class Drops:
    """A folder whose LMS answers each of our files with a list of the rows that it refuses."""

    def __init__(self, staging, drop):
        self.staging, self.drop, self.day = staging, drop, 0
        self.results = {"name": "{stem}.log", "user": "user", "course": "course", "reason": "why", **LIMIT}

    def run(self, learners, send="changes", **sections):
        self.day += 1
        self.last = stage(self.staging, learners, day=self.day, run_id=f"run{self.day}", guards=GUARDS, **sections)
        delivery = {"method": "folder", "directory": str(self.drop), "send": send, "results": self.results}
        return self.last.load(delivery, guards=GUARDS, **sections)

    def answer(self, run, refused, number=0):
        """Let the LMS answer a file of a run."""
        receipt = run.receipt
        stem = (receipt.get("parts") or [receipt])[number]["file"].rpartition(".")[0]
        lines = [f"{one},{course},no such user" for one, course in refused]
        (self.drop / f"{stem}.log").write_text("\n".join(["user,course,why", *lines, ""]))


@pytest.fixture
def drops(tmp_path, drop):
    return Drops(tmp_path / "staging", drop)


JAVA = [(f"{number}", "java") for number in range(137)]


def test_refusals_of_result_files_are_known_the_next_day(drops):
    drops.run(EVERYBODY)
    for known in (0, 6, 6):
        earlier = drops.last
        drops.answer(earlier, JAVA[:6])
        outcome = drops.run(EVERYBODY)
        assert (earlier.receipt["refused"], earlier.receipt.get("known_refusals", 0)) == (6, known)
    assert outcome["outcome"] == "nothing_to_send"


def test_a_late_result_file_that_says_the_same_of_a_newer_file_is_known(drops):
    drops.run(EVERYBODY, send="full")
    first = drops.last
    drops.run(EVERYBODY, send="full")
    second = drops.last
    drops.answer(first, JAVA[:10])
    with pytest.raises(DeliveryError, match=r"refused 10 of 137 rows"):
        drops.run(EVERYBODY, send="full")
    drops.answer(second, JAVA[:10])
    drops.run(EVERYBODY, send="full")
    assert second.receipt["known_refusals"] == 10


def test_the_result_of_another_file_of_the_same_delivery_does_not_fail_a_run_again(drops):
    lms = {"profile": "moodle_grades_csv"}
    people = [*EVERYBODY[:20], *(learner(f"{number}", "go", 1, 4) for number in range(20))]
    drops.run(people, lms=lms)
    first = drops.last
    drops.answer(first, JAVA[:4], 0)
    with pytest.raises(DeliveryError, match=r"New: 4, that is 10\.0 % of the 40 rows"):
        drops.run(people, lms=lms)
    drops.answer(first, [], 1)
    drops.run(people, lms=lms)
    assert len(first.receipt["pickup"]["results"]) == 2

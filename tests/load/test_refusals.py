"""Rows that the LMS refuses: listed, counted, sent again; after the third time they wait for a change."""

import csv
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.codebashing_lms.delivery.results import ResultParser
from include.codebashing_lms.errors import ConnectorError, DeliveryError
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.journal import open_ledger
from include.codebashing_lms.ledger.maintenance import rebuild
from include.codebashing_lms.load.repeat_refusals import normalize_reason
from tests.delivery.connections import lms_connection
from tests.fakes.working_lms import PickyLms, says
from tests.load.staged_run import connector, learner, stage

RESULTS = {"path": "report.refused", "row": "line", "reason": "problem", "max_refused_percent": 100}
PEOPLE = [learner("1042", "java", 1, 4), learner("1043", "python", 1, 3), learner("1044", "java", 2, 4)]


def importing(send="changes", **results):
    return {"method": "http", "endpoint": "/import", "send": send, "results": {**RESULTS, **results}}


@pytest.fixture
def lms():
    with PickyLms() as server:
        yield server


class Days:
    """Runs of a connector, one a day."""

    def __init__(self, staging, lms):
        self.staging, self.lms, self.day = staging, lms, 0
        self.sections = {}

    def run(self, learners=PEOPLE, delivery=None, day=None, **sections):
        self.day += 1
        shared = {name: value for name, value in sections.items() if name in ("lms", "identity")}
        self.last = stage(
            self.staging, learners, day=day or self.day, run_id=f"run{self.day}", **shared,
            guards={"min_learners": None, "max_fall_percent": None, "max_drop_percent": None},
        )  # fmt: skip
        guards = {"min_learners": None, "max_fall_percent": None, "max_drop_percent": None}
        return self.last.load(delivery or importing(), lms_connection(self.lms), guards=guards, **sections)

    @property
    def ledger(self):
        [folder] = ledgers(self.staging / "acme")
        assert rebuild(folder).table.equals(open_ledger(folder).table)
        return {one["employee_id"]: one for one in open_ledger(folder).table.to_pylist()}

    def listed(self, name):
        with (self.last.folder / name).open(newline="") as file:
            return list(csv.DictReader(file))

    def sent(self):
        return [row["employee_id"] for row in csv.DictReader(self.lms.imports[-1].decode().splitlines())]


@pytest.fixture
def days(tmp_path, lms):
    return Days(tmp_path / "staging", lms)


def adds_up(manifest):
    records = manifest["records"]
    parts = sum(sum(records[place].values()) for place in ("withheld", "set_aside"))
    return records["read"] == records["emitted"] + parts + records["merged"]


def test_refused_rows_are_listed_counted_and_sent_again(days, lms):
    lms.unknown = {"1043": "=no such user 'x' in line 7"}
    outcome = days.run()
    assert (outcome["outcome"], outcome["refused"]) == ("delivered", 1)
    assert "The LMS refused 1 row: see refused.csv; they go again with the next run." in outcome["sentence"]
    [line] = days.listed("refused.csv")
    assert list(line) == ["reason", "detail", "email", "employee_id", "course", "records"]
    assert (line["reason"], line["employee_id"]) == ("'=no such user 'x' in line 7", "1043")
    assert (days.last.folder / "refused.csv").stat().st_mode & 0o777 == 0o600
    receipt = days.last.receipt
    assert (receipt["state"], receipt["refused"], days.last.manifest["refused"]) == ("delivered", 1, 1)
    assert "1043" not in json.dumps(receipt) + json.dumps(outcome)
    row = days.ledger["1043"]
    assert (row["hundredths"], row["sent_at"], row["refusals"]) == (None, None, 1)
    assert days.ledger["1042"]["hundredths"] == 2500
    lms.unknown.clear()
    assert days.run()["rows"] == 1
    assert days.sent() == ["1043"]
    assert (days.ledger["1043"]["hundredths"], days.ledger["1043"]["refusals"]) == (3333, 0)
    assert days.run()["outcome"] == "nothing_to_send"


def test_a_retry_after_the_answer_was_lost_knows_what_was_refused(days, lms):
    lms.unknown = {"1043": "no such user"}
    lms.answers_to_lose = 1
    assert days.run()["refused"] == 1
    assert len(lms.imports) == 1


def test_the_third_same_refusal_needs_a_person(days, lms):
    for line in (7, 23, 9):
        lms.unknown = {"1043": f"no such user '{line}' in line {line}"}
        assert days.run()["outcome"] == "delivered"
    assert days.run()["outcome"] == "nothing_to_send"
    [line] = [one for one in days.listed("set_aside.csv") if one["reason"] == "refused"]
    assert "no such user … in line 0" in line["detail"]
    assert (line["email"], line["employee_id"], line["course"]) == ("1043@example.com", "1043", "python")
    assert days.last.manifest["records"]["set_aside"]["refused"] == 1
    assert adds_up(days.last.manifest)


def test_another_reason_counts_from_one(days, lms):
    for reason in ("no such user", "no such user", "course is closed", "course is closed"):
        lms.unknown = {"1043": reason}
        days.run()
    assert days.ledger["1043"]["refusals"] == 2
    assert days.run()["rows"] == 1


def refused_three_times(days, **sections):
    days.lms.unknown = {"1043": "no such user"}
    for _ in range(3):
        days.run(**sections)
    assert days.run(**sections)["outcome"] == "nothing_to_send"
    days.lms.unknown.clear()


def further():
    return [PEOPLE[0], learner("1043", "python", 2, 3), PEOPLE[2]]


def moved():
    return [PEOPLE[0], {**PEOPLE[1], "email": "new@example.com"}, PEOPLE[2]]


@pytest.mark.parametrize("learners", [further, moved])
def test_it_is_tried_again_at_once_when_anything_about_it_changes(days, learners):
    refused_three_times(days)
    assert days.run(learners())["rows"] == 1
    assert days.ledger["1043"]["refusals"] == 0


def test_it_is_tried_again_when_the_course_map_changes(days):
    courses = {"java": {"id": "J"}, "python": {"id": "P"}}
    refused_three_times(days, lms={"course_map": courses})
    assert days.run(lms={"course_map": {**courses, "python": {"id": "P1"}}})["rows"] == 1


def test_it_is_tried_again_when_hr_says_something(days, tmp_path):
    people = tmp_path / "people.csv"
    people.write_text("email,action,employee_id,reason\n")
    refused_three_times(days, identity={"people": str(people)})
    people.write_text("email,action,employee_id,reason\n1043@example.com,accept,,is one of us\n")
    assert days.run(identity={"people": str(people)})["rows"] == 1


def test_a_row_that_was_sent_before_is_refused_and_keeps_its_last_value(days, lms):
    days.run()
    lms.unknown = {"1043": "closed"}
    days.run(further())
    assert (days.ledger["1043"]["hundredths"], days.ledger["1043"]["refusals"]) == (3333, 1)
    days.run()  # back at what the LMS has, and still to be sent
    assert days.sent() == ["1043"]
    assert days.ledger["1043"]["refusals"] == 2


def test_under_full_rows_that_are_refused_again_are_set_aside_too(days, lms):
    lms.unknown = {"1043": "closed"}
    for _ in range(3):
        assert days.run(delivery=importing("full"))["rows"] == 3
    assert days.run(delivery=importing("full"))["rows"] == 2
    assert days.last.manifest["records"]["set_aside"] == {"refused": 1}


def test_an_unchanged_row_may_be_refused_under_full(days, lms):
    days.run(delivery=importing("full"))
    lms.unknown = {"1043": "closed"}
    days.run(delivery=importing("full"))
    lms.unknown.clear()
    assert days.run()["rows"] == 1
    assert days.sent() == ["1043"]


def test_a_past_date_waits_for_the_newer_row_that_was_refused(days, lms):
    lms.unknown = {"1043": "closed"}
    days.run(day=20)
    lms.unknown.clear()
    days.run(day=10)
    assert days.last.manifest["records"]["withheld"] == {"unchanged": 2, "refused_waiting": 1}
    assert adds_up(days.last.manifest)
    assert days.run(day=21)["rows"] == 1


def test_below_the_limit_it_is_a_success_above_it_a_failure_that_journals_accepted_rows(days, lms):
    lms.unknown = {"1043": "closed"}
    with pytest.raises(DeliveryError, match=r"refused 1 of 3 rows .*33\.3 %") as failure:
        days.run(delivery=importing(max_refused_percent=33))
    assert not failure.value.retryable
    assert "1043" not in str(failure.value).replace("2026", "")
    assert days.last.receipt["state"] == "delivered"
    assert (days.ledger["1042"]["hundredths"], days.ledger["1043"]["refusals"]) == (2500, 1)
    assert days.run(delivery=importing(max_refused_percent=100))["rows"] == 1


@pytest.mark.parametrize(
    ("results", "item"),
    [
        ({"row": "line"}, {"line": 3}),
        ({"row": "line"}, {"line": "3"}),
        ({"row": "line"}, {"line": 3.0}),
        ({"row": "at.line", "first_row": 0}, {"at": {"line": 1}}),
        ({"row": None, "user": "who"}, {"who": "1043"}),
        ({"row": None, "user": "who", "course": "what"}, {"who": 1043, "what": "python"}),
        ({"row": None, "course": "what"}, {"what": "python"}),
    ],
)
def test_ways_to_name_a_row(days, lms, results, item):
    lms.next_answers.append(says({"report": {"refused": [item]}}))
    assert days.run(delivery=importing(**{"reason": None, **results}))["refused"] == 1
    assert days.ledger["1043"]["refusal"] == "no reason was given"


NO_ROWS = [{"line": 1}, {"line": 99}, {"line": -3}, {"line": True}, {"line": None}, {"line": "x"}]


@pytest.mark.parametrize("item", [*NO_ROWS, {}, "text", 7, None])
def test_a_result_of_a_row_that_was_not_sent_is_counted_and_warned_of(days, lms, caplog, item):
    lms.next_answers.append(says({"report": {"refused": [item]}}))
    outcome = days.run()
    assert (outcome["refused"], days.last.receipt["refusals_unmatched"]) == (0, 1)
    assert "1 of its refusals fit no row that was sent" in outcome["sentence"]
    assert "1 refusals of the LMS fit no row" in caplog.text
    assert len(days.ledger) == 3


EMPTY = [{}, {"report": None}, {"report": {"refused": []}}, {"report": {"refused": None}}]


@pytest.mark.parametrize("report", EMPTY)
def test_an_answer_without_refusals_refuses_nothing(days, lms, report):
    lms.next_answers.append(says(report))
    assert days.run()["refused"] == 0


def test_what_is_no_list_of_refusals_is_an_error_that_names_the_key(days, lms):
    lms.next_answers.append(says({"report": {"refused": "3 rows"}}))
    with pytest.raises(DeliveryError, match=r"delivery\.results\.path"):
        days.run()


def test_a_list_of_all_rows_with_their_status(days, lms):
    items = [{"line": 2, "status": "ok"}, {"line": 3, "status": "E17"}, {"line": 4, "status": "skipped"}]
    lms.next_answers.append(says({"report": {"refused": items}}))
    days.run(delivery=importing(status="status", refused=["E17", "E18"], reason=None))
    assert (days.ledger["1043"]["refusal"], days.ledger["1044"]["hundredths"]) == ("E0", 5000)


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_a_report_at_an_address_of_its_own(days, lms, kind):
    report = says({"report": {"refused": [{"line": 3, "problem": "closed"}]}})
    settings = {"report": "/import/errors"}
    if kind == "csv":
        report = says("")
        object.__setattr__(report, "body", b"line;problem\r\n3;closed\r\n")
        settings |= {"format": "csv", "delimiter": ";", "path": None}
    lms.reports["/import/errors"] = report
    assert days.run(delivery=importing(**settings))["refused"] == 1
    assert lms.asked == ["/import/errors"]


def test_a_csv_report_without_the_column_names_it(days, lms):
    lms.reports["/errors"] = says("")
    object.__setattr__(lms.reports["/errors"], "body", b"zeile;problem\r\n3;closed\r\n")
    with pytest.raises(ConnectorError, match="no column line"):
        days.run(delivery=importing(report="/errors", format="csv", delimiter=";", path=None))


def test_the_token_in_a_reason_gets_into_no_list(days, lms):
    lms.unknown = {"1043": f"refused for {lms.token}"}
    days.run()
    assert lms.token not in (days.last.folder / "refused.csv").read_text()


@pytest.mark.parametrize(
    "results",
    [
        {"path": "a"},
        {"row": "a"},
        {"path": "a", "row": "b", "status": "c"},
        {"path": "a", "row": "b", "refused": ["c"]},
        {"max_refused_percent": 101},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(results):
    with pytest.raises(ValueError, match="delivery.results"):
        connector({"method": "http", "endpoint": "/import", "results": results})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("line 7: no such user", "line 23: no such  user"),
        ("user 'ann' is unknown", "user 'ben o' is unknown"),
        ('"a@x.com" at 10:15', '"b@x.com" at 11:37'),
    ],
)
def test_reasons_are_alike_but_for_numbers_and_quotes(one, other):
    assert normalize_reason(one) == normalize_reason(other)


def test_other_reasons_are_others():
    assert len({normalize_reason(one) for one in ("no such user", "no such course", "closed since '1'", "closed")}) == 4


WHO = ("1", "2", "3")
DAY = st.fixed_dictionaries(
    {
        "done": st.tuples(*[st.integers(0, 4) for _ in WHO]),
        "unknown": st.dictionaries(st.sampled_from(WHO), st.sampled_from(["no such user", "closed"])),
        "send": st.sampled_from(["changes", "full"]),
        "lost": st.booleans(),
    }
)


@settings(max_examples=6, deadline=None)
@given(st.lists(DAY, min_size=1, max_size=6))
def test_whatever_is_refused_in_whatever_order_the_lms_ends_with_the_truth(history):
    """Once it refuses nobody any more, and everybody has moved on, it knows how far everybody is."""
    truth = {}
    with tempfile.TemporaryDirectory() as name, PickyLms() as lms:
        days = Days(Path(name), lms)
        for day in [*history, {"done": None, "unknown": {}, "send": "changes", "lost": False}]:
            lms.unknown, lms.answers_to_lose = day["unknown"], int(day["lost"])
            done = day["done"] or [max(one, 0) for one in history[-1]["done"]]
            learners = [
                learner(who, "java", count, 4, "2026-11-01T00:00:00" if count == 4 else None)
                for who, count in zip(WHO, done, strict=True)
            ]
            if day["done"] is None:  # a title is another row to those who were refused too often
                courses = {"java": {"id": "java", "title": "Java"}}
                days.run(learners, importing(day["send"]), lms={"course_map": courses})
            else:
                days.run(learners, importing(day["send"]), lms={"course_map": {"java": {"id": "java"}}})
            for who, count in zip(WHO, done, strict=True):
                if who not in day["unknown"] and truth.get(who) != "100":
                    truth[who] = f"{count * 25}"
            assert adds_up(days.last.manifest)
            known = {who: row["percent_complete"] for (who, _), row in lms.rows.items()}
            sent = {who: f"{one['hundredths'] / 100:g}" for who, one in days.ledger.items() if one["sent_at"]}
            assert known == sent
            for one in days.ledger.values():
                assert (one["refused_at"] is not None) == (one["refusals"] > 0)
    assert set(known) == set(WHO)
    assert all(known[who] == truth[who] for who in WHO)


@pytest.mark.parametrize(
    "content",
    [b"x" * 200_000, b"line,problem\r\n2," + b"x" * 200_000 + b"\r\n"],
    ids=["no table", "a cell without end"],
)
def test_a_report_that_is_no_csv_is_an_error_in_our_words(content):
    results = connector({"method": "sftp", "results": {"name": "{stem}.res", "row": "line"}}).delivery.results
    with pytest.raises(DeliveryError, match="no CSV that can be read"):
        ResultParser(results, 2).in_file(content)

"""What becomes of drops: picked up or not, and what the LMS's result files say of them afterwards."""

import pytest

from demo.sftp import SftpServer
from include.codebashing_lms.errors import ConnectorError, DeliveryError, DeliveryUnavailableError
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.journal import open_ledger
from tests.delivery.connections import sftp_connection
from tests.load.staged_run import LEARNERS, NAME, connector, learner, stage

STEM = NAME.removesuffix(".csv")
RESULTS = {"name": "{stem}_result.csv", "user": "user", "course": "course", "reason": "why", "max_refused_percent": 100}
MORE = [*LEARNERS, learner("1044", "java", 1, 4)]


class Folder:
    """A folder of this machine as the drop."""

    def __init__(self, drop):
        self.drop, self.connection = drop, None

    def delivery(self, **settings):
        return {"method": "folder", "directory": str(self.drop), "send": "changes", **settings}


class Sftp(Folder):
    """A directory of an SFTP server as the drop."""

    def __init__(self, drop, server):
        super().__init__(drop)
        self.connection = sftp_connection(server)

    def delivery(self, **settings):
        return {"method": "sftp", "send": "changes", **settings}


@pytest.fixture(params=["folder", "sftp"])
def target(request, drop):
    if request.param == "folder":
        yield Folder(drop)
        return
    with SftpServer(drop) as server:
        yield Sftp(drop, server)


@pytest.fixture
def folder(drop):
    return Folder(drop)


class Runs:
    """A run a day."""

    def __init__(self, staging):
        self.staging, self.day = staging, 22

    def run(self, target, learners=LEARNERS, **settings):
        self.day += 1
        self.last = stage(self.staging, learners, day=self.day, run_id=f"run{self.day}")
        return self.last.load(target.delivery(**settings), target.connection)

    @property
    def ledger(self):
        [folder] = ledgers(self.staging / "acme")
        return {one["employee_id"]: one for one in open_ledger(folder).table.to_pylist()}

    def watched(self):
        return list((self.staging / "acme" / "pickups").glob("*.json"))


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path / "staging")


def names(drop):
    return sorted(path.name for path in drop.iterdir())


def test_changes_do_not_go_while_an_earlier_file_lies_there(runs, target, drop):
    runs.run(target, fetched="removed")
    first = runs.last
    assert first.receipt["state"] == "delivered"
    with pytest.raises(DeliveryUnavailableError, match="not fetched since 20.*: 1 of our files still lies"):
        runs.run(target, MORE, fetched="removed")
    assert names(drop) == [NAME]
    assert first.receipt["pickup"]["state"] == "dropped"
    (drop / NAME).unlink()
    assert runs.run(target, MORE, fetched="removed")["rows"] == 1
    assert first.receipt["pickup"]["state"] == "picked up"
    assert list(first.receipt["pickup"]["picked_up"]) == [NAME]
    assert len(runs.watched()) == 1


def test_a_full_file_takes_the_place_of_one_that_was_not_fetched(runs, target, drop):
    settings = {"fetched": "removed", "send": "full", "done_file": "{file}.done"}
    runs.run(target, **settings)
    first = runs.last
    outcome = runs.run(target, MORE, **settings)
    assert outcome["rows"] == 3
    assert "It takes the place of what was not fetched since" in outcome["sentence"]
    new = runs.last.receipt["file"]
    assert names(drop) == [new, f"{new}.done"]
    assert first.receipt["pickup"]["state"] == "replaced"
    assert len(runs.watched()) == 1


def test_a_full_file_of_the_same_name_is_not_removed(runs, folder, drop):
    lms = {"options": {"file_name": "same.csv"}}
    for day in (23, 24):
        run = stage(runs.staging, MORE if day == 24 else LEARNERS, day=day, run_id=f"run{day}", lms=lms)
        run.load(folder.delivery(fetched="removed", send="full"), lms=lms)
    assert names(drop) == ["same.csv"]
    assert len((drop / "same.csv").read_bytes().splitlines()) == 4


def test_an_lms_that_keeps_its_files_for_ever_is_no_matter(runs, target, drop):
    runs.run(target)
    assert runs.run(target, MORE)["rows"] == 1
    assert len(names(drop)) == 2
    assert runs.watched() == []
    assert "drop" not in runs.last.receipt


def test_nothing_to_send_is_no_error_while_a_file_lies_there(runs, folder):
    runs.run(folder, fetched="removed")
    assert runs.run(folder, fetched="removed")["outcome"] == "nothing_to_send"


def test_a_retry_is_not_stopped_by_its_own_file(runs, folder, drop):
    runs.run(folder, fetched="removed")
    assert runs.last.load(folder.delivery(fetched="removed"))["outcome"] == "already_delivered"


def result(drop, text, name=f"{STEM}_result.csv"):
    (drop / name).write_text(text)


def test_a_result_file_confirms_a_drop(runs, target, drop):
    runs.run(target, results=RESULTS)
    first = runs.last
    runs.run(target, results=RESULTS)
    assert first.receipt["pickup"]["state"] == "dropped"
    result(drop, "user,course,why\r\n")
    runs.run(target, results=RESULTS)
    assert first.receipt["pickup"]["state"] == "confirmed"
    assert runs.watched() == []


def test_rows_that_a_result_file_refuses_go_again(runs, target, drop):
    runs.run(target, results=RESULTS)
    first = runs.last
    result(drop, "user,course,why\r\n1043,python,no such user\r\n")
    outcome = runs.run(target, MORE, results=RESULTS)
    assert outcome["rows"] == 2
    assert first.receipt["pickup"]["state"] == "refused"
    assert (first.receipt["refused"], first.manifest["refused"]) == (1, 1)
    assert "no such user" in (first.folder / "refused.csv").read_text()
    assert "1043" not in str(first.receipt)
    assert runs.run(target, MORE, results=RESULTS)["outcome"] == "nothing_to_send"


def test_the_third_refusal_in_result_files_needs_a_person(runs, folder, drop):
    for count in (1, 2, 3):
        runs.run(folder, results=RESULTS)
        stem = runs.last.receipt["file"].removesuffix(".csv")
        result(drop, f"user,course,why\r\n1043,python,no such user in line {count}\r\n", f"{stem}_result.csv")
        assert runs.ledger["1043"]["refusals"] == count - 1
    assert runs.run(folder, results=RESULTS)["outcome"] == "nothing_to_send"
    assert runs.last.manifest["records"]["set_aside"] == {"refused": 1}
    assert runs.run(folder, [LEARNERS[0], learner("1043", "python", 2, 3)], results=RESULTS)["rows"] == 1


def test_a_row_confirmed_in_between_counts_from_one_again(runs, folder, drop):
    done = iter(range(1, 10))
    for refused in (True, True, False, True):
        runs.run(folder, [LEARNERS[0], learner("1043", "python", next(done), 12)], results=RESULTS)
        stem = runs.last.receipt["file"].removesuffix(".csv")
        line = "1043,python,no such user\r\n" if refused else ""
        result(drop, f"user,course,why\r\n{line}", f"{stem}_result.csv")
    runs.run(folder, [LEARNERS[0], learner("1043", "python", 11, 12)], results=RESULTS)
    assert runs.ledger["1043"]["refusals"] == 1


def test_a_result_of_an_older_telling_changes_nothing(runs, folder, drop):
    runs.run(folder, results=RESULTS)
    runs.run(folder, [LEARNERS[0], learner("1043", "python", 2, 3)], results=RESULTS)
    result(drop, "user,course,why\r\n1043,python,no such user\r\n")
    settings = {"results": RESULTS}
    assert runs.run(folder, [LEARNERS[0], learner("1043", "python", 2, 3)], **settings)["outcome"] == (
        "nothing_to_send"
    )
    assert runs.ledger["1043"]["refusals"] == 0


def test_too_many_refusals_stop_the_next_run_once(runs, folder, drop):
    results = {**RESULTS, "max_refused_percent": 10}
    runs.run(folder, results=results)
    result(drop, "user,course,why\r\n1043,python,no such user\r\n")
    with pytest.raises(DeliveryError, match="refused 1 of 2 rows"):
        runs.run(folder, MORE, results=results)
    assert runs.last.load(folder.delivery(results=results))["rows"] == 2


def test_a_result_file_that_is_still_empty_is_none(runs, folder, drop):
    runs.run(folder, results=RESULTS)
    result(drop, "")
    runs.run(folder, results=RESULTS)
    assert len(runs.watched()) == 1


def test_results_elsewhere_under_a_name_with_a_time(runs, target, drop):
    (drop / "out").mkdir()
    directory = str(drop / "out") if target.connection is None else "out"
    results = {**RESULTS, "directory": directory, "name": "{stem}_*.txt", "delimiter": "\t"}
    runs.run(target, results=results)
    result(drop / "out", "user\tcourse\twhy\n1043\tpython\tclosed\n", f"{STEM}_2026-11-24.txt")
    assert runs.run(target, results=results)["rows"] == 1


def test_our_own_file_is_no_result_of_itself(runs, folder, drop):
    runs.run(folder, results={**RESULTS, "name": "{stem}*.csv"})
    runs.run(folder, results={**RESULTS, "name": "{stem}*.csv"})
    assert len(runs.watched()) == 1


def test_a_folder_that_is_gone_picked_nothing_up(runs, folder, drop):
    runs.run(folder, fetched="removed")
    first = runs.last
    drop.rename(drop.with_name("elsewhere"))
    with pytest.raises(DeliveryError, match="does not exist"):
        runs.run(folder, MORE, fetched="removed")
    assert first.receipt["pickup"]["state"] == "dropped"


def test_statuses_and_rows_of_a_result_file(runs, folder, drop):
    results = {"name": "{file}.log", "row": "line", "status": "result", "refused": ["ERR"]}
    results |= {"max_refused_percent": 100, "encoding": "utf-16"}
    runs.run(folder, results=results)
    (drop / f"{NAME}.log").write_text("line,result\n2,OK\n3,ERR\n", encoding="utf-16")
    runs.run(folder, results=results)
    assert runs.ledger["1043"]["refusal"] == "ERR"


@pytest.mark.parametrize("target", ["folder", "sftp"], indirect=True)
def test_a_missing_results_directory_is_named(runs, target):
    results = {**RESULTS, "directory": "/nowhere/at/all"}
    runs.run(target, results=results)
    with pytest.raises(ConnectorError, match=r"delivery\.results\.directory"):
        runs.run(target, MORE, results=results)


def test_a_result_file_without_the_column_names_it_and_stops(runs, folder, drop):
    runs.run(folder, results=RESULTS)
    result(drop, "who,course,why\r\n1043,python,no such user\r\n")
    with pytest.raises(ConnectorError, match="no column user"):
        runs.run(folder, MORE, results=RESULTS)


@pytest.mark.parametrize("name", ["result.csv", "{file}", "../{stem}.csv", "{stem}/x", "{other}{stem}"])
def test_names_that_fit_no_single_file_are_refused(name):
    with pytest.raises(ValueError, match="delivery.results.name: must be a file name"):
        connector({"method": "folder", "directory": "/drop", "results": {"name": name, "user": "u"}})

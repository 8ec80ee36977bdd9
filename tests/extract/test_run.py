"""Which snapshot answers a run."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.codebashing_lms.errors import RunDateError, SourceError, StagingError
from include.codebashing_lms.extract.run import extract
from include.codebashing_lms.extract.snapshots import SnapshotMetadata, metadata_path, snapshot_of_date
from include.codebashing_lms.staging.files import read_struct, write_json
from tests.extract.source import connector, source_client
from tests.fakes.loopback import answer, serving
from tests.fakes.moods import LEARNERS

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


class Runs:
    """Runs of one connector, against one source that gives the same answer each time."""

    def __init__(self, home: Path, base_url: str) -> None:
        self.home, self.base_url = home, base_url

    @property
    def snapshots(self):
        return self.home / "snapshots"

    def __call__(self, date, run_id="manual__1", now=NOW, sections=None, **source):
        file = connector(sections, **source)
        workspace = self.home / "runs" / run_id
        return extract(file, lambda: source_client(file.source, self.base_url), self.home, workspace, run_id, date, now)

    def metadata(self, summary):
        path = metadata_path(self.snapshots, Path(summary["snapshot"]).name)
        return read_struct(path, SnapshotMetadata)

    def names(self, folder="."):
        return sorted(path.name for path in (self.snapshots / folder).glob("*.*"))


@pytest.fixture
def source():
    with serving(answer(LEARNERS)) as server:
        yield server


@pytest.fixture
def run(source, tmp_path):
    return Runs(tmp_path / "acme", source.base_url)


def test_a_live_run_archives_the_answer_for_its_date(run, source):
    date = NOW - timedelta(hours=23)
    summary = run(date)
    metadata = snapshot_of_date(run.snapshots, date)
    content = Path(summary["snapshot"]).read_bytes()
    assert summary == {
        "logical_date": date.isoformat(),
        "provenance": "live",
        "as_of": metadata.read_at.isoformat(),
        "snapshot": str(run.snapshots / metadata.snapshot),
        "earlier": None,
        "records": 3,
        "warnings": {},
    }
    assert (metadata.sha256, metadata.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (metadata.run_id, metadata.records, metadata.warnings) == ("manual__1", 3, {})
    assert "email" in metadata.fields
    assert len(source.requests) == 1
    assert run.names("used") == [f"{metadata.snapshot}.json"]


def test_the_same_date_is_replayed_without_a_request(run, source):
    date = NOW - timedelta(hours=1)
    live, replayed = run(date), run(date, "manual__2", now=NOW + 100 * DAY)
    assert replayed == {**live, "provenance": "replayed"}
    assert len(source.requests) == 1


def test_a_replay_needs_no_connection(run, tmp_path):
    run(NOW)

    def no_connection():
        raise AssertionError("the connection was opened")

    summary = extract(connector(), no_connection, run.home, tmp_path / "work", "manual__2", NOW, NOW)
    assert summary["provenance"] == "replayed"


def test_a_date_before_the_archive_is_reconstructed_from_the_first_snapshot(run, source):
    live = run(NOW)
    past = run(NOW - 30 * DAY, "backfill__1")
    assert (past["provenance"], past["as_of"]) == ("reconstructed", (NOW - 30 * DAY).isoformat())
    assert (past["snapshot"], past["earlier"]) == (live["snapshot"], None)
    assert len(source.requests) == 1
    assert snapshot_of_date(run.snapshots, NOW - 30 * DAY) is None


def test_a_date_between_two_snapshots_has_an_earlier_one(run, source):
    first = run(NOW)
    between = datetime.now(UTC)
    second = run(NOW + DAY, "manual__2", now=NOW + DAY)
    past = run(between, "backfill__1", now=NOW + 10 * DAY)
    assert (past["provenance"], past["earlier"], past["snapshot"]) == (
        "reconstructed", first["snapshot"], second["snapshot"]
    )  # fmt: skip
    assert len(source.requests) == 2
    assert len(run.names("used")) == 2


def test_a_past_date_asks_codebashing_when_the_archive_is_empty(run, source):
    past = run(NOW - 30 * DAY)
    assert (past["provenance"], past["records"], len(source.requests)) == ("reconstructed", 3, 1)
    assert run.metadata(past).snapshot in run.names()
    assert not (run.snapshots / "by_logical_date").exists()


def test_the_fields_include_the_courses_of_earlier_snapshots(run, source):
    write_json(run.home / "courses_seen.json", {"courses": ["cobol"]})
    assert "cobol.completed_date" in run.metadata(run(NOW)).fields
    assert "cobol.completed_date" in source.requests[0].target


def test_all_fields(run, source):
    assert run.metadata(run(NOW, fields="all")).fields is None
    assert "fields=" not in source.requests[0].target


def test_a_fetch_purges_old_snapshots_and_a_replay_does_not(run):
    sections = {"staging": {"keep_snapshots_days": 30}}
    run(NOW, sections=sections)
    run(NOW + DAY, "manual__2", now=NOW + DAY, sections=sections)
    run(NOW + DAY, "manual__3", now=NOW + 60 * DAY, sections=sections)
    assert len(run.names()) == 2
    newest = run(NOW + 70 * DAY, "manual__4", now=NOW + 70 * DAY, sections=sections)
    assert run.names() == [Path(newest["snapshot"]).name]


def test_the_future_is_refused_before_a_request(run, source):
    with pytest.raises(RunDateError, match="is in the future"):
        run(NOW + DAY)
    assert (source.requests, run.home.exists()) == ([], False)


def test_a_snapshot_that_is_gone_is_not_replaced(run, source):
    Path(run(NOW)["snapshot"]).unlink()
    with pytest.raises(StagingError, match="is gone from the staging area"):
        run(NOW)
    assert len(source.requests) == 1


def test_no_snapshot_of_a_refused_request(tmp_path):
    with serving(answer(b"", "401 No")) as server, pytest.raises(SourceError, match="401"):
        Runs(tmp_path / "acme", server.base_url)(NOW)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

"""Whatever happens to the staging area, nothing half-written is taken for whole, and the next try goes on."""

import dataclasses
import json
import resource
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from demo.codebashing import Codebashing
from include.codebashing_lms.errors import CodebashingLmsError, StagingError
from include.codebashing_lms.extract.fetch import fetch_snapshot
from include.codebashing_lms.load.run import load
from include.codebashing_lms.staging.checksums import sha256_of
from include.codebashing_lms.transform.context import RunContext
from include.codebashing_lms.transform.run import transform
from tests.end_to_end.checks import SOME, agreed
from tests.extract.source import connector as source_connector
from tests.extract.source import source_client
from tests.fakes.object_store import bucket_of
from tests.fakes.proxy import Fault, Proxy
from tests.fakes.unprivileged import as_nobody
from tests.load.staged_run import NAME, RUN, connector, stage

LIMITS = [0, 200, 3000, 20_000, 40_000]


@contextmanager
def full_disk(room):
    """Let no file of this process grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def parts(folder):
    return [path.name for path in folder.rglob("*.part")]


@pytest.mark.parametrize("room", [0, 200, 3000])
def test_full_disk_while_the_source_is_read(room, tmp_path):
    staging = tmp_path / "staging"
    folders = (staging / "snapshots", staging / "runs")
    with Codebashing(SOME) as api:

        def read():
            client = source_client(source_connector().source, api.url, api.token, api.api_key)
            return fetch_snapshot(client, *folders, None)

        with full_disk(room), pytest.raises(StagingError, match="to the staging area.*free space"):
            read()
        assert not [path for path in staging.rglob("*") if path.is_file()]
        assert read().records == len(SOME)


@pytest.mark.parametrize("room", LIMITS)
def test_full_disk_while_the_file_is_built(room, template, tmp_path):
    (tmp_path / "snapshot.json").write_text(json.dumps(SOME))
    folder = tmp_path / "acme" / "runs" / "date" / "run.0"
    as_of = datetime(2026, 11, 23, 5, 15, 2, tzinfo=UTC)
    facts = RunContext("run", "ada", {}, as_of, as_of, as_of, "live", "0")

    def build():
        return transform(
            connector({"method": "folder", "directory": "/"}), tmp_path / "snapshot.json", None, folder, facts
        )

    with full_disk(room), pytest.raises(StagingError, match="full"):
        build()
    assert not (folder / "manifest.json").exists()
    assert parts(tmp_path) == []
    assert build()["sha256"] == template.transformed["sha256"]


@pytest.mark.parametrize("room", LIMITS)
def test_full_disk_while_the_file_is_delivered(room, new_run, drop):
    run = new_run()
    folder = {"method": "folder", "directory": str(drop)}
    with full_disk(room), pytest.raises(CodebashingLmsError, match="full|free space"):
        run.load(folder)
    assert parts(run.folder.parents[3]) == []
    run.load(folder)
    assert [path.name for path in drop.iterdir()] == [NAME]
    agreed(run, (drop / NAME).read_bytes())


def test_staging_that_may_not_be_written():
    with as_nobody() as home:
        root, drop = home / "staging", home / "drop"
        drop.mkdir()
        run = stage(root)
        for path in [root, *root.rglob("*")]:
            path.chmod(0o500 if path.is_dir() else 0o400)
        with pytest.raises(StagingError, match=r"Permission denied.*rights of the Airflow workers"):
            run.load({"method": "folder", "directory": str(drop)})
        assert not list(drop.iterdir())
        for path in [root, *root.rglob("*")]:
            path.chmod(0o700 if path.is_dir() else 0o600)
        assert run.load({"method": "folder", "directory": str(drop)})["outcome"] == "delivered"


STAGED = ["manifest.json", "rows.parquet", NAME]


@pytest.fixture
def staged(store, template):
    """A staged run in a bucket: where it is, and the bucket."""
    root, bucket = store
    return root / upload(template, bucket), bucket


def upload(template, bucket):
    """Put a staged run into a bucket; return its folder."""
    start = template.folder.parents[3]
    for path in start.rglob("*"):
        if path.is_file():
            bucket.upload_file(str(path), f"training/{path.relative_to(start)}")
    return str(template.folder.relative_to(start))


@pytest.mark.parametrize("name", STAGED)
def test_a_half_written_object(name, staged, template, drop):
    folder, bucket = staged
    key = next(one.key for one in bucket.objects.all() if one.key.endswith(name))
    whole = bucket.Object(key).get()["Body"].read()
    bucket.put_object(Key=key, Body=whole[: len(whole) // 2])
    it = connector({"method": "folder", "directory": str(drop)})
    run = dataclasses.replace(RUN, run_id=template.run_id)
    with pytest.raises(StagingError, match=f"{name} is not what transform wrote"):
        load(it, None, template.transformed, folder, run)
    assert not list(drop.iterdir())
    bucket.put_object(Key=key, Body=whole)
    assert load(it, None, template.transformed, folder, run).kind == "delivered"
    assert (drop / NAME).read_bytes() == template.file.read_bytes()


def test_a_snapshot_altered_between_the_tasks(tmp_path):
    snapshot = tmp_path / "snapshot.json"
    snapshot.write_text(json.dumps(SOME))
    noted = sha256_of(snapshot)
    snapshot.write_text(json.dumps(SOME[1:]))
    as_of = datetime(2026, 11, 23, 5, 15, 2, tzinfo=UTC)
    facts = RunContext("run", "ada", {}, as_of, as_of, as_of, "live", "0")
    it = connector({"method": "folder", "directory": "/"})
    with pytest.raises(StagingError, match="not the file that was staged"):
        transform(it, snapshot, noted, tmp_path / "out", facts)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def distant_store(s3, monkeypatch, template):
    """A staged run in a bucket behind proxies, each with its faults."""
    opened = ExitStack()

    def _store(*faults):
        proxy = opened.enter_context(Proxy(int(s3.rpartition(":")[2]), *faults))
        name, address = f"distant{proxy.port}", f"http://127.0.0.1:{proxy.port}"
        root, bucket = bucket_of(address, name, monkeypatch, behind=s3)
        return root / upload(template, bucket), bucket, proxy

    with opened:
        yield _store


@pytest.mark.slow
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_store_that_breaks_off(how, distant_store, template, tmp_path):
    """Its client tries again by itself, or the next try of the task does."""
    run = dataclasses.replace(RUN, run_id=template.run_id)
    for offset in (3_000, 12_000, 25_000):
        drop = tmp_path / f"{how}{offset}"
        drop.mkdir()
        it = connector({"method": "folder", "directory": str(drop)})
        folder, bucket, proxy = distant_store(*[Fault(up=offset, how=how)] * 2)
        for _ in range(3):
            try:
                outcome = load(it, None, template.transformed, folder, run)
                break
            except (OSError, CodebashingLmsError, BotoCoreError, ClientError):
                continue
        assert outcome.kind in ("delivered", "already_delivered")
        assert len(proxy.traffic) > 2
        assert (drop / NAME).read_bytes() == template.file.read_bytes()
        keys = [one.key for one in bucket.objects.all()]
        assert sum("/journal/" in key for key in keys) == 1
        assert not [key for key in keys if "/in_flight/" in key or key.endswith(".part")]

"""Staging on an object store: the whole DAG on S3."""

import gzip
from datetime import timedelta

import boto3
import pytest

from codebashing_lms_airflow.run_context import staging_root
from include.codebashing_lms.config.connector import parse_connector
from include.codebashing_lms.staging.files import create_exclusive_json, read_json
from tests.airflow.test_runs import CSV, GREEN, LEARNERS, NOT_SENT, now
from tests.fakes.gnupg import LMS, gnupg
from tests.fakes.object_store import KEYS


@pytest.fixture
def bucket(site, s3):
    extra = {"endpoint_url": s3, "region_name": "us-east-1"}
    site.connection("object_store", conn_type="aws", login="x", password="y", extra=extra)
    site.monkeypatch.setenv("CODEBASHING_LMS_STAGING", "s3://object_store@staging/training")
    return boto3.resource("s3", endpoint_url=s3, **KEYS).create_bucket(Bucket="staging")


def test_a_run_and_its_replay(site, bucket):
    site.drop.mkdir()
    date = now()
    with site.source(LEARNERS) as api:
        first = site.run(logical_date=date)
        api.learners = []
        again = site.run(logical_date=date)
        past = site.run(logical_date=date - timedelta(days=30), dry_run=True)
    assert (first.tasks, again.tasks) == (GREEN, GREEN)
    assert (past.tasks, past.xcom["transform.return_value"]["provenance"]) == (NOT_SENT, "reconstructed")
    assert len(api.asked) == 1
    assert list(site.delivered().values()) == [CSV]
    assert first.xcom["transform.return_value"]["sha256"] == again.xcom["transform.return_value"]["sha256"]
    kinds = {one.key.split("/")[2] for one in bucket.objects.all() if one.key.startswith(f"training/{site.name}/")}
    assert kinds == {"snapshots", "runs", "ledger", "courses_seen.json"}
    assert not [one.key for one in bucket.objects.all() if one.key.endswith(".part")]


def test_a_file_that_is_encrypted_to_a_key_in_the_bucket(site, bucket):
    site.drop.mkdir()
    with gnupg() as gpg, site.source(LEARNERS):
        gpg.make(LMS)
        bucket.put_object(Key="keys/lms.asc", Body=gpg.public(LMS).encode())
        packed = {"compression": "gzip", "pgp": {"key": "s3://object_store@staging/keys/lms.asc"}}
        site.connector(delivery={"method": "folder", "directory": str(site.drop), **packed})
        ran = site.run()
        assert ran.tasks == GREEN
        [file] = site.drop.iterdir()
        content, _ = gpg.decrypt(file)
    assert gzip.decompress(content) == CSV
    assert [one.key for one in bucket.objects.all() if one.key.endswith(f"/{file.name}")]


def test_an_answer_that_was_altered_in_the_bucket_is_not_told(site, bucket):
    site.drop.mkdir()
    date = now()
    with site.source(LEARNERS):
        first = site.run(logical_date=date, dry_run=True)
        archive = bucket.objects.filter(Prefix=f"training/{site.name}/snapshots/")
        [answer] = [one for one in archive if one.key.endswith(".json.gz")]
        answer.put(Body=gzip.compress(b"[]"))
        again = site.run(logical_date=date)
    assert (first.tasks, again.tasks["transform"]) == (NOT_SENT, "failed")
    assert "StagingError" in again.notice
    assert "checksum" in again.notice
    assert not site.delivered()


def test_the_first_to_create_stays(site, bucket):
    settings = {"name": "x", "source": {"conn_id": "x"}, "delivery": {"method": "folder", "directory": "x"}}
    path = staging_root(parse_connector(settings)) / "pointer.json"
    assert [create_exclusive_json(path, content) for content in ({"a": 1}, {"a": 2})] == [True, False]
    assert read_json(path) == {"a": 1}

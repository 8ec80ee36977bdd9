"""A bucket on a local S3, and the staging area in it as runs see it."""

import json

import boto3
from airflow.sdk import ObjectStoragePath

KEYS = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "us-east-1"}


def bucket_of(s3, name, monkeypatch, behind=None):
    """Return a staging area in a new bucket of an S3, and the bucket.

    :param behind: the address of the S3 itself where `s3` only hands on to it.
    """
    extra = {"endpoint_url": s3, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "x", "password": "y", "extra": extra}
    monkeypatch.setenv(f"AIRFLOW_CONN_STORE_{name.upper()}", json.dumps(connection))
    bucket = boto3.resource("s3", endpoint_url=behind or s3, **KEYS).create_bucket(Bucket=name)
    return ObjectStoragePath(f"s3://store_{name}@{name}/training"), bucket

"""A bucket on a local S3 with a staging area, and proxies in front of S3 that fail."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import requests
from airflow.sdk import ObjectStoragePath

KEYS = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "us-east-1"}


def bucket_of(s3, name, monkeypatch, behind=None):
    """Return a staging area in a new bucket of an S3, and the bucket.

    :param behind: the address of S3 itself, where `s3` is the address of a proxy.
    """
    extra = {"endpoint_url": s3, "region_name": "us-east-1", "config_kwargs": {"read_timeout": 5}}
    connection = {"conn_type": "aws", "login": "x", "password": "y", "extra": extra}
    monkeypatch.setenv(f"AIRFLOW_CONN_STORE_{name.upper()}", json.dumps(connection))
    bucket = boto3.resource("s3", endpoint_url=behind or s3, **KEYS).create_bucket(Bucket=name)
    return ObjectStoragePath(f"s3://store_{name}@{name}/training"), bucket


class HandsOn(BaseHTTPRequestHandler):
    """A proxy that forwards every request to S3."""

    s3: str
    kept_back = ("expect",)
    protocol_version = "HTTP/1.1"  # the client waits for "100 Continue" before it sends a body

    def _pass(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = requests.request(
            self.command, self.s3 + self.path, headers=self.asked(), data=body, timeout=10, allow_redirects=False
        )
        self.close_connection = True
        if self.is_lost():
            return
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", answer.headers.get("Content-Length", "0"))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.content)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _pass

    def asked(self):
        """Return the headers to forward."""
        return {name: value for name, value in self.headers.items() if name.lower() not in self.kept_back}

    def is_lost(self):
        """Tell whether the answer gets lost."""
        return False

    def log_message(self, *_):
        """Log nothing."""


class ForgetsConditions(HandsOn):
    """A proxy that removes the condition of a put, like stores that ignore it."""

    kept_back = ("expect", "if-none-match")


@contextmanager
def in_front_of(s3, kind):
    """Give the address of a proxy in front of S3.

    :param kind: the class of the proxy.
    """
    handler = type("Bound", (kind,), {"s3": s3})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()

"""A run's staged files, and connectors that deliver them."""

import json
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from demo.lms import Lms
from demo.sftp import PASSWORD, USERNAME, SftpServer
from include.codebashing_lms.connector import Connector
from include.codebashing_lms.delivery.sftp import SftpSite
from include.codebashing_lms.http_site import HttpSite
from include.codebashing_lms.load import LoadRun, load
from include.codebashing_lms.staging import run_folder, sha256_of

NAME = "codebashing_20261123T051502.csv"
CSV = (
    b"employee_id,course_id,percent_complete,status,completed_at\r\n"
    b"1042,java,100,completed,2026-11-20T08:00:00Z\r\n"
    b"1043,python,33.33,in_progress,\r\n"
)
RUN = LoadRun(run_id="manual__2026-11-23T05:15:00+00:00", triggered_by="ada")


@dataclass
class StagedRun:
    """What transform left for load."""

    folder: Path
    transformed: dict[str, Any]

    @property
    def file(self) -> Path:
        return self.folder / NAME

    @property
    def receipt(self) -> dict[str, Any]:
        return json.loads((self.folder / "receipt.json").read_text())

    def load(self, delivery: dict[str, Any], destination: Any = None, **run: Any) -> dict[str, Any]:
        manifest = self.folder / "manifest.json"
        this_run = replace(RUN, **run)
        return load(connector(delivery), destination, self.transformed, manifest, self.folder, this_run)


def connector(delivery: dict[str, Any]) -> Connector:
    settings = {"name": "acme", "source": {"conn_id": "codebashing"}, "delivery": delivery}
    return Connector.model_validate(settings)


def stage(root: Path, content: bytes = CSV, rows: int = 2, clear_number: int = 0) -> StagedRun:
    from datetime import UTC, datetime

    folder = run_folder(root, "acme", datetime(2026, 11, 23, tzinfo=UTC), RUN.run_id or "", clear_number)
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(content)
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps({"records": {"emitted": rows}}))
    transformed = {
        "manifest": str(manifest),
        "manifest_sha256": sha256_of(manifest),
        "file": NAME,
        "sha256": sha256_of(folder / NAME),
        "bytes": len(content),
    }
    return StagedRun(folder, transformed)


@pytest.fixture
def staged(tmp_path: Path) -> StagedRun:
    return stage(tmp_path / "staging")


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


@pytest.fixture
def lms() -> Iterator[Lms]:
    with Lms() as server:
        yield server


@pytest.fixture
def sftp(drop: Path) -> Iterator[SftpServer]:
    with SftpServer(drop) as server:
        yield server


def lms_site(lms: Lms) -> HttpSite:
    return HttpSite(lms.url, password=lms.token)


def sftp_site(server: SftpServer, **changes: Any) -> SftpSite:
    site = SftpSite("127.0.0.1", server.port, USERNAME, PASSWORD, host_key=server.host_key)
    return replace(site, **changes)


@contextmanager
def as_nobody() -> Iterator[Path]:
    """Give a public folder, and be a user whom file permissions bind, also where tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            for path in folder.rglob("*"):
                path.chmod(0o777)


@contextmanager
def silent_server() -> Iterator[int]:
    """Accept connections and never say a word; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    kept.append(server.accept()[0])
            except OSError:
                pass

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=5)
        for one in kept:
            one.close()

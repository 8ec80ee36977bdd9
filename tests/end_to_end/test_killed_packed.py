"""A load that is killed while it packs or sends: what was begun to be sent is what the LMS gets, once."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.codebashing import Codebashing
from demo.sftp import PASSWORD, USERNAME, SftpServer
from include.codebashing_lms.staging.checksums import sha256_of
from tests.end_to_end.company import TASKS, Company
from tests.fakes.gnupg import LMS, US, Gpg, gnupg

PACKED = {
    "delivery": {"method": "sftp", "directory": "/", "send": "changes", "compression": "gzip", "pgp": {"sign": True}}
}


class Inbox:
    """The drop of an LMS that takes what it can decrypt."""

    def __init__(self, folder: Path, gpg: Gpg) -> None:
        self.folder, self.gpg = folder, gpg
        self.rows: dict[str, str] = {}

    def take(self) -> str:
        """Take in the one file that lies there, and remove it; return its checksum."""
        [file] = self.folder.iterdir()
        content, signer = self.gpg.decrypt(file)
        assert signer == self.gpg.fingerprint(US)
        rows = csv.DictReader(io.StringIO(gzip.decompress(content).decode()))
        self.rows |= {row["employee_id"]: row["percent_complete"] for row in rows}
        checksum = sha256_of(file)
        file.unlink()
        return checksum


@pytest.fixture
def company(tmp_path: Path, drop: Path) -> Iterator[Company]:
    with gnupg() as gpg, Codebashing([]) as source, SftpServer(drop) as server:
        gpg.make(LMS)
        gpg.make(US)
        keys = {"pgp_public_key": gpg.public(LMS), "pgp_private_key": gpg.private(US)}
        connection = {
            "conn_type": "sftp", "host": "127.0.0.1", "port": server.port, "login": USERNAME,
            "password": PASSWORD, "extra": {"host_key": server.host_key, **keys},
        }  # fmt: skip
        it = Company(tmp_path, source, Inbox(drop, gpg), connection, **PACKED)
        try:
            yield it
        finally:
            it.tasks.communicate()


def receipt(company: Company) -> dict[str, Any]:
    files = list(company.home.glob(f"runs/*/scheduled__{company.last.number}.0/receipt.json"))
    return json.loads(files[0].read_text()) if files else {}


def survives(company: Company, begin: float, end: float, count: int) -> set[str | None]:
    """Kill load so often in a part of its steps, a day each; return the states its receipts had then."""
    company.usual_day()
    company.lms.take()
    steps = company.usual_day()["load"]["steps"]
    company.lms.take()
    states = set()
    for step in (int(steps * (begin + (end - begin) * number / count)) for number in range(count)):
        day = company.next_day()
        for task in TASKS[:2]:
            company.run(day, task)
        company.run(day, "load", at=step)
        begun = receipt(company)
        states.add(begun.get("state"))
        company.run(day, "load")
        ended = receipt(company)
        assert company.lms.take() == ended["sha256"] == begun.get("sha256", ended["sha256"])
        assert (ended["state"], company.lms.rows) == ("delivered", company.truth)
    return states


def test_killed(company):
    assert "sending" in survives(company, 0.82, 0.93, 6)


@pytest.mark.slow
def test_killed_at_many_moments(company):
    assert survives(company, 0.02, 1, 40) == {None, "sending", "delivered"}

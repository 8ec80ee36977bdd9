"""xAPI against Ralph itself, https://github.com/openfun/ralph, not against a stand-in of ours."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.lms_apis.xapi import XapiTransport
from include.codebashing_lms.delivery.lms_apis.xapi_store import DIFFERENT
from include.codebashing_lms.delivery.transport import Refusal, SendResult
from include.codebashing_lms.errors import DeliveryError
from tests.delivery.lms_apis.customers import LEARNERS, Customer
from tests.delivery.lms_apis.outbound_files import basic, delivery, statement, statements
from tests.fakes.lrs import LOGIN, PASSWORD
from tests.load.staged_run import learner
from tests.paths import ROOT

FAKES = ROOT / "tests" / "fakes"
LOCK = FAKES / "ralph.lock"
MANY = [f"E{number:04d}" for number in range(40)]


def ralphs_python() -> Path:
    """Return the Python of an environment with Ralph, which wants other versions of packages than Airflow."""
    uv = shutil.which("uv") or ROOT / ".uv/bin/uv"
    digest = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    folder = ROOT / ".uv" / f"ralph-{digest[:12]}"
    python = folder / "bin/python"
    if (folder / "ready").exists():
        return python
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1"}
    commands = (
        ["venv", "--clear", "--python", sys.executable, folder],
        ["pip", "install", "--python", python, "--require-hashes", "-r", LOCK],
    )
    for command in commands:
        line = [uv, command[0], "--no-config", "--quiet", *command[1:]]
        try:
            subprocess.run(line, check=True, timeout=120, env=environment, capture_output=True, text=True)
        except (OSError, subprocess.SubprocessError) as error:
            said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1:]
            pytest.skip(f"Ralph cannot be installed here: {' '.join(said)}")
    (folder / "ready").touch()
    return python


@dataclass
class Ralph:
    url: str
    file: Path

    @property
    def stored(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    @property
    def names(self) -> list[str]:
        return [one["actor"]["account"]["name"] for one in self.stored]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ralph]:
    folder = tmp_path_factory.mktemp("ralph")
    command = [ralphs_python(), FAKES / "ralph_server.py", folder, LOGIN, PASSWORD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port, "Ralph did not start"
            yield Ralph(f"http://127.0.0.1:{port}", folder / "statements.jsonl")
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


@pytest.fixture
def ralph(server: Ralph) -> Ralph:
    server.file.write_text("")
    return server


def send(ralph, tmp_path, *them, resuming=False, **settings):
    transport = XapiTransport(delivery("/xAPI"), basic(ralph.url), **settings)
    return transport.send(statements(tmp_path, *them), resuming)


def people(names):
    return [statement(name) for name in names]


def test_statements_are_stored_once(ralph, tmp_path):
    assert send(ralph, tmp_path, *people(MANY), statement("E9999", 62), batch=15) == SendResult()
    assert ralph.names == [*MANY, "E9999"]
    assert send(ralph, tmp_path, *people(MANY), resuming=True) == SendResult(sent=False)
    assert len(ralph.stored) == 41
    sent, kept = statement("E9999", 62), ralph.stored[-1]
    assert {name: kept[name] for name in sent} == sent


def test_old_and_new_in_one_batch(ralph, tmp_path):
    send(ralph, tmp_path, *people(MANY[:7]))
    assert send(ralph, tmp_path, *people(MANY), resuming=True) == SendResult()
    assert ralph.names == MANY


def test_same_id_with_other_content(ralph, tmp_path):
    other = statement(MANY[3])
    other["result"] = {"completion": False}
    send(ralph, tmp_path, other)
    result = send(ralph, tmp_path, *people(MANY))
    assert result.refusals == (Refusal(DIFFERENT, 3),)
    assert sorted(ralph.names) == MANY


def test_statement_of_ours_with_another_time_is_accepted(ralph, tmp_path):
    send(ralph, tmp_path, *[statement(name, 62) for name in MANY[:7]])
    again = [statement(name, 62, "2025-04-02T00:00:00.000Z") for name in MANY]
    assert send(ralph, tmp_path, *again) == SendResult()
    assert sorted(ralph.names) == MANY
    assert {one["timestamp"] for one in ralph.stored[:7]} == {"2025-03-14T09:26:53.000Z"}


def test_bad_statements_are_found_and_the_others_stored(ralph, tmp_path):
    them = people(MANY)
    del them[5]["verb"]
    them[33]["id"] = "no UUID"
    them[39]["actor"] = {"objectType": "Agent", "mbox": "ada@example.com"}  # Ralph breaks down at it
    result = send(ralph, tmp_path, *them)
    assert [one.row for one in result.refusals] == [5, 33, 39]
    assert result.refusals[0].reason == "422: Field required"
    assert "E0005" not in result.refusals[0].reason
    assert result.refusals[2].reason.startswith(("500", "422", "status 500"))
    assert ralph.names == [name for number, name in enumerate(MANY) if number not in (5, 33, 39)]


def test_trying_the_connection(ralph):
    assert "takes the login and xAPI 1.0.3" in XapiTransport(delivery("/xAPI"), basic(ralph.url)).check()
    assert not ralph.stored
    stranger = HttpConnection(ralph.url, login=LOGIN, password="another")
    with pytest.raises(DeliveryError, match="refused the login"):
        XapiTransport(delivery("/xAPI"), stranger).check()


def test_a_connectors_load_sends_ralph_all_once_and_then_the_changes(ralph, tmp_path):
    options = {"home_page": "https://hr.example.com", "activities": "https://lms.example.com/courses/"}
    lms = {"profile": "xapi", "options": options, "course_map": {"java": {"id": "CB-JAVA", "title": "Java, sicher"}}}
    store = Customer(tmp_path, lms, {"endpoint": "/xAPI"}, basic(ralph.url))
    assert store.deliver(LEARNERS)["outcome"] == "delivered"
    assert store.deliver(LEARNERS, day=21)["outcome"] == "nothing_to_send"
    assert store.deliver([LEARNERS[0], learner("E2", "java", 2, 3)], day=22)["rows"] == 1
    assert ralph.names == ["E1", "E2", "E2"]
    assert [one["verb"]["display"]["en-US"] for one in ralph.stored] == ["completed", "progressed", "progressed"]

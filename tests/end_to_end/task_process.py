"""Tasks of a connector, each in a process of its own that may be killed: commands in, what came of them out.

    python -m tests.end_to_end.task_process < commands > answers

A command is a line of JSON: the task, its run, what the task before it returned, and when to kill it: `after`
so many seconds, or `at` the so-manieth step. Steps are what Python's audit events tell: a file is opened,
linked or renamed, a server is called. As in Airflow, a task is a fork of a process that has imported
everything, and what it returns counts only when it has ended.
"""

import json
import os
import select
import signal
import sys
import time
import traceback
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from msgspec import to_builtins

import include.codebashing_lms.load.run
import include.codebashing_lms.transform.run  # noqa: F401 (tasks import both when they run)
from codebashing_lms_airflow.hooks import CodebashingHook
from codebashing_lms_airflow.tasks.extract import run_extract
from codebashing_lms_airflow.tasks.load import deliver
from codebashing_lms_airflow.tasks.transform import run_transform
from include.codebashing_lms.config.files import ValidFile, read_connector_files
from include.codebashing_lms.extract.client import RetryPolicy

AUDITED = ("open", "os.", "socket.", "http.client.", "tempfile.", "shutil.")
RETRY_POLICY = RetryPolicy(attempts=2, first_wait=0.01, longest_wait=1)


def run_task(file: ValidFile, command: dict[str, Any]) -> Any:
    """Do what the operator of a task does."""
    task, given, connector = command["task"], command["given"], file.connector
    dag_run = SimpleNamespace(
        run_id=command["run_id"],
        clear_number=0,
        logical_date=datetime.fromisoformat(command["logical_date"]),
        run_type="scheduled",
    )
    context: Any = {"dag_run": dag_run, "params": {}}
    if task == "extract":
        return run_extract(connector, CodebashingHook(connector.source), RETRY_POLICY, context)
    if task == "transform":
        return run_transform(connector, file.sha256, given, context)
    return to_builtins(deliver(connector, given, context))


class Steps:
    """Counts what a task does to the world, and kills it at one of these steps."""

    def __init__(self, last: int | None) -> None:
        self.count, self.last = 0, last

    def __call__(self, event: str, arguments: Any) -> None:
        if event.startswith(AUDITED):
            self.count += 1
            if self.count == self.last:
                os.kill(os.getpid(), signal.SIGKILL)


def child(file: ValidFile, command: dict[str, Any], out: int) -> None:
    """Run a task and write down what it returned, never to return."""
    steps = Steps(command.get("at"))
    sys.addaudithook(steps)
    answer = {"returned": run_task(file, command), "steps": steps.count}
    os.write(out, json.dumps(answer).encode())
    os._exit(0)


def watched(file: ValidFile, command: dict[str, Any]) -> dict[str, Any]:
    """Run a task in a process of its own; return what became of it."""
    begun = time.monotonic()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            child(file, command, writer)
        finally:
            traceback.print_exc()
            os._exit(1)
    os.close(writer)
    after = command.get("after")
    if after is not None and not select.select([reader], [], [], after)[0]:
        os.kill(pid, signal.SIGKILL)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    answer = json.loads(said) if status == 0 else {"returned": None}
    return answer | {"status": status, "seconds": time.monotonic() - begun}


def main() -> None:
    """Answer commands until there are no more."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # what Airflow logs there is no answer
        [file], broken = read_connector_files()
        assert not broken
        for line in sys.stdin:
            print(json.dumps(watched(file, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()

"""make demo: the real DAG, run once in Airflow, from a stand-in for Codebashing into a folder.

It writes only to .demo/, which may be removed at any time.
"""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from demo.codebashing import Codebashing
from demo.environment import DAG_ID, ROOT, set_environment
from demo.summary import print_summary

HOME = ROOT / ".demo"
LOG = HOME / "airflow.log"
STEPS = {
    "extract": "read Codebashing, stage its answer",
    "transform": "check every record, write the LMS file",
    "load": "deliver the file, write the receipt",
}

Say = Callable[[str], None]


def main() -> None:
    """Run the demo; exit with 1 when the run failed."""
    HOME.mkdir(exist_ok=True)
    started_at = time.monotonic()
    with Codebashing(recent=True) as source, quiet(LOG) as screen:
        set_environment(HOME, source)
        say = partial(print, file=screen, flush=True)
        say(f"Codebashing stand-in with {len(source.learners)} invented learners at {source.url}")
        delivered = run_dag(say)
    if delivered is None:
        sys.exit(f"\nThe run failed. {last_notice()}\nAirflow's own words: {LOG.relative_to(ROOT)}")
    print(f"The run took {time.monotonic() - started_at:.0f} s. Airflow's log: {LOG.relative_to(ROOT)}")
    print_summary(delivered)


@contextmanager
def quiet(log: Path) -> Iterator[TextIO]:
    """Redirect all output to a file; give the terminal, for the demo's own lines."""
    sys.stdout.flush()
    terminal, errors = os.dup(1), os.dup(2)
    with log.open("w") as file, os.fdopen(terminal, "w") as screen:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield screen
        finally:
            sys.stdout.flush()
            os.dup2(terminal, 1)
            os.dup2(errors, 2)


def run_dag(say: Say) -> Path | None:
    """Run the demo's DAG; return the folder of the run, None when it failed."""
    say("Starting Airflow, its database in .demo/airflow.db")
    from airflow.models import DagBag
    from airflow.utils.db import initdb

    initdb()
    dag = DagBag(ROOT / "dags").dags[DAG_ID]
    for task in dag.tasks:
        task.retries = 0
        task.on_execute_callback = [partial(started, say)]
        task.on_success_callback = [partial(finished, say)]
    dag_run = dag.test()
    if dag_run.state != "success":
        return None
    manifest = dag_run.get_task_instance("transform").xcom_pull(task_ids="transform")["manifest"]
    return Path(manifest.removeprefix("file://")).parent


def started(say: Say, context: Any) -> None:
    """Say that a task begins."""
    task_id = context["ti"].task_id
    say(f"  {task_id:10} {STEPS[task_id]} …")


def finished(say: Say, context: Any) -> None:
    """Say that a task succeeded."""
    say(f"  {context['ti'].task_id:10} done")


def last_notice() -> str:
    """Return the failed task's last notice."""
    notices = re.findall(r"NOTICE (.*?)\s*\[codebashing_lms", LOG.read_text(errors="replace"))
    return str(notices[-1]) if notices else "It left no notice."


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nStopped.")

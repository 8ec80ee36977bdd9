"""make demo: the real DAG, run once in Airflow, from a stand-in for Codebashing into a folder.

Everything it makes lies in .demo/, which may be removed at any time.
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
from demo.environment import DAG_ID, ROOT, move_into
from demo.summary import report

HOME = ROOT / ".demo"
LOG = HOME / "airflow.log"
STEPS = {
    "extract": "read Codebashing, stage its answer",
    "transform": "judge every record, write the LMS file",
    "load": "deliver the file, write the receipt",
}

Say = Callable[[str], None]


def main() -> None:
    """Run the demo; exit with 1 when the run failed."""
    HOME.mkdir(exist_ok=True)
    begun = time.monotonic()
    with Codebashing(recent=True) as source, quiet(LOG) as screen:
        move_into(HOME, source)
        say = partial(print, file=screen, flush=True)
        say(f"Codebashing stand-in with {len(source.learners)} invented learners at {source.url}")
        delivered = run_dag(say)
    if delivered is None:
        sys.exit(f"\nThe run failed. {last_notice()}\nAirflow's own words: {LOG.relative_to(ROOT)}")
    print(f"The run took {time.monotonic() - begun:.0f} s. Airflow's log: {LOG.relative_to(ROOT)}")
    report(delivered)


@contextmanager
def quiet(log: Path) -> Iterator[TextIO]:
    """Send everything that is printed to a file, and give the terminal to whoever has something to say."""
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
    """Tell that a task begins."""
    task_id = context["ti"].task_id
    say(f"  {task_id:10} {STEPS[task_id]} …")


def finished(say: Say, context: Any) -> None:
    """Tell that a task ended well."""
    say(f"  {context['ti'].task_id:10} done")


def last_notice() -> str:
    """Return what the failed task has to say."""
    notices = re.findall(r"NOTICE (.*?)\s*\[codebashing_lms", LOG.read_text(errors="replace"))
    return str(notices[-1]) if notices else "It left no notice."


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nStopped.")

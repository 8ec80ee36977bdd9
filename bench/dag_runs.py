"""Compares a run on 1,000 learners with an empty DAG of three tasks: `python -m bench.dag_runs`.

Both are whole processes of `airflow dags test`, in turns; the first turn does not count, RUNS is the number
of the others. Each has a DAG folder of its own, so that only our run parses our DAG. The source is a loopback
server that sends a saved answer, the LMS is a folder.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.data import write
from bench.extract import serve
from bench.measure import ROOT, run
from demo.airflow_processes import airflow

RUNS = int(os.environ.get("RUNS", "5"))
LEARNERS = 1000
CONNECTOR = """name: bench
source: {{conn_id: codebashing}}
delivery: {{method: folder, directory: {drop}}}
guards: {{max_set_aside_percent: null}}
"""
EMPTY = """from airflow.sdk import DAG, BaseOperator

class Empty(BaseOperator):
    def execute(self, context):
        return {"nothing": 1}

with DAG("empty", schedule=None):
    Empty(task_id="extract") >> Empty(task_id="transform") >> Empty(task_id="load")
"""


def prepare_airflow(scratch: Path) -> None:
    """Set up an Airflow with both DAGs, a source and a drop folder."""
    for name in ("home", "connectors", "empty", "drop"):
        (scratch / name).mkdir()
    (scratch / "empty" / "empty.py").write_text(EMPTY)
    (scratch / "connectors" / "bench.yaml").write_text(CONNECTOR.format(drop=scratch / "drop"))
    write(scratch / "answer.json", LEARNERS)
    source = {"conn_type": "http", "host": serve(scratch / "answer.json"), "password": "token"}
    for name in [name for name in os.environ if name.startswith(("AIRFLOW", "CODEBASHING_LMS_"))]:
        del os.environ[name]
    os.environ |= {
        "AIRFLOW_HOME": str(scratch / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW_CONN_CODEBASHING": json.dumps({**source, "extra": {"api_key": "key"}}),
        "CODEBASHING_LMS_CONNECTORS": str(scratch / "connectors"),
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run(airflow("db", "migrate"), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        prepare_airflow(scratch)
        commands = {
            dag_id: ["env", f"AIRFLOW__CORE__DAGS_FOLDER={dags}", *airflow("dags", "test", dag_id)]
            for dag_id, dags in {"empty": scratch / "empty", "codebashing_lms_bench": ROOT / "dags"}.items()
        }
        turns = [[run(command) for command in commands.values()] for _ in range(RUNS + 1)][1:]
        delivered = len(list((scratch / "drop").iterdir()))
    if delivered != RUNS + 1:
        sys.exit(f"{RUNS + 1} runs delivered {delivered} files")
    print(f"| what | empty | {LEARNERS:,} learners | difference of a turn |\n| --- | --- | --- | --- |")
    for what, name in (("seconds", "seconds"), ("cpu", "seconds of CPU")):
        empty, ours = ([getattr(turn[at], what) for turn in turns] for at in (0, 1))
        more = (our - other for our, other in zip(ours, empty, strict=True))
        middle = " | ".join(f"{statistics.median(values):.1f}" for values in (empty, ours, more))
        print(f"| {name} | {middle} |")


if __name__ == "__main__":
    main()

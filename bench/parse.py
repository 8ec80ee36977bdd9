"""Measures what parsing the DAG file costs beyond Airflow: `python -m bench.parse`, medians of new processes.

Every process imports airflow.sdk and the module of the HTTP operator before the clock starts. The first turn
does not count; it writes the bytecode. `execution` runs the file as a module, `DagBag` parses it like the DAG
processor. Ten DAGs of three operators that do nothing show Airflow's own part.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import ROOT

RUNS = int(os.environ.get("RUNS", "5"))
CONNECTORS = 10
DAG_FILE = ROOT / "dags" / "codebashing_lms.py"
HEAVY = {"pandas", "pyarrow", "numpy", "paramiko"}
EMPTY = """from datetime import UTC, datetime
from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import DAG, BaseOperator, CronTriggerTimetable

class Empty(BaseOperator):
    template_fields = ("given",)
    def __init__(self, *, given, **kwargs):
        super().__init__(**kwargs)
        self.given = given
    def execute(self, context):
        pass

for number in range(10):
    schedule = CronTriggerTimetable("@daily", timezone="UTC")
    with DAG(f"empty_{number}", schedule=schedule, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
        extract = HttpOperator(task_id="extract", endpoint="/")
        transform = Empty(task_id="transform", given=extract.output)
        load = Empty(task_id="load", given=transform.output)
"""
CONNECTOR = """name: {name}
source: {{conn_id: codebashing}}
courses: all
delivery: {{method: sftp, directory: /inbound}}
lms:
  course_map:
    java: {{id: CB-JAVA, title: Secure Java}}
"""


def connectors_of_one_profile(folder: Path) -> None:
    """Write ten connector files with the default profile."""
    for number in range(CONNECTORS):
        (folder / f"tenant_{number}.yaml").write_text(CONNECTOR.format(name=f"tenant_{number}"))


def connectors_of_all_profiles(folder: Path) -> None:
    """Write ten connector files with different profiles, as `profiles NAME` prints them."""
    from include.codebashing_lms.cli.profile_example import connector_lines
    from include.codebashing_lms.config.profiles.profile import find_profile, profile_files

    for name in sorted(profile_files())[:CONNECTORS]:
        text = "\n".join(connector_lines(find_profile(name)))
        (folder / f"{name}.yaml").write_text(text.replace("name: acme", f"name: {name}"))


def time_parsing(how: str, dag_file: Path, connectors: Path, home: Path) -> dict:
    """Parse a DAG file in a process of its own; return wall and CPU seconds, and the imported modules."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "CODEBASHING_LMS_CONNECTORS": str(connectors),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "-m", "bench.parse_once", how, str(dag_file)]
    out = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True, cwd=ROOT).stdout
    return json.loads(out.splitlines()[-1])


def measure(scratch: Path) -> dict[tuple[str, str], list[dict]]:
    """Return the measurements by DAG file and manner of parsing."""
    empty, home = scratch / "empty.py", scratch / "home"
    empty.write_text(EMPTY)
    cases = {"ten empty DAGs": (empty, scratch)}
    for name, write in (
        ("ten connectors, one profile", connectors_of_one_profile),
        ("ten connectors, ten profiles", connectors_of_all_profiles),
    ):
        folder = scratch / name.replace(" ", "_")
        folder.mkdir()
        write(folder)
        cases[name] = (DAG_FILE, folder)
    turns = [
        {(name, how): time_parsing(how, *case, home) for name, case in cases.items() for how in ("execution", "DagBag")}
        for _ in range(RUNS + 1)
    ]
    return {key: [turn[key] for turn in turns[1:]] for key in turns[0]}


def table() -> str:
    """Return the medians as a Markdown table, in milliseconds."""
    lines = ["| what | how | ms | ms of CPU | fastest |", "| --- | --- | --- | --- | --- |"]
    with TemporaryDirectory() as scratch:
        found = measure(Path(scratch))
    for (name, how), runs in found.items():
        heavy = HEAVY & set(runs[0]["modules"])
        if heavy:
            sys.exit(f"{name}: parsing imported {', '.join(sorted(heavy))}")
        wall, cpu = ([one[key] * 1000 for one in runs] for key in ("wall", "cpu"))
        middle = statistics.median
        lines.append(f"| {name} | {how} | {middle(wall):.0f} | {middle(cpu):.0f} | {min(wall):.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())

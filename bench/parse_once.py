"""Parses a DAG file once and prints the seconds: `python -m bench.parse_once execution|DagBag FILE`."""

import importlib.util
import json
import sys
import time
from pathlib import Path

import airflow.providers.http.operators.http
import airflow.sdk  # noqa: F401 (imported before the clock starts)
from airflow.sdk.definitions._internal.contextmanager import DagContext


def execute(path: str) -> list:
    """Run the file as a module, and return its DAGs, as Airflow collects them."""
    DagContext.current_autoregister_module_name = "dag_file"
    spec = importlib.util.spec_from_file_location("dag_file", path)
    sys.modules["dag_file"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["dag_file"])
    return [dag for dag, _ in DagContext.autoregistered_dags]


def bag(path: str) -> list:
    """Parse the file as Airflow's DAG processor does."""
    found = BundleDagBag(path, bundle_path=Path(path).parent, bundle_name="bench", load_op_links=False)
    assert not found.import_errors, found.import_errors
    return list(found.dags.values())


if __name__ == "__main__":
    how, dag_file = sys.argv[1:]
    if how == "DagBag":
        from airflow.dag_processing.dagbag import BundleDagBag
    began = time.perf_counter(), time.process_time()
    dags = (bag if how == "DagBag" else execute)(dag_file)
    ended = time.perf_counter(), time.process_time()
    assert len(dags) == 10, dags
    assert not any("broken" in dag.tags for dag in dags), dags
    wall, cpu = (end - begin for begin, end in zip(began, ended, strict=True))
    print(json.dumps({"wall": wall, "cpu": cpu, "modules": sorted(sys.modules)}))

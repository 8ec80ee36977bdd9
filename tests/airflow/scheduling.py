"""What the scheduler makes of a DAG, on every Airflow that is supported."""

from airflow.serialization import serialized_objects
from airflow.timetables.base import DagRunInfo

THE_LAST_RUN = {"last_automated_run_info": None}
try:
    Serialization = serialized_objects.DagSerialization
except AttributeError:  # 3.1
    Serialization = serialized_objects.SerializedDAG
    THE_LAST_RUN = {"last_automated_dagrun": None}


def first_run(dag) -> DagRunInfo | None:
    """Return when the scheduler starts a DAG that has never run."""
    return Serialization.deserialize_dag(Serialization.serialize_dag(dag)).next_dagrun_info(**THE_LAST_RUN)


def minutes_before_retry(task, tries: int) -> float:
    """Return what Airflow waits after a try, without its jitter of up to as much again."""
    factor = task.retry_exponential_backoff
    base = 2 if factor is True else factor  # a switch in 3.1
    return (task.retry_delay * base ** (tries - 1)).total_seconds() / 60

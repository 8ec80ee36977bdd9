"""What differs between Airflow 3.1, 3.2 and 3.3. A name is imported when it is first used."""

from importlib import import_module
from typing import Any

from airflow import __version__

# retry_exponential_backoff is a switch in 3.1, and the factor since 3.2: there True would mean a factor of 1.
EACH_WAIT_TWICE_AS_LONG = True if __version__.startswith("3.1.") else 2

# module of a name, and its module in 3.1
EXCEPTIONS = ("airflow.sdk.exceptions", "airflow.exceptions")
DEADLINES = ("airflow.sdk", "airflow.sdk.definitions.deadline")
MODULES = {
    "AirflowException": EXCEPTIONS,
    "AirflowFailException": EXCEPTIONS,
    "AirflowNotFoundException": EXCEPTIONS,
    "AirflowSkipException": EXCEPTIONS,
    "AsyncCallback": DEADLINES,
    "DeadlineAlert": DEADLINES,
    "DeadlineReference": DEADLINES,
    "CronTriggerTimetable": ("airflow.sdk", "airflow.timetables.trigger"),
    "Stats": ("airflow.sdk.observability.stats", "airflow.stats"),
}


def __getattr__(name: str) -> Any:
    """Return a name from the module in which this Airflow has it."""
    for module in MODULES.get(name, ()):
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

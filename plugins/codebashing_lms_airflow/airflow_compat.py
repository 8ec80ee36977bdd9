"""What differs between Airflow 3.1, 3.2 and 3.3, in one place; imported when it is asked for."""

from importlib import import_module
from typing import Any

from airflow import __version__

# retry_exponential_backoff: a switch in 3.1, the factor since; there True would mean a factor of one.
EACH_WAIT_TWICE_AS_LONG = True if __version__.startswith("3.1.") else 2

# where a name is, and where it is in 3.1
EXCEPTIONS = ("airflow.sdk.exceptions", "airflow.exceptions")
DEADLINES = ("airflow.sdk", "airflow.sdk.definitions.deadline")
PLACES = {
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
    """Return one of these names from where this Airflow has it."""
    for place in PLACES.get(name, ()):
        try:
            return getattr(import_module(place), name)
        except (ImportError, AttributeError):
            continue
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

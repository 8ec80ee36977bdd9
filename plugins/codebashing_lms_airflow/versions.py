"""What differs between Airflow 3.1, 3.2 and 3.3, in one place."""

from airflow import __version__
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

# retry_exponential_backoff: a switch in 3.1, the factor since; there True would mean a factor of one.
EACH_WAIT_TWICE_AS_LONG = True if __version__.startswith("3.1.") else 2

try:
    from airflow.sdk import CronTriggerTimetable
except ImportError:  # 3.1
    from airflow.timetables.trigger import CronTriggerTimetable  # type: ignore[assignment]
try:
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSkipException,
    )
except ImportError:  # 3.1
    from airflow.exceptions import (  # type: ignore[attr-defined, no-redef]
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSkipException,
    )

try:
    from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference  # type: ignore[attr-defined]
except ImportError:  # 3.1
    from airflow.sdk.definitions.deadline import (  # type: ignore[attr-defined]
        AsyncCallback,
        DeadlineAlert,
        DeadlineReference,
    )
try:
    from airflow.sdk.observability.stats import Stats
except ImportError:  # 3.1
    from airflow.stats import Stats

__all__ = [
    "EACH_WAIT_TWICE_AS_LONG",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSkipException",
    "AsyncCallback",
    "CronTriggerTimetable",
    "DeadlineAlert",
    "DeadlineReference",
    "Stats",
    "TimeDeltaTrigger",
]

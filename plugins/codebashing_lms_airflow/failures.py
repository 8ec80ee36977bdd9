"""What a failure of ours means to Airflow: retry or not, and one notice for the person on call."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from airflow.sdk import Context

from codebashing_lms_airflow.versions import (
    EACH_WAIT_TWICE_AS_LONG,
    AirflowException,
    AirflowFailException,
)
from include.codebashing_lms.errors import CodebashingLmsError, RunDateError

logger = logging.getLogger(__name__)

MAY_WAIT = "May wait: the next run tries again and sends everything missed."
THIS_RUN_ONLY = "May be left as it is: only this run's date cannot be told."
ACT = (
    "Do not leave it: until a person acts the LMS is told nothing; the next good run sends everything missed."
)


@contextmanager
def airflow_failures() -> Iterator[None]:
    """Let Airflow retry what heals by itself, and nothing else.

    `from None`: the chain of causes may quote an answer of the server, and Airflow logs all of it.
    """
    try:
        yield
    except CodebashingLmsError as error:
        kind = AirflowException if error.heals else AirflowFailException
        raise kind(error.notice()) from None


def notify(context: Context) -> None:
    """Log what a task's final failure asks for, and whether it may wait until the next run."""
    logger.error("NOTICE %s: %s", context["ti"].task_id, advice(context.get("exception")))


def advice(failure: object) -> str:
    """Return what to do about a failure, in one or two sentences."""
    cause = getattr(failure, "__context__", None)
    if not isinstance(cause, CodebashingLmsError):
        name = type(failure).__name__ if isinstance(failure, BaseException) else "killed or lost"
        return (
            f"{name}: not foreseen, see the log above. Clear the task once the reason is gone; left alone, "
            "the next good run sends everything missed."
        )
    wait = THIS_RUN_ONLY if isinstance(cause, RunDateError) else MAY_WAIT if cause.heals else ACT
    return f"{type(cause).__name__} ({cause.origin}): {cause} {wait}"


ON_FAILURE = {
    "retries": 3,
    "retry_delay": timedelta(minutes=5),
    "retry_exponential_backoff": EACH_WAIT_TWICE_AS_LONG,
    "on_failure_callback": notify,
}

"""What a failure of ours means to Airflow: retry or not, and one notice for the person on call."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from airflow.sdk import Context

from codebashing_lms_airflow.airflow_compat import (
    EACH_WAIT_TWICE_AS_LONG,
    AirflowException,
    AirflowFailException,
)
from include.codebashing_lms.errors import CodebashingLmsError, RunDateError

logger = logging.getLogger(__name__)

LONGEST = 1500  # characters of a message: XCom holds small things, and a chat cuts off long ones
MAY_WAIT = "May wait: the next run tries again and sends everything missed."
THIS_RUN_ONLY = "May be left as it is: only this run's date cannot be told."
ACT = (
    "Do not leave it: until a person acts the LMS is told nothing; the next good run sends everything missed."
)


FAILURE = "failure"  # the XCom that says what a task failed with


@contextmanager
def airflow_failures(context: Context | None = None) -> Iterator[None]:
    """Let Airflow retry what heals by itself, and nothing else.

    `from None`: the chain of causes may quote an answer of the server, and Airflow logs all of it.

    :param context: of the task, to leave a word on the failure for the tasks that tell people.
    """
    try:
        yield
    except CodebashingLmsError as error:
        failure = (AirflowException if error.retryable else AirflowFailException)(error.notice())
        if context:
            context["ti"].xcom_push(FAILURE, _for_people(error))
            context["exception"] = failure  # `airflow dags test` of 3.1 does not tell the callbacks
        raise failure from None


def _for_people(error: CodebashingLmsError) -> dict[str, Any]:
    return {
        "error": type(error).__name__,
        "origin": error.origin,
        "heals": error.retryable,
        "message": str(error)[:LONGEST],
        "advice": _whose_move(error),
    }


def _whose_move(error: CodebashingLmsError) -> str:
    return THIS_RUN_ONLY if isinstance(error, RunDateError) else MAY_WAIT if error.retryable else ACT


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
    return f"{type(cause).__name__} ({cause.origin}): {cause} {_whose_move(cause)}"


ON_FAILURE = {
    "retries": 3,
    "retry_delay": timedelta(minutes=5),
    "retry_exponential_backoff": EACH_WAIT_TWICE_AS_LONG,
    "on_failure_callback": notify,
}

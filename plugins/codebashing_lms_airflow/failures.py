"""What an error of ours means to Airflow: retry or not, and one notice for the person on call."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from airflow.sdk import Context

from codebashing_lms_airflow.airflow_compat import EACH_WAIT_TWICE_AS_LONG, AirflowException, AirflowFailException
from include.codebashing_lms.errors import CodebashingLmsError, RunDateError

logger = logging.getLogger(__name__)

LONGEST_MESSAGE = 1500  # characters: XCom is for small values, and chats truncate long messages
MAY_WAIT = "May wait: the next run tries again and sends everything missed."
THIS_RUN_ONLY = "May be left as it is: only this run's date cannot be known."
ACT = "Do not leave it: until a person acts the LMS gets nothing; the next good run sends everything missed."

FAILURE = "failure"  # key of the XCom with the error of a failed task


@contextmanager
def airflow_failures(context: Context | None = None) -> Iterator[None]:
    """Turn errors of ours into failures that Airflow retries when the error is retryable, and only then.

    `from None`: Airflow logs the whole chain of causes, and a cause may quote an answer of the server.

    :param context: the task's, to push the error to XCom for the tasks report and notify.
    """
    try:
        yield
    except CodebashingLmsError as error:
        failure = (AirflowException if error.retryable else AirflowFailException)(error.notice())
        if context:
            context["ti"].xcom_push(FAILURE, _summary(error))
            context["exception"] = failure  # `airflow dags test` of 3.1 passes none to the callbacks
        raise failure from None


def _summary(error: CodebashingLmsError) -> dict[str, Any]:
    return {
        "error": type(error).__name__,
        "origin": error.origin,
        "retryable": error.retryable,
        "message": str(error)[:LONGEST_MESSAGE],
        "advice": _remedy(error),
    }


def _remedy(error: CodebashingLmsError) -> str:
    return THIS_RUN_ONLY if isinstance(error, RunDateError) else MAY_WAIT if error.retryable else ACT


def notify(context: Context) -> None:
    """Log the remedy for a task's final failure, and whether the remedy may wait until the next run."""
    failure = context.get("exception")
    cause = getattr(failure, "__context__", None)
    if isinstance(cause, CodebashingLmsError):
        advice = f"{type(cause).__name__} ({cause.origin}): {cause} {_remedy(cause)}"
    else:
        name = type(failure).__name__ if isinstance(failure, BaseException) else "killed or lost"
        advice = (
            f"{name}: not foreseen, see the log above. Clear the task once the reason is gone; left alone, "
            "the next good run sends everything missed."
        )
    logger.error("NOTICE %s: %s", context["ti"].task_id, advice)


ON_FAILURE = {
    "retries": 3,
    "retry_delay": timedelta(minutes=5),
    "retry_exponential_backoff": EACH_WAIT_TWICE_AS_LONG,
    "on_failure_callback": notify,
}

"""What a failure of ours means to Airflow: retry or not, and one notice for the person on call."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk import Context

from codebashing_lms_airflow.versions import AirflowException, AirflowFailException
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
    failure = context.get("exception")
    cause = failure.__context__ if isinstance(failure, AirflowException) else failure
    logger.error("NOTICE %s: %s", context["ti"].task_id, advice(cause))


def advice(cause: object) -> str:
    """Return what to do about a failure, in one or two sentences."""
    if not isinstance(cause, CodebashingLmsError):
        return (
            f"{type(cause).__name__}: not foreseen, see the traceback above. Clear the task once the reason "
            "is gone; left alone, the next good run sends everything missed."
        )
    wait = THIS_RUN_ONLY if isinstance(cause, RunDateError) else MAY_WAIT if cause.heals else ACT
    return f"{type(cause).__name__} ({cause.origin}): {cause} {wait}"

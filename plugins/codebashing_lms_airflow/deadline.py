"""An alert for a run that takes too long: Airflow's triggerer sends it, whatever holds the run up."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from msgspec import to_builtins

from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.config.notifications import Notify
from include.codebashing_lms.config.schema.validation import parse

logger = logging.getLogger(__name__)


def deadline_of(connector: Connector) -> list[Any] | None:
    """Return the deadline for the DAG of a connector, None without one."""
    notify = connector.notify
    if notify.deadline is None:
        return None
    from codebashing_lms_airflow.airflow_compat import AsyncCallback, DeadlineAlert, DeadlineReference

    return [
        DeadlineAlert(
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=timedelta(minutes=notify.deadline),
            callback=AsyncCallback(overdue, {"connector": connector.name, "notify": to_builtins(notify)}),
        )
    ]


async def overdue(connector: str, notify: dict[str, Any], context: Mapping[str, Any]) -> None:
    """Send the alert that a run is not over. Airflow stores the import path of this function.

    :param notify: the section of the connector file; the triggerer may not have the file.
    """
    from asgiref.sync import sync_to_async

    run = context["dag_run"]
    failed = await sync_to_async(_send)(connector, parse(notify, Notify), run)
    if failed:
        logger.error("NOTICE deadline of %s: %s", connector, " ".join(failed))


def _send(connector: str, notify: Notify, run: Mapping[str, Any]) -> list[str]:
    from codebashing_lms_airflow.links import run_url
    from codebashing_lms_airflow.notifiers import send
    from include.codebashing_lms.reporting.alerts.message import overdue as alert

    run_id = run["dag_run_id"]
    _, failed = send(notify, alert(connector, notify.deadline or 0, run_id, run_url(run["dag_id"], run_id)))
    return failed

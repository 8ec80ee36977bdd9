"""The tasks after load: they tell people, and what becomes of them is not what became of the run."""

from typing import Any

from codebashing_lms_airflow.operators import CodebashingNotifyOperator, CodebashingReportOperator
from include.codebashing_lms.connector import Connector


def for_people(last: Any, connector: Connector) -> None:
    """Add the tasks that the connector file asks for.

    They are teardowns: they run however the run went, and a run whose load failed stays failed.
    """
    if connector.report.is_wanted:
        report = CodebashingReportOperator(task_id="report", connector=connector).as_teardown()
        last >> report
        last = report
    if connector.notify.channels:
        # its own message says what is wrong with a channel: no notice that would speak of the LMS
        notify = CodebashingNotifyOperator(task_id="notify", connector=connector, on_failure_callback=None)
        last >> notify.as_teardown()

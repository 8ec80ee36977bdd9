"""The tasks after load: they tell people, and what becomes of them is not what became of the run."""

from typing import Any

from airflow.sdk import get_current_context, task

from include.codebashing_lms.connector import Connector


def for_people(last: Any, connector: Connector) -> None:
    """Add the tasks that the connector file asks for.

    They are teardowns: they run however the run went, and a run whose load failed stays failed.
    """
    if connector.report.is_wanted:
        report = _report(connector).as_teardown()
        last >> report
        last = report
    if connector.notify.channels:
        last >> _notify(connector).as_teardown()


def _report(connector: Connector) -> Any:
    @task(task_id="report", multiple_outputs=False)
    def report() -> dict[str, Any]:
        """Write the report for LMS administrators."""
        from codebashing_lms_airflow.reports import reported

        return reported(connector, get_current_context())

    return report()


def _notify(connector: Connector) -> Any:
    # its own message says what is wrong with a channel: no notice that would speak of the LMS
    @task(task_id="notify", multiple_outputs=False, on_failure_callback=None)
    def notify() -> dict[str, Any]:
        """Tell people of a run that failed, or needs a person."""
        from codebashing_lms_airflow.alerts import alerted

        return alerted(connector, get_current_context())

    return notify()

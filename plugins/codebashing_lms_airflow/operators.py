"""The tasks of our DAGs: what each is given.

What they do is imported when they do it, because Airflow parses DAGs often.


The tasks after load: they tell people, and what becomes of them is not what became of the run.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import BaseOperator, Context

from codebashing_lms_airflow.airflow_compat import AirflowFailException, AirflowSkipException
from codebashing_lms_airflow.assets import outlet_of
from codebashing_lms_airflow.failures import airflow_failures
from codebashing_lms_airflow.links import RunPage
from include.codebashing_lms.config.connector import Connector

if TYPE_CHECKING:
    from include.codebashing_lms.extract.client import RetryPolicy

# Nothing was sent on purpose: green would read as delivered.
NOT_SENT = ("dry_run", "checked", "held")


class CodebashingExtractOperator(HttpOperator):
    """Read training progress from Codebashing into the staging area.

    Both credentials come from the connection when the request is made: no field of the operator holds
    them, and none is a template.

    :param connector: the connector file; names the connection, the endpoint and everything else
    :param patience: how often a request that may heal is tried before the task is, None for as usual
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, connector: Connector, patience: "RetryPolicy | None" = None, **kwargs: Any) -> None:
        source = connector.source
        super().__init__(method="GET", http_conn_id=source.conn_id, endpoint=source.endpoint, **kwargs)
        self.connector = connector
        self.patience = patience

    def execute(self, context: Context) -> dict[str, Any]:
        """Return where the snapshot lies, and its numbers."""
        from codebashing_lms_airflow.run_context import run_of
        from codebashing_lms_airflow.tasks.extract import run_extract

        with airflow_failures(context):
            return run_extract(self.connector, self.patience, run_of(context), datetime.now(UTC))


class CodebashingTransformOperator(BaseOperator):
    """Turn the staged snapshot into the LMS file, what was set aside, and the manifest.

    :param connector: the connector file
    :param sha256: its checksum
    :param extracted: what extract returned: where the snapshot lies, and its numbers. (templated)
    """

    template_fields: Sequence[str] = ("extracted",)

    def __init__(self, *, connector: Connector, sha256: str, extracted: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connector = connector
        self.sha256 = sha256
        self.extracted = extracted

    def execute(self, context: Context) -> dict[str, Any]:
        """Return where the files lie, and the numbers."""
        from codebashing_lms_airflow.tasks.transform import run_transform

        return run_transform(self.connector, self.sha256, self.extracted, context)


class CodebashingLoadOperator(BaseOperator):
    """Deliver what transform built, once.

    :param connector: the connector file
    :param transformed: what transform returned: where the manifest lies, and its numbers. (templated)
    """

    template_fields: Sequence[str] = ("transformed",)
    operator_extra_links = (RunPage(),)

    def __init__(self, *, connector: Connector, transformed: Any, **kwargs: Any) -> None:
        super().__init__(outlets=[outlet_of(connector)], **kwargs)
        self.connector = connector
        self.transformed = transformed

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what became of the delivery; end as skipped when nothing was to be sent."""
        from codebashing_lms_airflow.tasks.load import run_load

        outcome = run_load(self.connector, self.transformed, context)
        if outcome["outcome"] == "working":
            self._wait(outcome["ask_again_in"])
        if outcome["outcome"] in NOT_SENT:
            raise AirflowSkipException(outcome["sentence"])
        return outcome

    def _wait(self, seconds: float) -> None:
        """Leave the worker; the trigger knows how long, what is waited for stands in the receipt."""
        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=seconds)), method_name="ask_again")

    def ask_again(self, context: Context, event: object = None) -> dict[str, Any]:
        """Go on after a while, in whatever worker: as a retry would, by what the receipt says."""
        return self.execute(context)


class CodebashingReportOperator(BaseOperator):
    """Write the report for LMS administrators.

    :param connector: the connector file
    """

    def __init__(self, *, connector: Connector, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connector = connector

    def execute(self, context: Context) -> dict[str, Any]:
        """Return where the report lies, and whether it went where it is wanted."""
        from codebashing_lms_airflow.tasks.report import run_report

        return run_report(self.connector, context)


class CodebashingNotifyOperator(BaseOperator):
    """Tell people of a run that failed, or needs a person.

    :param connector: the connector file
    """

    def __init__(self, *, connector: Connector, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connector = connector

    def execute(self, context: Context) -> dict[str, Any]:
        """Return who was told of what."""
        from codebashing_lms_airflow.tasks.notify import run_notify

        return run_notify(self.connector, context)


class BrokenConnectorOperator(BaseOperator):
    """Fail with what is wrong with a connector file.

    :param message: what is wrong
    """

    def __init__(self, *, message: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.message = message

    def execute(self, context: Context) -> None:
        """Raise the message."""
        raise AirflowFailException(self.message)


def add_after_load_tasks(last: Any, connector: Connector) -> None:
    """Add the tasks that the connector file asks for.

    They are teardowns: they run however the run went, and a run whose load failed stays failed.
    """
    if connector.report.has_target:
        report = CodebashingReportOperator(task_id="report", connector=connector).as_teardown()
        last >> report
        last = report
    if connector.notify.channels:
        # its own message says what is wrong with a channel: no notice that would speak of the LMS
        notify = CodebashingNotifyOperator(task_id="notify", connector=connector, on_failure_callback=None)
        last >> notify.as_teardown()

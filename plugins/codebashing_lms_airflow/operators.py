"""The tasks of our DAGs: what each operator is given. What it does is imported when its task runs."""

import inspect
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import BaseOperator, Context

from codebashing_lms_airflow.airflow_compat import AirflowFailException, AirflowSkipException
from codebashing_lms_airflow.assets import outlet_of
from codebashing_lms_airflow.links import RunPage
from include.codebashing_lms.config.connector import Connector

if TYPE_CHECKING:
    from codebashing_lms_airflow.hooks import CodebashingHook
    from include.codebashing_lms.extract.client import RetryPolicy

# Nothing was sent on purpose: green would read as delivered.
NOT_SENT = ("dry_run", "checked", "held")

# What HttpOperator takes beyond BaseOperator, and the key of the connector file that replaces some of it.
HTTP_PARAMETERS = set(inspect.signature(HttpOperator.__init__).parameters) - {"self", "kwargs"}
CONNECTOR_KEYS = {
    "http_conn_id": "source.conn_id",
    "endpoint": "source.endpoint",
    "data": "source.fields",
    "headers": "source.auth",
    "auth_type": "source.auth",
    "pagination_function": "source.pagination",
    "response_filter": "source.records_path",
    "extra_options": "source.timeout",
}


class CodebashingExtractOperator(HttpOperator):
    """Read training progress from Codebashing into the staging area.

    Both credentials come from the connection when the request is made: no field of the operator holds
    them, and none is a template.

    :param connector: the connector file; names the connection, the endpoint and everything else
    :param request_retries: how often a request is tried within one try of the task, None for the default
    """

    template_fields: Sequence[str] = ()

    def __init__(self, *, connector: Connector, request_retries: "RetryPolicy | None" = None, **kwargs: Any) -> None:
        _refuse_http_parameters(kwargs)
        source = connector.source
        super().__init__(method="GET", http_conn_id=source.conn_id, endpoint=source.endpoint, **kwargs)
        self.connector = connector
        self.request_retries = request_retries

    @property
    def hook(self) -> "CodebashingHook":
        """Return the hook that opens sessions with Codebashing."""
        from codebashing_lms_airflow.hooks import CodebashingHook

        return CodebashingHook(self.connector.source)

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the path of the snapshot, and its numbers."""
        from codebashing_lms_airflow.tasks.extract import run_extract

        return run_extract(self.connector, self.hook, self.request_retries, context)


def _refuse_http_parameters(given: dict[str, Any]) -> None:
    """Refuse what would do nothing: the connector file says how Codebashing is read."""
    for name in sorted(HTTP_PARAMETERS & set(given)):
        key = CONNECTOR_KEYS.get(name)
        remedy = f"Set {key} in the connector file." if key else "Leave it out."
        raise TypeError(f"CodebashingExtractOperator has no use for {name} of HttpOperator. {remedy}")


class _ConnectorOperator(BaseOperator):
    """A task of a connector.

    :param connector: the connector file
    """

    def __init__(self, *, connector: Connector, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connector = connector


class CodebashingTransformOperator(_ConnectorOperator):
    """Turn the staged snapshot into the LMS file, the set-aside list and the manifest.

    :param sha256: the checksum of the connector file
    :param extracted: what extract returned: the path of the snapshot, and its numbers. (templated)
    """

    template_fields: Sequence[str] = ("extracted",)

    def __init__(self, *, sha256: str, extracted: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sha256 = sha256
        self.extracted = extracted

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the paths of the files, and the numbers."""
        from codebashing_lms_airflow.tasks.transform import run_transform

        return run_transform(self.connector, self.sha256, self.extracted, context)


class CodebashingLoadOperator(_ConnectorOperator):
    """Deliver the LMS file that transform built, once.

    :param transformed: what transform returned: the path of the manifest, and its numbers. (templated)
    """

    template_fields: Sequence[str] = ("transformed",)
    operator_extra_links = (RunPage(),)

    def __init__(self, *, connector: Connector, transformed: Any, **kwargs: Any) -> None:
        super().__init__(connector=connector, outlets=[outlet_of(connector)], **kwargs)
        self.transformed = transformed

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the outcome of the delivery; end as skipped when nothing was to be sent."""
        from codebashing_lms_airflow.tasks.load import run_load

        outcome = run_load(self.connector, self.transformed, context)
        if outcome["outcome"] == "working":
            from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

            # The worker is free meanwhile: the receipt knows the import job to ask for.
            wait = TimeDeltaTrigger(timedelta(seconds=outcome["ask_again_in"]))
            self.defer(trigger=wait, method_name="ask_again")
        if outcome["outcome"] in NOT_SENT:
            raise AirflowSkipException(outcome["sentence"])
        return outcome

    def ask_again(self, context: Context, event: object = None) -> dict[str, Any]:
        """Continue from the receipt, as a retry does. Airflow stores the name of this method: it stays."""
        return self.execute(context)


class CodebashingReportOperator(_ConnectorOperator):
    """Write the report for LMS administrators."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the path of the report, and whether it was published."""
        from codebashing_lms_airflow.tasks.report import run_report

        return run_report(self.connector, context)


class CodebashingNotifyOperator(_ConnectorOperator):
    """Send an alert when the run failed or needs a person."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the subject of the alert, and the channels that accepted it."""
        from codebashing_lms_airflow.tasks.notify import run_notify

        return run_notify(self.connector, context)


class BrokenConnectorOperator(BaseOperator):
    """Fail with the error of a connector file that cannot be used."""

    def __init__(self, *, message: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.message = message

    def execute(self, context: Context) -> None:
        """Raise the message."""
        raise AirflowFailException(self.message)


def add_after_load_tasks(last: Any, connector: Connector) -> None:
    """Add the report and the alerts that the connector file asks for.

    Both tasks are teardowns: they run after a failure too, and do not change the state of the run.
    """
    if connector.report.directory or connector.report.uri:
        report = CodebashingReportOperator(task_id="report", connector=connector).as_teardown()
        last >> report
        last = report
    if connector.notify.channels:
        # no notice from notify: its own message says what is wrong with a channel
        notify = CodebashingNotifyOperator(task_id="notify", connector=connector, on_failure_callback=None)
        last >> notify.as_teardown()

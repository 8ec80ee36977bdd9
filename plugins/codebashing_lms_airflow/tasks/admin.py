"""The task of the admin DAG: one action on one connector's ledger, for include/codebashing_lms/admin."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context, ObjectStoragePath

from codebashing_lms_airflow.failures import airflow_failures
from codebashing_lms_airflow.run_context import home_of
from codebashing_lms_airflow.tasks.notify import send_test_alert
from include.codebashing_lms.admin.actions import run_action
from include.codebashing_lms.admin.form import AdminForm, check, form_error
from include.codebashing_lms.admin.request import AdminRequest
from include.codebashing_lms.config.files import ValidFile


def run_admin(files: Sequence[ValidFile], context: Context) -> dict[str, Any]:
    """Run the action that the form names; return numbers and a sentence."""
    params, dag_run = dict(context["params"]), context["dag_run"]
    by = getattr(dag_run, "triggering_user_name", None)
    values: dict[str, Any] = {name: params[name] for name in AdminForm.__annotations__ if name in params}
    form = AdminForm(run_id=dag_run.run_id, triggered_by=by, **values)
    with airflow_failures():
        file = next((one for one in files if one.connector.name == params["connector"]), None)
        if file is None:
            raise form_error("there is no good connector file of this name any more")
        if form.action == "notify":
            check(form)
            return send_test_alert(file.connector, by)
        home = home_of(file.connector)
        request = AdminRequest(file.connector, file.sha256, home, form, ObjectStoragePath, datetime.now(UTC))
        return run_action(request)

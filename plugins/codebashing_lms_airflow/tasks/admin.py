"""The admin DAG's form, and what becomes of an answer."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context, ObjectStoragePath, Param

from codebashing_lms_airflow.failures import airflow_failures
from codebashing_lms_airflow.run_context import home_of
from include.codebashing_lms.admin.form import ACTION_NAMES, ANSWERS, FOUND, AdminForm, check, form_error
from include.codebashing_lms.config.files import ValidFile

LABELS = {
    "first_delivery": "first_delivery: what the LMS knows already",
    "reset": "reset: forget what this LMS was told",
    "rebuild": "rebuild: the ledger from its journal",
    "purge": "purge: old snapshots and journal entries",
    "notify": "notify: a test message, to see whether alerts arrive",
    "resend": "resend: tell some rows again",
    "refused": "refused: the LMS's reject list",
    "roll_back": "roll_back: to an earlier entry of the journal",
    "settle": "settle: say how a delivery ended",
}


def admin_form(connectors: Sequence[str]) -> dict[str, Param]:
    """Return the fields of the form; connector and action have no default: they must be chosen."""
    return {
        "connector": Param(
            type="string", enum=list(connectors), title="Connector", description="Whose memory it is about."
        ),
        "action": Param(
            type="string",
            enum=list(ACTION_NAMES),
            values_display=LABELS,
            title="Action",
            description="What to do; the fields that an action has no use for stay empty.",
        ),
        "reason": _text(
            "Reason", "Why; kept in the journal with your name. Not needed by rebuild, purge, notify."
        ),
        "answer": Param(
            None,
            type=["null", "string"],
            enum=[None, *ANSWERS],
            title="Answer",
            description="For first_delivery: send all, only what was completed since a date, or what a "
            "baseline (an export of the LMS) lacks.",
        ),
        "file": _text(
            "File",
            "Address of a list, such as file:///mnt/export.csv or s3://connection@bucket/export.csv. For a "
            "baseline: CSV with employee_id,course,completed_at. For resend: one employee ID a line. For "
            "refused: the LMS's reject list, CSV with user_key, and course_id and reason if it has them.",
        ),
        "since": _date("Since", "First day (UTC) of completions, for first_delivery and resend."),
        "until": _date("Until", "Last day (UTC) of completions, for resend."),
        "course": _text("Course", "For resend: Codebashing's name of a course, or its ID in the LMS."),
        "number": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            title="Journal entry",
            description="For roll_back: the entry after which all was well. Empty: the run fails and lists "
            "the newest.",
        ),
        "delivery": _text("Delivery", "For settle: the ID in the message of the run that stopped."),
        "found": Param(
            None,
            type=["null", "string"],
            enum=[None, *FOUND],
            title="Found",
            description="For settle: whether the LMS took the file.",
        ),
    }


def _text(title: str, description: str) -> Param:
    return Param(None, type=["null", "string"], title=title, description=description)


def _date(title: str, description: str) -> Param:
    return Param(None, type=["null", "string"], format="date", title=title, description=description)


def run_admin(files: Sequence[ValidFile], context: Context) -> dict[str, Any]:
    """Do what the form says; return numbers and a sentence."""
    from codebashing_lms_airflow.tasks.notify import send_test_alert
    from include.codebashing_lms.admin.actions import run_action
    from include.codebashing_lms.admin.request import AdminRequest

    params, dag_run = dict(context["params"]), context["dag_run"]
    by = getattr(dag_run, "triggering_user_name", None)
    answers: dict[str, Any] = {name: params[name] for name in AdminForm.__annotations__ if name in params}
    form = AdminForm(run_id=dag_run.run_id, triggered_by=by, **answers)
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

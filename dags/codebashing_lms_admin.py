"""### Codebashing → LMS: administration

Corrects what the connector knows of its LMS: which rows were sent, and which were refused. Trigger this DAG,
choose a connector and an action, and read the sentence at the end of the log.

| action | when | what it needs |
| --- | --- | --- |
| `first_delivery` | a run asks what the LMS knows already | an answer: all, since a date, or a baseline |
| `reset` | the LMS was emptied, or another one took its place | |
| `resend` | the LMS lost some rows, or has them wrong | a file of employee IDs, a course, or dates |
| `refused` | the LMS's list of refused rows came by e-mail | a file |
| `roll_back` | the LMS was restored to an earlier state | the number of a journal entry |
| `settle` | a run asks whether the LMS took a file | the delivery, and the answer |
| `rebuild` | a run says that the ledger is gone | |
| `purge` | old data must be removed now | |
| `notify` | you want to see whether alerts arrive | |

No action sends anything: the connector's next good run does. All but the last three need a reason.
"""

from typing import Any

from airflow.sdk import DAG, get_current_context, task

from codebashing_lms_airflow.failures import ON_FAILURE
from codebashing_lms_airflow.forms import admin_form
from include.codebashing_lms.config.files import ADMIN_DAG, ValidFile, read_connector_files


def admin_dag(files: list[ValidFile]) -> None:
    """Make the DAG for actions on the ledgers of all connectors."""
    with DAG(
        dag_id=ADMIN_DAG,
        description="Corrections of what the LMS was sent, what it refused, and what to send again",
        schedule=None,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        default_args={**ON_FAILURE, "on_failure_callback": None},  # whoever triggered it is watching
        params=admin_form([file.connector.name for file in files]),
        tags=["codebashing", "lms", "admin"],
        doc_md=__doc__,
    ):

        @task(multiple_outputs=False)
        def carry_out() -> dict[str, Any]:
            """Run the action that the form names."""
            from codebashing_lms_airflow.tasks.admin import run_admin

            return run_admin(files, get_current_context())

        carry_out()


good_files, _ = read_connector_files()
if good_files:
    admin_dag(good_files)

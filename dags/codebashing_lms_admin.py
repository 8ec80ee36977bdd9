"""### Codebashing → LMS: administration

What a person may have to say about the memory of a connector: about what its LMS was told. Trigger this DAG,
choose a connector and an action, and read the sentence at the end of the log.

| action | when | what it needs |
| --- | --- | --- |
| `first_delivery` | a run asks what the LMS knows already | an answer: all, since a date, or a baseline |
| `reset` | the LMS was emptied, or another one took its place | |
| `resend` | the LMS lost some rows, or they were wrong there | a file of employee IDs, a course, or dates |
| `refused` | the LMS's list of rows it refused came by e-mail | a file |
| `roll_back` | the LMS was put back to an earlier state | the number of a journal entry |
| `settle` | a run asks whether the LMS took a file | the delivery, and what was found |
| `rebuild` | a run says that the ledger is gone | |
| `purge` | old data shall go | |
| `notify` | you want to see whether alerts arrive | |

None of them sends anything: the connector's next good run does. All but the last three need a reason.
"""

from typing import Any

from airflow.sdk import DAG, get_current_context, task

from codebashing_lms_airflow.failures import ON_FAILURE
from codebashing_lms_airflow.tasks.admin import admin_form, run_admin
from include.codebashing_lms.config.files import ADMIN_DAG, ValidFile, read_connector_files


def admin_dag(files: list[ValidFile]) -> None:
    """Make the DAG that looks after the memory of all connectors."""
    with DAG(
        dag_id=ADMIN_DAG,
        description="What the LMS was told, what it refused, and what is to be told again",
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
            """Do what the form says."""
            return run_admin(files, get_current_context())

        carry_out()


good_files, _ = read_connector_files()
if good_files:
    admin_dag(good_files)

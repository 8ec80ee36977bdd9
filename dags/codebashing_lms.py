"""### Codebashing → LMS

Reads the training progress of all learners from Codebashing, builds the file that the LMS imports, and
delivers the file. A record that may be wrong is left out, and listed with the reason and the remedy.

**[Open the page]({page})** for the state of the connector, the to-do list, and why a learner is not in the
LMS. README.md explains the trigger form under *Trigger form and environment*.

| task | what clearing it does |
| --- | --- |
| `extract` | builds the file again from the archived answer; to read Codebashing anew, trigger a run |
| `transform` | builds the file again, after the connector file was corrected |
| `load` | tries the delivery again; delivered rows are not sent twice |
| `report`, `notify` | writes the report, or sends the alert, again; both are optional |
"""

from datetime import UTC, datetime, time

from airflow.sdk import DAG

from codebashing_lms_airflow.airflow_compat import CronTriggerTimetable
from codebashing_lms_airflow.deadline import deadline_of
from codebashing_lms_airflow.failures import ON_FAILURE
from codebashing_lms_airflow.forms import trigger_form
from codebashing_lms_airflow.links import dag_page
from codebashing_lms_airflow.operators import (
    BrokenConnectorOperator,
    CodebashingExtractOperator,
    CodebashingLoadOperator,
    CodebashingTransformOperator,
    add_after_load_tasks,
)
from include.codebashing_lms.config.files import InvalidFile, ValidFile, read_connector_files


def sync_dag(file: ValidFile) -> None:
    """Make the DAG of a connector: extract, transform, load."""
    connector, cron = file.connector, file.connector.cron
    with DAG(
        dag_id=connector.dag_id,
        description=f"Training progress of {connector.name} into the LMS ({connector.delivery.method})",
        schedule=CronTriggerTimetable(cron, timezone=connector.timezone) if cron else None,
        start_date=datetime.combine(connector.start_date, time(), connector.zone),
        catchup=False,
        max_active_runs=1,
        default_args=ON_FAILURE,
        deadline=deadline_of(connector),
        tags=["codebashing", "lms"],
        doc_md=f"{(__doc__ or '').format(page=dag_page(connector.dag_id))}\nConnector file: `{file.path}`",
    ) as dag:
        extract = CodebashingExtractOperator(task_id="extract", connector=connector)
        transform = CodebashingTransformOperator(
            task_id="transform", connector=connector, sha256=file.sha256, extracted=extract.output
        )
        load = CodebashingLoadOperator(
            task_id="load",
            connector=connector,
            transformed=transform.output,
            max_active_tis_per_dag=1,  # two deliveries of one connector at once could contradict each other
        )
        add_after_load_tasks(load, connector)
    # Last: given to DAG(), the defaults would be checked for each DAG and copied for each task. That is slow.
    dag.params.update(trigger_form())


def broken_dag(file: InvalidFile) -> None:
    """Make a DAG that shows the error of its connector file; its only task fails with the error."""
    with DAG(
        dag_id=file.dag_id,
        description=f"BROKEN: {file.message}",
        schedule=CronTriggerTimetable("@daily", timezone="UTC"),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        tags=["codebashing", "lms", "broken"],
        doc_md=f"### This connector file cannot be used\n\n```\n{file.message}\n```",
    ):
        BrokenConnectorOperator(task_id="connector_file", message=file.message)


good_files, broken_files = read_connector_files()
for good in good_files:
    sync_dag(good)
for broken in broken_files:
    broken_dag(broken)

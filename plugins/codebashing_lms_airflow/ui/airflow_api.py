"""Internals of Airflow's API server that the page needs; they are the same in 3.1, 3.2 and 3.3."""

from collections.abc import Callable
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag, requires_authenticated
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from fastapi import HTTPException, Request
from sqlalchemy import select

from include.codebashing_lms.reporting.views.overview import Schedule

__all__ = ["GetUserDep", "SessionDep", "logged_in", "may", "reads_runs", "schedule_of", "sees_people"]

Guard = Callable[..., None]

logged_in: Guard = requires_authenticated()


def reads_runs(dag_id: str | None = None) -> Guard:
    """Return the guard for users who may read the DAG and its runs: they see counts."""
    return requires_access_dag("GET", DagAccessEntity.RUN, dag_id)


def sees_people(dag_id: str | None = None) -> Guard:
    """Return the guard for users who may trigger the DAG: they see the names of people.

    The right to read logs or XComs is not enough: every viewer of Airflow has it.
    """
    return requires_access_dag("POST", DagAccessEntity.RUN, dag_id)


def may(right: Callable[[str | None], Guard], request: Request, user: Any, dag_id: str) -> bool:
    """Return whether a user has a right to a DAG."""
    try:
        right(dag_id)(request, user)
    except HTTPException:
        return False
    return True


def schedule_of(session: Any, dag_id: str) -> Schedule:
    """Return the next run of a DAG, and how its last run ended."""
    dag = session.get(DagModel, dag_id)
    if dag is None:
        return Schedule()
    last = session.scalars(
        select(DagRun)
        .where(DagRun.dag_id == dag_id)
        .order_by(DagRun.run_after.desc(), DagRun.id.desc())
        .limit(1)
    ).first()
    return Schedule(
        known=True,
        paused=bool(dag.is_paused),
        next_run=dag.next_dagrun_create_after,
        last_run_id=last and last.run_id,
        last_state=str(getattr(last.state, "value", last.state)) if last else None,
        last_at=last and (last.start_date or last.run_after),
        failed=_failed(session, last) if last else (),
    )


def _failed(session: Any, run: Any) -> tuple[str, ...]:
    names = session.scalars(
        select(TaskInstance.task_id).where(
            TaskInstance.dag_id == run.dag_id,
            TaskInstance.run_id == run.run_id,
            TaskInstance.state == "failed",
        )
    )
    return tuple(sorted(names))

"""The page's routes. Every one needs a login; those of a connector need the right to read its DAG's runs."""

import logging
import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.responses import Response

from codebashing_lms_airflow.ui.airflow_api import (
    GetUserDep,
    SessionDep,
    may,
    reads_runs,
    schedule_of,
    sees_people,
)
from codebashing_lms_airflow.ui.connectors import course_titles, read_connectors, runs_of
from codebashing_lms_airflow.ui.rendering import attachment, csv_file, render, sentence_page
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.reporting.views.learner import LONGEST, answer_learner
from include.codebashing_lms.reporting.views.overview import card
from include.codebashing_lms.reporting.views.readiness import readiness
from include.codebashing_lms.reporting.views.run_detail import download, run_detail
from include.codebashing_lms.reporting.views.run_status import status_of
from include.codebashing_lms.reporting.views.runs import Run
from include.codebashing_lms.reporting.views.to_do import exported, to_do
from include.codebashing_lms.reporting.views.trend import trend

log = logging.getLogger(__name__)

RUNS_A_PAGE = 50
OTHER_DAG = "This DAG has nothing to do with Codebashing. The page shows the DAGs of connectors only."

router = APIRouter()


def find_connector(dag_id: str) -> Connector | None:
    """Return the connector of a DAG, None for any other DAG: Airflow shows our tab on every DAG."""
    return read_connectors()[0].get(dag_id)


def connector_of(dag_id: str) -> Connector:
    """Return the connector of a DAG; status 404 for any other DAG."""
    connector = find_connector(dag_id)
    if connector is None:
        raise HTTPException(404)
    return connector


ConnectorOfDag = Annotated[Connector, Depends(connector_of)]
COUNTS: Any = [Depends(reads_runs())]
PEOPLE: Any = [Depends(reads_runs()), Depends(sees_people())]


@router.get("/")
def overview_page(request: Request, user: GetUserDep, session: SessionDep) -> Response:
    """Show a card for each connector with a DAG that the user may read."""
    connectors, broken = read_connectors()
    cards = [
        (card(connector, runs_of(connector), schedule_of(session, dag_id)), connector.zone)
        for dag_id, connector in connectors.items()
        if may(reads_runs, request, user, dag_id)
    ]
    broken = [one for one in broken if may(reads_runs, request, user, one.dag_id)]
    return render(request, "overview.html", cards=cards, broken=broken)


@router.get("/dags/{dag_id}", dependencies=COUNTS)
def connector_page(request: Request, dag_id: str, user: GetUserDep, session: SessionDep) -> Response:
    """Show a connector: the card of its newest run, and the trend."""
    connector = find_connector(dag_id)
    if connector is None:
        return sentence_page(request, OTHER_DAG)
    runs = runs_of(connector)
    return render(
        request,
        "connector.html",
        **frame(request, user, connector, "trend"),
        card=card(connector, runs, schedule_of(session, dag_id)),
        trend=trend(runs, course_titles(connector)),
    )


def frame(request: Request, user: Any, connector: Connector, view: str) -> dict[str, Any]:
    """Return the values that every page of a connector needs."""
    people = may(sees_people, request, user, connector.dag_id)
    return {"connector": connector, "zone": connector.zone, "view": view, "people": people}


@router.get("/dags/{dag_id}/runs", dependencies=COUNTS)
def runs_page(
    request: Request, connector: ConnectorOfDag, user: GetUserDep, page: Annotated[int, Query(ge=1)] = 1
) -> Response:
    """List a connector's runs, the newest first."""
    found = runs_of(connector).all
    pages = max(1, -(-len(found) // RUNS_A_PAGE))
    page_runs = found[(page - 1) * RUNS_A_PAGE : page * RUNS_A_PAGE]
    return render(
        request,
        "runs.html",
        **frame(request, user, connector, "runs"),
        runs=[(run, status_of(run)) for run in page_runs],
        total=len(found),
        page=page,
        pages=pages,
    )


@router.get("/dags/{dag_id}/runs/{date}/{name}", dependencies=COUNTS)
def one_run_page(
    request: Request, connector: ConnectorOfDag, user: GetUserDep, date: str, name: str
) -> Response:
    """Show one run."""
    found = runs_of(connector).find(date, name)
    if found is None:
        raise HTTPException(404)
    return run_page(request, connector, user, found)


@router.get("/dags/{dag_id}/run", dependencies=COUNTS)
def run_of_airflow(request: Request, dag_id: str, user: GetUserDep, run_id: str) -> Response:
    """Show a run of Airflow: the tab of a DAG run."""
    connector = find_connector(dag_id)
    if connector is None:
        return sentence_page(request, OTHER_DAG)
    found = runs_of(connector).of_run_id(run_id.replace(" ", "+"))  # 3.1 does not quote a run ID's +
    if found is None:
        sentence = "This run has not come as far as a file yet: see the logs of its tasks."
        return sentence_page(request, sentence, connector.name)
    return run_page(request, connector, user, found)


def run_page(request: Request, connector: Connector, user: Any, run: Run) -> Response:
    """Return the view of a run."""
    return render(request, "run.html", **frame(request, user, connector, "runs"), detail=run_detail(run))


@router.get("/dags/{dag_id}/runs/{date}/{name}/files/{file}", dependencies=PEOPLE)
def download_file(connector: ConnectorOfDag, user: GetUserDep, date: str, name: str, file: str) -> Response:
    """Give a file of a run. Its name is looked up among the run's files, never used as a path."""
    found = runs_of(connector).find(date, name)
    path = download(found, file) if found else None
    if path is None:
        raise HTTPException(404)
    log.info("%s downloaded %s of a run of %s", user.get_name(), path.name, connector.dag_id)
    return attachment(path)


@router.get("/dags/{dag_id}/todo", dependencies=COUNTS)
def to_do_page(request: Request, connector: ConnectorOfDag, user: GetUserDep) -> Response:
    """Show who is set aside, grouped by who has to act; names only to users who may see them."""
    return render(
        request, "todo.html", **frame(request, user, connector, "todo"), todo=to_do(runs_of(connector).all)
    )


@router.get("/dags/{dag_id}/todo.csv", dependencies=PEOPLE)
def to_do_csv(connector: ConnectorOfDag, user: GetUserDep) -> Response:
    """Give the list of who is set aside, as CSV."""
    log.info("%s exported who is set aside in %s", user.get_name(), connector.dag_id)
    return csv_file(f"to_do_{connector.name}.csv", exported(runs_of(connector).all))


@router.get("/dags/{dag_id}/readiness", dependencies=COUNTS)
def readiness_page(request: Request, connector: ConnectorOfDag, user: GetUserDep) -> Response:
    """Show how many learners have an employee ID."""
    return render(
        request,
        "readiness.html",
        **frame(request, user, connector, "readiness"),
        ready=readiness(runs_of(connector)),
    )


@router.get("/dags/{dag_id}/learner", dependencies=COUNTS)
def search_form(request: Request, connector: ConnectorOfDag, user: GetUserDep) -> Response:
    """Show the search for a learner; the form only to users who may search."""
    return render(request, "learner.html", **frame(request, user, connector, "learner"), who="", found=None)


@router.post("/dags/{dag_id}/learner", dependencies=PEOPLE)
def search(
    request: Request,
    connector: ConnectorOfDag,
    user: GetUserDep,
    who: Annotated[str, Form(max_length=LONGEST)] = "",
) -> Response:
    """Answer why a learner is not in the LMS. By POST: an access log keeps no address of a person."""
    if not who.strip():
        return search_form(request, connector, user)
    start = time.monotonic()
    found = answer_learner(runs_of(connector), who)
    seconds = time.monotonic() - start
    log.info("%s searched a learner in %s: %.2f s", user.get_name(), connector.dag_id, seconds)
    return render(
        request, "learner.html", **frame(request, user, connector, "learner"), who=who.strip(), found=found
    )

"""The page's routes. Every one needs a login; those of a connector need the right to read its DAG's runs."""

import logging
import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.responses import Response

from codebashing_lms_airflow.ui.airflow_api import GetUserDep, SessionDep, may, reads_runs, schedule_of, sees_people
from codebashing_lms_airflow.ui.connectors import course_titles, read_connectors, runs_of
from codebashing_lms_airflow.ui.rendering import attachment, csv_file, render, sentence_page
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.reporting.views.learner import LONGEST, answer_learner
from include.codebashing_lms.reporting.views.overview import card
from include.codebashing_lms.reporting.views.readiness import readiness
from include.codebashing_lms.reporting.views.run_detail import download, run_detail
from include.codebashing_lms.reporting.views.run_status import status_of
from include.codebashing_lms.reporting.views.to_do import exported, to_do
from include.codebashing_lms.reporting.views.trend import trend

log = logging.getLogger(__name__)

RUNS_A_PAGE = 50
OTHER_DAG = "This DAG has nothing to do with Codebashing. The page shows the DAGs of connectors only."

router = APIRouter()


def connector_of(dag_id: str) -> Connector:
    """Return the connector of a DAG; status 404 for any other DAG."""
    connectors, _ = read_connectors()
    if dag_id not in connectors:
        raise HTTPException(404)
    return connectors[dag_id]


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
    seen = [one for one in broken if may(reads_runs, request, user, one.dag_id)]
    return render(request, "overview.html", cards=cards, broken=seen)


@router.get("/dags/{dag_id}", dependencies=COUNTS)
def connector_page(request: Request, dag_id: str, user: GetUserDep, session: SessionDep) -> Response:
    """Show a connector: the card of its newest run, and the trend."""
    connectors, _ = read_connectors()
    if dag_id not in connectors:  # Airflow shows our tab on every DAG
        return sentence_page(request, OTHER_DAG)
    connector, runs = connectors[dag_id], runs_of(connectors[dag_id])
    state, pictures = (card(connector, runs, schedule_of(session, dag_id)), trend(runs, course_titles(connector)))
    return page_of(connector, request, user, "trend", "connector.html", card=state, trend=pictures)


def page_of(connector: Connector, request: Request, user: Any, view: str, template: str, **values: Any) -> Response:
    """Return a page of a connector."""
    people = may(sees_people, request, user, connector.dag_id)
    frame: dict[str, Any] = {"connector": connector, "zone": connector.zone, "view": view, "people": people}
    return render(request, template, **frame, **values)


@router.get("/dags/{dag_id}/runs", dependencies=COUNTS)
def runs_page(
    request: Request, connector: ConnectorOfDag, user: GetUserDep, page: Annotated[int, Query(ge=1)] = 1
) -> Response:
    """List a connector's runs, the newest first."""
    found = runs_of(connector).all
    pages = max(1, -(-len(found) // RUNS_A_PAGE))
    runs = [(run, status_of(run)) for run in found[(page - 1) * RUNS_A_PAGE : page * RUNS_A_PAGE]]
    values = {"runs": runs, "total": len(found), "page": page, "pages": pages}
    return page_of(connector, request, user, "runs", "runs.html", **values)


@router.get("/dags/{dag_id}/runs/{date}/{name}", dependencies=COUNTS)
def one_run_page(request: Request, connector: ConnectorOfDag, user: GetUserDep, date: str, name: str) -> Response:
    """Show one run."""
    found = runs_of(connector).find(date, name)
    if found is None:
        raise HTTPException(404)
    return page_of(connector, request, user, "runs", "run.html", detail=run_detail(found))


@router.get("/dags/{dag_id}/run", dependencies=COUNTS)
def run_of_airflow(request: Request, dag_id: str, user: GetUserDep, run_id: str) -> Response:
    """Show a run of Airflow: the tab of a DAG run."""
    connectors, _ = read_connectors()
    if dag_id not in connectors:
        return sentence_page(request, OTHER_DAG)
    connector = connectors[dag_id]
    found = runs_of(connector).of_run_id(run_id.replace(" ", "+"))  # 3.1 does not quote a run ID's +
    if found is None:
        sentence = "This run has not come as far as a file yet: see the logs of its tasks."
        return sentence_page(request, sentence, connector.name)
    return page_of(connector, request, user, "runs", "run.html", detail=run_detail(found))


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
    return page_of(connector, request, user, "todo", "todo.html", todo=to_do(runs_of(connector).all))


@router.get("/dags/{dag_id}/todo.csv", dependencies=PEOPLE)
def to_do_csv(connector: ConnectorOfDag, user: GetUserDep) -> Response:
    """Give the list of who is set aside, as CSV."""
    log.info("%s exported who is set aside in %s", user.get_name(), connector.dag_id)
    return csv_file(f"to_do_{connector.name}.csv", exported(runs_of(connector).all))


@router.get("/dags/{dag_id}/readiness", dependencies=COUNTS)
def readiness_page(request: Request, connector: ConnectorOfDag, user: GetUserDep) -> Response:
    """Show how many learners have an employee ID."""
    ready = readiness(runs_of(connector))
    return page_of(connector, request, user, "readiness", "readiness.html", ready=ready)


@router.get("/dags/{dag_id}/learner", dependencies=COUNTS)
def search_form(request: Request, connector: ConnectorOfDag, user: GetUserDep) -> Response:
    """Show the search for a learner; the form only to users who may search."""
    return page_of(connector, request, user, "learner", "learner.html", who="", found=None)


@router.post("/dags/{dag_id}/learner", dependencies=PEOPLE)
def search(
    request: Request, connector: ConnectorOfDag, user: GetUserDep, who: Annotated[str, Form(max_length=LONGEST)] = ""
) -> Response:
    """Answer why a learner is not in the LMS. By POST: an access log keeps no address of a person."""
    if not who.strip():
        return search_form(request, connector, user)
    start = time.monotonic()
    found = answer_learner(runs_of(connector), who)
    seconds = time.monotonic() - start
    log.info("%s searched a learner in %s: %.2f s", user.get_name(), connector.dag_id, seconds)
    return page_of(connector, request, user, "learner", "learner.html", who=who.strip(), found=found)

"""The page's routes. Every one needs a login; those of a connector need the right to read its DAG's runs."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, HTTPException, Query, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from codebashing_lms_airflow.ui.airflow_api import (
    GetUserDep,
    SessionDep,
    logged_in,
    may,
    reads_runs,
    schedule_of,
    sees_people,
)
from codebashing_lms_airflow.ui.connectors import course_titles, read_connectors, runs_of
from codebashing_lms_airflow.ui.rendering import STATIC, TYPES, attachment, csv_file, shown
from include.codebashing_lms.config.connector import Connector
from include.codebashing_lms.errors import CodebashingLmsError
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
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
KIND = {
    401: "Please log in to Airflow first.",
    403: "You may not see this: it needs the right to trigger this DAG. Ask your Airflow administrator.",
    404: "There is nothing here, or not any more.",
}

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(logged_in)])


@app.middleware("http")
async def guarded(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    """Put the security headers on every answer."""
    response = await call(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@app.exception_handler(StarletteHTTPException)
async def kindly(request: Request, error: StarletteHTTPException) -> Response:
    """Answer people in a sentence, and programs as Airflow does."""
    if "text/html" not in request.headers.get("accept", ""):
        return await http_exception_handler(request, error)
    sentence = KIND.get(error.status_code, str(error.detail))
    return shown(request, "sentence.html", error.status_code, title="Codebashing → LMS", sentence=sentence)


@app.exception_handler(CodebashingLmsError)
async def in_words(request: Request, error: CodebashingLmsError) -> Response:
    """Say what is wrong with the staging area or the connectors' folder."""
    return shown(request, "sentence.html", 500, title="Codebashing → LMS", sentence=str(error))


def connector_of(dag_id: str) -> Connector:
    """Return the connector of a DAG."""
    connector = read_connectors().connectors.get(dag_id)
    if connector is None:
        raise HTTPException(404)
    return connector


Known = Annotated[Connector, Depends(connector_of)]
OF_A_DAG: Any = [Depends(reads_runs())]
WITH_PEOPLE: Any = [Depends(reads_runs()), Depends(sees_people())]


@app.get("/")
def overview(request: Request, user: GetUserDep, session: SessionDep) -> Response:
    """Show a card for each connector whose DAG the user may read."""
    site = read_connectors()
    cards = [
        (card(connector, runs_of(connector), schedule_of(session, dag_id)), connector.zone)
        for dag_id, connector in site.connectors.items()
        if may(reads_runs, request, user, dag_id)
    ]
    broken = [one for one in site.broken if may(reads_runs, request, user, one.dag_id)]
    return shown(request, "overview.html", cards=cards, broken=broken)


@app.get("/static/{name}")
def static(name: str) -> Response:
    """Give the style sheet and the script."""
    path = STATIC.get(name)
    if path is None:
        raise HTTPException(404)
    headers = {"Cache-Control": "private, max-age=600"}
    return Response(path.read_bytes(), media_type=TYPES[path.suffix], headers=headers)


@app.get("/dags/{dag_id}", dependencies=OF_A_DAG)
def connector(request: Request, dag_id: str, user: GetUserDep, session: SessionDep) -> Response:
    """Show a connector: how things stand, and how they develop."""
    known = read_connectors().connectors.get(dag_id)
    if known is None:
        return not_ours(request)
    runs = runs_of(known)
    return shown(
        request,
        "connector.html",
        **about(request, user, known, "trend"),
        card=card(known, runs, schedule_of(session, dag_id)),
        trend=trend(runs, course_titles(known)),
    )


def not_ours(request: Request) -> Response:
    """Say that a DAG has nothing to do with us: the tab is on every DAG."""
    sentence = "This DAG has nothing to do with Codebashing. The page shows the DAGs of connectors only."
    return shown(request, "sentence.html", title="Codebashing → LMS", sentence=sentence)


def about(request: Request, user: Any, connector: Connector, view: str) -> dict[str, Any]:
    """Return what every page of a connector shows."""
    people = may(sees_people, request, user, connector.dag_id)
    return {"connector": connector, "zone": connector.zone, "view": view, "people": people}


@app.get("/dags/{dag_id}/runs", dependencies=OF_A_DAG)
def runs(request: Request, known: Known, user: GetUserDep, page: Annotated[int, Query(ge=1)] = 1) -> Response:
    """List a connector's runs, the newest first."""
    found = runs_of(known).all
    pages = max(1, -(-len(found) // RUNS_A_PAGE))
    shown_runs = found[(page - 1) * RUNS_A_PAGE : page * RUNS_A_PAGE]
    return shown(
        request,
        "runs.html",
        **about(request, user, known, "runs"),
        runs=[(run, status_of(run)) for run in shown_runs],
        total=len(found),
        page=page,
        pages=pages,
    )


@app.get("/dags/{dag_id}/runs/{date}/{name}", dependencies=OF_A_DAG)
def run(request: Request, known: Known, user: GetUserDep, date: str, name: str) -> Response:
    """Show one run."""
    found = runs_of(known).find(date, name)
    if found is None:
        raise HTTPException(404)
    return run_page(request, known, user, found)


@app.get("/dags/{dag_id}/run", dependencies=OF_A_DAG)
def run_of_airflow(request: Request, dag_id: str, user: GetUserDep, run_id: str) -> Response:
    """Show what a run of Airflow's left: the tab of a DAG run."""
    known = read_connectors().connectors.get(dag_id)
    if known is None:
        return not_ours(request)
    found = runs_of(known).of_run_id(run_id.replace(" ", "+"))  # 3.1 does not quote a run ID's +
    if found is None:
        sentence = "This run has not come as far as a file yet: see the logs of its tasks."
        return shown(request, "sentence.html", title=known.name, sentence=sentence)
    return run_page(request, known, user, found)


def run_page(request: Request, known: Connector, user: Any, found: Run) -> Response:
    """Return the view of a run."""
    return shown(request, "run.html", **about(request, user, known, "runs"), detail=run_detail(found))


@app.get("/dags/{dag_id}/runs/{date}/{name}/files/{file}", dependencies=WITH_PEOPLE)
def fetch(known: Known, user: GetUserDep, date: str, name: str, file: str) -> Response:
    """Give a file of a run; names are those of the run's own listing, never what the address says."""
    found = runs_of(known).find(date, name)
    path = download(found, file) if found else None
    if path is None:
        raise HTTPException(404)
    log.info("%s fetched %s of a run of %s", user.get_name(), path.name, known.dag_id)
    return attachment(path)


@app.get("/dags/{dag_id}/todo", dependencies=OF_A_DAG)
def todo(request: Request, known: Known, user: GetUserDep) -> Response:
    """Show who is set aside, by who can do something about it; names only to who may see them."""
    return shown(request, "todo.html", **about(request, user, known, "todo"), todo=to_do(runs_of(known).all))


@app.get("/dags/{dag_id}/todo.csv", dependencies=WITH_PEOPLE)
def todo_csv(known: Known, user: GetUserDep) -> Response:
    """Give the whole list for a spreadsheet."""
    log.info("%s exported who is set aside in %s", user.get_name(), known.dag_id)
    return csv_file(f"to_do_{known.name}.csv", exported(runs_of(known).all))


@app.get("/dags/{dag_id}/readiness", dependencies=OF_A_DAG)
def ids(request: Request, known: Known, user: GetUserDep) -> Response:
    """Show how many learners come with an employee ID."""
    return shown(
        request, "readiness.html", **about(request, user, known, "readiness"), ready=readiness(runs_of(known))
    )


@app.get("/dags/{dag_id}/learner", dependencies=OF_A_DAG)
def ask(request: Request, known: Known, user: GetUserDep) -> Response:
    """Show the form of a search, or who may search."""
    return shown(request, "learner.html", **about(request, user, known, "learner"), who="", found=None)


@app.post("/dags/{dag_id}/learner", dependencies=WITH_PEOPLE)
def search(
    request: Request, known: Known, user: GetUserDep, who: Annotated[str, Form(max_length=LONGEST)] = ""
) -> Response:
    """Answer why a learner is not there. By POST, so that no address lands in an access log."""
    if not who.strip():
        return ask(request, known, user)
    begun = time.monotonic()
    found = answer_learner(runs_of(known), who)
    seconds = time.monotonic() - begun
    log.info("%s searched a learner in %s: %.2f s", user.get_name(), known.dag_id, seconds)
    return shown(
        request, "learner.html", **about(request, user, known, "learner"), who=who.strip(), found=found
    )

"""The FastAPI application of the page: login for every route, security headers, errors as sentences."""

from collections.abc import Awaitable, Callable

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from codebashing_lms_airflow.ui.airflow_api import logged_in
from codebashing_lms_airflow.ui.rendering import STATIC, TYPES, sentence_page
from codebashing_lms_airflow.ui.routes import router
from include.codebashing_lms.errors import CodebashingLmsError

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
SENTENCES = {
    401: "Please log in to Airflow first.",
    403: "You may not see this: it needs the right to trigger this DAG. Ask your Airflow administrator.",
    404: "There is nothing here, or not any more.",
}

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(logged_in)])
app.include_router(router)


@app.middleware("http")
async def add_headers(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    """Put the security headers on every answer."""
    response = await call(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@app.exception_handler(StarletteHTTPException)
async def show_http_error(request: Request, error: StarletteHTTPException) -> Response:
    """Answer people in a sentence, and programs as Airflow does."""
    if "text/html" not in request.headers.get("accept", ""):
        return await http_exception_handler(request, error)
    sentence = SENTENCES.get(error.status_code, str(error.detail))
    return sentence_page(request, sentence, status=error.status_code)


@app.exception_handler(CodebashingLmsError)
async def show_error(request: Request, error: CodebashingLmsError) -> Response:
    """Show an error about the staging area or the folder of connector files."""
    return sentence_page(request, str(error), status=500)


@app.get("/static/{name}")
def static_file(name: str) -> Response:
    """Give the style sheet and the script."""
    path = STATIC.get(name)
    if path is None:
        raise HTTPException(404)
    headers = {"Cache-Control": "private, max-age=600"}
    return Response(path.read_bytes(), media_type=TYPES[path.suffix], headers=headers)

"""Pages, charts and static files, mounted on the app that backend.main creates."""

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from backend.errors import Unauthorized
from frontend import assets
from frontend.charts import experiment_routes, routes, run_routes
from frontend.live_parts import LivePages
from frontend.pages import (
    answers,
    audit,
    client_links,
    compare,
    console,
    datasets,
    docs,
    experiment,
    home,
    imports,
    logged,
    new_experiment,
    reference,
    run,
    runs,
    sign_in,
    status,
    tokens,
)
from frontend.report import render_report
from frontend.site import render_error as render_other_error

__all__ = ["mount", "render_error", "render_report"]


def mount(app: FastAPI) -> None:
    """Mount every page, chart and static file on the app."""
    app.state.live_pages = LivePages()
    charts = (routes, experiment_routes, run_routes)
    pages = (home, new_experiment, experiment, runs, run, logged, console, client_links, compare)
    own = (datasets, answers, imports)
    service = (reference, docs, status, tokens, audit, sign_in)
    for module in (assets, *charts, *pages, *own, *service):
        app.include_router(module.router, include_in_schema=False)


def render_error(request: Request, status: int, detail: str) -> HTMLResponse:
    """Return the error page, or the sign-in page if the token is missing."""
    if status == Unauthorized.status:
        return sign_in.page(request, detail)
    return render_other_error(request, status, detail)

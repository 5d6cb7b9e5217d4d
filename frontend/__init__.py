"""What a person sees: pages, figures and static files, put on the app that backend.main makes."""

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from backend.errors import Unauthorized
from frontend import assets
from frontend.charts import fragments, grid_routes, overlay_routes, run_routes
from frontend.charts import routes as figures
from frontend.live_parts import LivePages
from frontend.pages import (
    compare,
    experiment,
    health,
    home,
    new_experiment,
    reference,
    run,
    runs,
    sign_in,
)
from frontend.report import render_report
from frontend.site import render_error as render_other_error

__all__ = ["mount", "render_error", "render_report"]


def mount(app: FastAPI) -> None:
    """Put every page, figure and static file on the app."""
    app.state.live_pages = LivePages()
    pages = (home, new_experiment, experiment, runs, run, compare, reference, health, sign_in)
    for module in (assets, figures, fragments, grid_routes, overlay_routes, run_routes, *pages):
        app.include_router(module.router, include_in_schema=False)


def render_error(request: Request, status: int, detail: str) -> HTMLResponse:
    """Return the page of an error; of a missing token, the page to give it on."""
    if status == Unauthorized.status:
        return sign_in.page(request, detail)
    return render_other_error(request, status, detail)

"""What a person sees: pages, figures and static files, put on the app that backend.main makes."""

from fastapi import FastAPI

from frontend import assets
from frontend.figures import fragments, grid_routes, overlay_routes, run_routes
from frontend.figures import routes as figures
from frontend.pages import compare, experiment, health, home, new_experiment, reference, run, runs
from frontend.report import render_report
from frontend.site import render_error

__all__ = ["mount", "render_error", "render_report"]


def mount(app: FastAPI) -> None:
    """Put every page, figure and static file on the app."""
    pages = (home, new_experiment, experiment, runs, run, compare, reference, health)
    for module in (assets, figures, fragments, grid_routes, overlay_routes, run_routes, *pages):
        app.include_router(module.router, include_in_schema=False)

"""Drawings that are pieces of a page: SVG in the page's own colours, made by a template."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from backend.runs.items import run_items
from backend.specification import validate
from backend.store import experiments, metric_summaries, metrics, runs
from backend.store.tables import MAX_ID
from backend.web.dependencies import BodyDep, SettingsDep
from frontend.charts.data_pictures import data_pictures
from frontend.charts.grid import MAX_CURVES
from frontend.charts.measures import CHOICES, KEYS
from frontend.charts.parallel import MAX_ROWS, parallel_info
from frontend.charts.sizes import sizes_info
from frontend.charts.small_curve import small_curve
from frontend.site import Reading, render

router = APIRouter(prefix="/figures")

LONGEST = MAX_CURVES * (len(str(MAX_ID)) + 1)


@router.get("/small-curve")
def small_curves(
    session: Reading,
    ids: Annotated[str, Query(alias="runs", max_length=LONGEST, pattern=r"^\d{1,9}(,\d{1,9})*$")],
) -> HTMLResponse:
    """Return the train and validation loss of some runs as a small drawing."""
    wanted = [int(each) for each in ids.split(",")][:MAX_CURVES]
    found = metrics.series_of(session, wanted, ["train_loss", "val_loss"])
    return render("parts/small_curve.html", curve=small_curve(found.values()))


@router.get("/experiments/{experiment_id}/parallel")
def parallel(session: Reading, experiment_id: int, colour: str = "best") -> HTMLResponse:
    """Return the cells of an experiment as lines over its hyperparameters, and as a table.

    Raises NotFound.
    """
    experiments.get(session, experiment_id)
    found = run_items(session, runs.of_experiment(session, experiment_id))
    at_best = metric_summaries.values_at_best(session, [run.id for run in found], KEYS)
    choice = colour if colour in CHOICES else "best"
    info = parallel_info(found, at_best, choice=choice)
    return render("parts/parallel.html", info=info, most=MAX_ROWS)


@router.post("/specification")
def specification(body: BodyDep, settings: SettingsDep) -> HTMLResponse:
    """Return the grid and the data of a specification as small drawings.

    Raises MalformedBody and InvalidSpec.
    """
    spec = validate(body.parse(), max_runs=settings.max_runs)
    return render(
        "parts/preview.html", sizes=sizes_info(spec.runs), pictures=data_pictures(spec.runs)
    )

"""The figures as JSON, each under a plain address."""

import json
from typing import Any

from fastapi import APIRouter, Response
from plotly.utils import PlotlyJSONEncoder

from backend import comparisons
from backend.api.dependencies import StoppingQuery
from backend.comparisons import At
from backend.errors import NotFound
from backend.store import experiments, metrics, runs, snapshots
from backend.store.snapshots import Kind
from backend.views import early_stop, run_items
from frontend.figures.comparison import comparison_info, draw_comparison
from frontend.figures.curves import Quantity, Scale, curves_info, draw_curves
from frontend.figures.fits import draw_fit, fit_info
from frontend.site import Reading

router = APIRouter(prefix="/figures")


@router.get("/experiments/{experiment_id}/comparison")
def comparison(session: Reading, experiment_id: int, at: At = "last") -> Response:
    """Return the variants' paired differences to the first. Raises NotFound."""
    experiments.get(session, experiment_id)
    found = comparisons.comparison(session, experiment_id, at=at)
    if found is None:
        raise NotFound(f"Experiment {experiment_id} has no variants to compare one by one.")
    return as_json(draw_comparison(comparison_info(found)))


@router.get("/runs/{run_id}/fit/{kind}")
def fit(session: Reading, run_id: int, kind: Kind) -> Response:
    """Return the fit of a run's snapshot, drawn over the data. Raises NotFound."""
    runs.get(session, run_id)
    snapshot = snapshots.get(session, run_id, kind)
    samples = snapshots.samples(session, run_id)
    if snapshot.fit is None or samples is None:
        raise NotFound(f"Run {run_id} has no picture of its fit: it has more than two inputs.")
    return as_json(draw_fit(fit_info(snapshot.epoch, snapshot.fit, samples)))


@router.get("/runs/{run_id}/{quantity}")
def curves(
    session: Reading,
    run_id: int,
    quantity: Quantity,
    stopping: StoppingQuery,
    scale: Scale = "linear",
    epochs: Scale = "linear",
) -> Response:
    """Return a run's loss or accuracy over its epochs, with the criterion asked for marked.

    Raises NotFound and InvalidSpec.
    """
    [run] = run_items(session, [runs.get(session, run_id)])
    fires = run.early_stop_epoch
    if stopping:
        fires = early_stop(session, run_id, stopping).epoch
    keys = [f"{part}_{quantity}" for part in ("train", "val", "test")]
    info = curves_info(
        quantity,
        metrics.series(session, run_id, keys),
        best_epoch=run.best_epoch,
        early_stop_epoch=fires,
    )
    return as_json(draw_curves(info, scale=scale, epochs=epochs))


def as_json(drawing: dict[str, Any]) -> Response:
    """Return a drawing as the browser's chart element takes it."""
    body = json.dumps(drawing, cls=PlotlyJSONEncoder)
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})

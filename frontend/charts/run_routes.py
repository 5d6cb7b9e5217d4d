"""Routes of the charts of a run, as JSON."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.remedies import follow_up
from backend.runs.fit_frames import frames_of
from backend.runs.items import replay_early_stopping, run_items
from backend.series import Series
from backend.store import artifacts, experiments, metrics, runs
from backend.store.artifacts import SnapshotKind
from backend.store.tables import Run
from backend.web.dependencies import StoppingQuery
from frontend.chart_options import RunViewQuery
from frontend.charts.fits import draw_fit, draw_fit_frames, fit_frames_info, fit_info
from frontend.charts.loss_chart import draw_curves, seed_traces
from frontend.charts.loss_curves import Quantity, curves_info
from frontend.charts.metric_line import draw_metric, metric_info
from frontend.charts.theme import as_json
from frontend.charts.weights import draw_weights, weights_info
from frontend.site import Reading

router = APIRouter(prefix="/charts/runs/{run_id}")

LOSSES = ("train_loss", "val_loss")


@router.get("/frames")
def fit_frames(session: Reading, run_id: int) -> Response:
    """Return the frames of a run's fit over its data. Raises NotFound."""
    frames, samples = frames_of(session, run_id), artifacts.samples(session, run_id)
    if not frames.epochs or samples is None:
        raise _not_drawable(run_id)
    losses = metrics.series(session, run_id, LOSSES)
    return as_json(draw_fit_frames(fit_frames_info(frames, samples, losses)))


@router.get("/fit/{kind}")
def fit(session: Reading, run_id: int, kind: SnapshotKind) -> Response:
    """Return the fit of a run's snapshot over its data. Raises NotFound."""
    runs.get(session, run_id)
    snapshot = artifacts.get_snapshot(session, run_id, kind)
    samples = artifacts.samples(session, run_id)
    if snapshot.fit is None or samples is None:
        raise _not_drawable(run_id)
    return as_json(draw_fit(fit_info(snapshot.epoch, snapshot.fit, samples)))


@router.get("/weights")
def weights(session: Reading, run_id: int) -> Response:
    """Return the distribution of the weights of a run's snapshots. Raises NotFound."""
    runs.get(session, run_id)
    snapshots = artifacts.snapshots_of(session, run_id)
    if not snapshots:
        raise NotFound(f"Run {run_id} has no snapshot yet.")
    info = weights_info(
        [(snapshot.kind, snapshot.epoch, snapshot.weights) for snapshot in snapshots]
    )
    return as_json(draw_weights(info))


@router.get("/metric")
def metric(session: Reading, run_id: int, key: Annotated[str, Query(max_length=250)]) -> Response:
    """Return one metric of a run over its steps, as it was logged. Raises NotFound."""
    runs.get(session, run_id)
    return as_json(draw_metric(metric_info(key, metrics.series(session, run_id, [key])[key])))


@router.get("/{quantity}")
def curves(
    session: Reading, run_id: int, quantity: Quantity, stopping: StoppingQuery, view: RunViewQuery
) -> Response:
    """Return a run's loss or accuracy over epochs, with a mark where `stopping` fires.

    Raises NotFound and InvalidSpec.
    """
    row = runs.get(session, run_id)
    [run] = run_items(session, [row])
    early_stop_epoch = run.early_stop_epoch
    if stopping:
        early_stop_epoch = replay_early_stopping(session, run_id, stopping).epoch
    keys = [f"{part}_{quantity}" for part in ("train", "val", "test")]
    info = curves_info(
        quantity,
        metrics.curves_of(session, [run_id], keys)[run_id],
        view=view,
        best_epoch=run.best_epoch,
        best_loss=run.summary.get("val_loss", {}).get("min"),
        early_stop_epoch=early_stop_epoch,
        seeds=_other_seeds(session, row, keys[:2]) if "seeds" in view.show else (),
        unit=run.axis,
    )
    return as_json(draw_curves(info))


@router.get("/{quantity}/seeds")
def seeds(
    session: Reading, run_id: int, quantity: Quantity, view: RunViewQuery
) -> list[dict[str, object]]:
    """Return the traces of the other seeds in a run's chart. Raises NotFound."""
    row = runs.get(session, run_id)
    keys = [f"{part}_{quantity}" for part in ("train", "val")]
    info = curves_info(quantity, {}, view=view, seeds=_other_seeds(session, row, keys))
    return seed_traces(info)


def _other_seeds(session: Session, row: Run, keys: list[str]) -> list[dict[str, Series]]:
    """Return the metrics of the other runs in the cell of a run."""
    experiment = experiments.get(session, row.experiment_id)
    if experiment.spec is None:
        return []
    cell = follow_up.cell_of(session, experiment, row)
    others = [run.id for run in cell.runs if run.id != row.id]
    return list(metrics.series_of(session, others, keys).values())


def _not_drawable(run_id: int) -> NotFound:
    return NotFound(
        f"Run {run_id} has no picture of its fit: it has more than two inputs, or classes."
    )

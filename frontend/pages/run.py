"""A run: its curves, its fit, its verdict, its snapshots."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from backend.api.dependencies import StoppingQuery
from backend.spec.catalogue import SOURCES
from backend.store import changes, experiments, metrics, runs, snapshots
from backend.store.snapshots import SnapshotInfo
from backend.store.states import ENDED
from backend.views import RunDetail, early_stop, run_detail
from frontend.figures.curves import Scale
from frontend.form import SECTIONS
from frontend.pages import remedies
from frontend.pages.experiment import KEYS, model_title
from frontend.site import Reading, render
from frontend.snippets import loading_code
from frontend.stopping import control

router = APIRouter()

EARLY = 20  # a best epoch in the first twentieth of the run is early


@router.get("/runs/{run_id}")
def run(
    session: Reading,
    run_id: int,
    stopping: StoppingQuery,
    scale: Scale = "linear",
    epochs: Scale | None = None,
) -> HTMLResponse:
    """Show one run; `stopping` asks where another criterion would have stopped.

    Raises NotFound and InvalidSpec.
    """
    row = runs.get(session, run_id)
    experiment_id = row.experiment_id
    revision = changes.revision_of(session, experiment_id)  # first: the stream repeats the rest
    found = run_detail(session, run_id)
    source = SOURCES[found.params["dataset.source"]]
    kept = snapshots.of_run(session, run_id)
    axes = {"scale": scale, "epochs": epochs or _epoch_scale(found)}
    live = found.status not in ENDED
    experiment = experiments.get(session, experiment_id)
    offer = remedies.offer_for(session, experiment, row) if not live else None
    return render(
        "run.html",
        run=found,
        title=model_title(found),
        experiment=experiment,
        offer=offer,
        tried=remedies.tried(session, experiment_id, offer) if offer else [],
        neighbours=runs.neighbours(session, row),
        at_best=metrics.at_best_epoch(session, [run_id], KEYS)[run_id],
        is_classification=source.problem == "classification",
        live=live,
        revision=revision,
        axes=axes,
        address={**axes, **stopping},
        stopping=control(early_stop(session, run_id, stopping), query=stopping, live=live),
        snapshots=kept,
        fits=_fits(kept, ended=found.status in ENDED),
        params=_by_section(found.params),
        code={one.kind: loading_code(found.params, run_id, one.kind) for one in kept},
    )


def _fits(kept: Sequence[SnapshotInfo], *, ended: bool) -> list[tuple[str, SnapshotInfo]]:
    """Return the snapshots with a picture, each with its name; of an ended run no picture twice."""
    drawn = [one for one in kept if one.has_fit]
    if ended and len({one.epoch for one in drawn}) == 1:
        return [(" and ".join(one.kind for one in drawn), drawn[0])]
    return [(one.kind, one) for one in drawn]


def _epoch_scale(run: RunDetail) -> Scale:
    """Spread out the first epochs of an ended run if all that matters happened in them."""
    early = run.best_epoch is not None and EARLY * run.best_epoch < run.epoch
    return "log" if run.status in ENDED and early else "linear"


def _by_section(params: Mapping[str, Any]) -> dict[str, list[tuple[str, Any]]]:
    return {
        title: [item for item in params.items() if item[0].startswith(f"{section}.")]
        for section, title in SECTIONS.items()
    }

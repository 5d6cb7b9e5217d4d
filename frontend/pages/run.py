"""A run: its curves, its fit, its verdict, its snapshots."""

from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from backend.remedies.follow_up import cell_of
from backend.runs.items import replay_early_stopping, run_detail
from backend.runs.schemas import RunDetail
from backend.runs.states import ENDED
from backend.specification.hyperparameters import SECTIONS
from backend.specification.params import Params, ParamValue
from backend.store import artifacts, changes, experiments, metric_summaries, runs
from backend.store.artifacts import SnapshotInfo
from backend.store.tables import Experiment, Run
from backend.web.dependencies import DatabaseDep, StoppingQuery
from frontend.chart_options import AxisScale, RunView, RunViewQuery
from frontend.charts.grid_metrics import KEYS
from frontend.charts.loss_curves import QUANTITIES, newest_info
from frontend.live_parts import ChartTexts, LivePages, PageContent, version_now
from frontend.pages import remedies
from frontend.pages.fit_cards import model_title
from frontend.pages.stopping_control import stopping_control
from frontend.site import Context, Reading, fill, render

router = APIRouter()

LIVE_PARTS = {
    "run-progress": "parts/run_progress.html",
    "verdict": "parts/run_verdict.html",
    "would-have-stopped": "parts/run_stopped.html",
    "learnt": "parts/run_fits.html",
    "kept": "parts/run_snapshots.html",
}
"""Ids of the elements that change while a run trains, and the templates that make them."""

EARLY = 20  # a best epoch in the first twentieth of the run is early


@router.get("/runs/{run_id}")
def run(session: Reading, run_id: int, stopping: StoppingQuery, view: RunViewQuery) -> HTMLResponse:
    """Show one run; `stopping` asks where another criterion would have stopped.

    Raises NotFound and InvalidSpec.
    """
    context = _live_context(session, run_id, view, stopping)
    row, detail = runs.get(session, run_id), context["run"]
    experiment = experiments.get(session, row.experiment_id)
    others = [one for one in cell_of(session, experiment, row).runs if one.id != run_id]
    return render(
        "run.html",
        **context,
        title=model_title(detail),
        experiment=experiment,
        neighbours=runs.neighbours(session, row),
        params=_by_section(detail.params),
        address={**context["view"].of_curves(), **stopping},
        is_classification=_is_classification(detail),
        others=len(others),
        live_seeds="seeds" in view.show and any(one.status not in ENDED for one in others),
        **_remedies(session, experiment, row, live=context["live"]),
    )


@router.get("/runs/{run_id}/live")
def live_parts(
    request: Request,
    database: DatabaseDep,
    run_id: int,
    stopping: StoppingQuery,
    view: RunViewQuery,
    seen: int = 0,
) -> Context:
    """Return the parts of a run's page that changed since version `seen`.

    Raises NotFound and InvalidSpec.
    """
    pages: LivePages = request.app.state.live_pages

    def content(_before: PageContent | None) -> PageContent:
        with database.read() as session:
            context = _live_context(session, run_id, view, stopping)
        parts = {id_: fill(template, **context) for id_, template in LIVE_PARTS.items()}
        return PageContent(
            context["revision"], context["read_at"], context["stage"], parts, _charts(context, view)
        )

    return pages.update((request.url.path, view.model_dump_json(), str(stopping)), seen, content)


def _live_context(
    session: Session, run_id: int, view: RunView, stopping: Mapping[str, str]
) -> Context:
    """Return the context of the templates of the live parts. Raises NotFound and InvalidSpec."""
    read_at = version_now() - 1  # anything rendered within this millisecond counts as newer
    row = runs.get(session, run_id)
    revision = changes.revision_of(session, row.experiment_id)  # first: the stream repeats the rest
    detail = run_detail(session, run_id)
    live = detail.status not in ENDED
    stop = replay_early_stopping(session, run_id, stopping)
    return {
        "run": detail,
        "live": live,
        "revision": revision,
        "read_at": read_at,
        "stage": f"{detail.status}, {'with' if detail.summary else 'without'} epochs",
        "at_best": metric_summaries.values_at_best(session, [run_id], KEYS)[run_id],
        "interrupted": _interrupted(session, row),
        "view": view.model_copy(update={"epochs": view.epochs or _epoch_scale(detail)}),
        "stops": stop.epoch if stopping else detail.early_stop_epoch,
        "stopping": stopping_control(stop, query=stopping, live=live),
        **_learnt(session, detail),
    }


def _charts(context: Context, view: RunView) -> dict[str, ChartTexts]:
    """Return the texts and marks of the growing charts; those of other views are loaded again."""
    if not view.grows:
        return {}
    infos = {
        quantity: newest_info(quantity, context["run"], stops=context["stops"], view=view)
        for quantity in QUANTITIES
    }
    return {name: ChartTexts(info.description, info.marks) for name, info in infos.items()}


def _is_classification(run: RunDetail) -> bool:
    return run.spec.source.problem == "classification"


def _learnt(session: Session, run: RunDetail) -> Context:
    """Return the snapshots, their pictures and the code that loads them."""
    kept = artifacts.snapshot_infos(session, run.id)
    spec = run.spec
    return {
        "snapshots": kept,
        "fits": _fits(kept, ended=run.status in ENDED),
        "frames": _frames(artifacts.last_frame(session, run.id), kept),
        "inputs": spec.dataset.input_count,
        "drawable": spec.dataset.drawable,
        "code": {
            one.kind: spec.family.loading_code(spec, f"run-{run.id}-{one.kind}.safetensors")
            for one in kept
        },
    }


def _interrupted(session: Session, row: Run) -> str:
    """Say why a run waits that has been trained before, and from where it goes on."""
    kept = artifacts.checkpoint_epoch(session, row.id)
    if row.status != "queued" or not (row.workers_lost or kept):
        return ""
    what = "Its worker was lost" if row.workers_lost else "Its worker handed it back"
    when = f"at epoch {row.epoch:,}" if row.epoch else "before its first epoch"
    where = f"goes on after epoch {kept:,}, its last checkpoint" if kept else "begins anew"
    return f"{what} {when}. It waits for a worker and {where}."


def _remedies(session: Session, experiment: Experiment, row: Run, *, live: bool) -> Context:
    offer = None if live else remedies.offer_for(session, experiment, row)
    tried = remedies.tried(session, experiment.id, offer) if offer else []
    return {"offer": offer, "tried": tried}


def _fits(kept: Sequence[SnapshotInfo], *, ended: bool) -> list[tuple[str, SnapshotInfo]]:
    """Return the snapshots with a picture, each with its name; of an ended run no picture twice."""
    drawn = [one for one in kept if one.has_fit]
    if ended and len({one.epoch for one in drawn}) == 1:
        return [(" and ".join(one.kind for one in drawn), drawn[0])]
    return [(one.kind, one) for one in drawn]


def _frames(newest: int, kept: Sequence[SnapshotInfo]) -> str:
    """Name what frames there are, so that the address of their figure is new when they are."""
    return ".".join(f"{epoch}" for epoch in (newest, *(one.epoch for one in kept)) if newest)


def _epoch_scale(run: RunDetail) -> AxisScale:
    """Spread out the first epochs of an ended run if all that matters happened in them."""
    early = run.best_epoch is not None and EARLY * run.best_epoch < run.epoch
    return "log" if run.status in ENDED and early else "linear"


def _by_section(params: Params) -> dict[str, list[tuple[str, ParamValue]]]:
    return {
        declared.heading: [item for item in params.items() if item[0].startswith(f"{section}.")]
        for section, declared in SECTIONS.items()
    }

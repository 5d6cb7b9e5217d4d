"""Page of a run: its curves, its fit, its verdict and its snapshots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from backend.remedies.follow_up import cell_of
from backend.runs import compare_variants
from backend.runs.classified import classified_samples
from backend.runs.items import replay_early_stopping, run_detail
from backend.runs.schemas import RunDetail
from backend.runs.states import ENDED
from backend.specification.hyperparameters import SECTIONS
from backend.specification.params import Params, ParamValue
from backend.store import artifacts, changes, experiments, metric_summaries, runs
from backend.store.artifacts import SnapshotInfo
from backend.store.planned_runs import SOURCE as SWEEP
from backend.store.tables import Experiment, Run
from backend.web.dependencies import DatabaseDep, StoppingQuery
from backend.web.heavy_work import HEAVY
from frontend import formatting
from frontend.chart_options import AxisScale, RunView, RunViewQuery
from frontend.charts.grid_metrics import KEYS
from frontend.charts.loss_curves import QUANTITIES, newest_info
from frontend.charts.mistakes import Mistakes, mistakes_of
from frontend.live_parts import ChartTexts, LivePages, PageContent, version_now
from frontend.pages import remedies
from frontend.pages.console import console_view
from frontend.pages.fit_cards import differing, model_title
from frontend.pages.logged import LoggedPart, MetricQuery, logged_part, metric_list
from frontend.pages.stopping_control import StoppingControl, stopping_control
from frontend.site import Context, Reading, fill, render

router = APIRouter()

LIVE_PARTS = {
    "run-progress": "parts/run_progress.html",
    "verdict": "parts/run_verdict.html",
    "would-have-stopped": "parts/run_stopped.html",
    "learnt": "parts/run_fits.html",
    "mistakes": "parts/run_mistakes.html",
    "kept": "parts/run_snapshots.html",
    "losses": "parts/run_pairing.html",
}
"""The ids of the elements that change while a run trains, with their templates."""

EARLY_SHARE = 1 / 20  # a best epoch before this share of the epochs is early


@dataclass(frozen=True)
class RunContent:
    """The content of a run's page that changes while the run trains.

    `early_stop_epoch` is the epoch at which the selected criterion fires. `last_frame` is the epoch
    of the newest frame of the fit, 0 without frames.
    """

    run: RunDetail
    live: bool
    revision: int
    read_at: int
    stage: str
    at_best: Mapping[str, float | None]
    interrupted: str
    view: RunView
    early_stop_epoch: int | None
    stopping: StoppingControl
    snapshots: Sequence[SnapshotInfo]
    last_frame: int
    mistakes: Mistakes | None
    logged: LoggedPart | None

    @property
    def fits(self) -> list[tuple[str, SnapshotInfo]]:
        """The snapshots with a fit, each with its name; an ended run has no fit twice."""
        with_fit = [snapshot for snapshot in self.snapshots if snapshot.has_fit]
        if not self.live and len({snapshot.epoch for snapshot in with_fit}) == 1:
            return [(" and ".join(snapshot.kind for snapshot in with_fit), with_fit[0])]
        return [(snapshot.kind, snapshot) for snapshot in with_fit]

    @property
    def frames(self) -> str:
        """The version of the frames in the URL of their chart, empty without frames."""
        epochs = (self.last_frame, *(snapshot.epoch for snapshot in self.snapshots))
        return ".".join(f"{epoch}" for epoch in epochs if self.last_frame)

    @property
    def code(self) -> dict[str, str]:
        """The Python code that loads each snapshot, by the kind of the snapshot."""
        if not self.snapshots:
            return {}
        spec, run_id = self.run.spec, self.run.id
        return {
            snapshot.kind: spec.family.loading_code(
                spec, f"run-{run_id}-{snapshot.kind}.safetensors"
            )
            for snapshot in self.snapshots
        }

    def context(self) -> Context:
        """Return the variables of the templates of the live parts."""
        dataset = None if self.run.is_external else self.run.spec.dataset
        return {
            **vars(self),
            "fits": self.fits,
            "frames": self.frames,
            "code": self.code,
            "inputs": dataset.input_count if dataset else 0,
            "drawable": bool(dataset and dataset.drawable),
            "planned": self.run.source == SWEEP,
        }


@router.get("/runs/{run_id}")
def run(
    request: Request, session: Reading, run_id: int, stopping: StoppingQuery, view: RunViewQuery
) -> HTMLResponse:
    """Show one run, and where the early-stopping criterion `stopping` would have stopped.

    Raises NotFound and InvalidSpec.
    """
    content = _read_content(session, run_id, view, stopping)
    row = runs.get(session, run_id)
    experiment = experiments.get(session, row.experiment_id)
    others = _other_seeds(session, experiment, row)
    return render(
        "run.html",
        **content.context(),
        removal=formatting.removal(content.run.deleted_at, request.app.state.settings.deleted_days),
        title=_title(content.run, experiment),
        experiment=experiment,
        neighbours=runs.neighbours(session, row),
        params=_param_tables(content.run),
        query={**content.view.query(), **stopping},
        has_accuracy=_has_accuracy(content.run),
        metric_list=metric_list(session, run_id, MetricQuery()) if content.logged else None,
        console=console_view(session, run_id),
        others=len(others),
        only_run=not any(runs.neighbours(session, row)),
        live_seeds="seeds" in view.show and any(other.status not in ENDED for other in others),
        **_remedies(session, experiment, row, live=content.live),
    )


@router.get("/runs/{run_id}/live", dependencies=[HEAVY])
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

    def render_content(_before: PageContent | None) -> PageContent:
        with database.read() as session:
            content = _read_content(session, run_id, view, stopping)
        context = content.context()
        parts = {id_: fill(template, **context) for id_, template in LIVE_PARTS.items()}
        charts = _charts(content) if view.grows else {}
        return PageContent(content.revision, content.read_at, content.stage, parts, charts)

    url = (request.url.path, view.model_dump_json(), str(stopping))
    return pages.update(url, seen, render_content)


def _read_content(
    session: Session, run_id: int, view: RunView, stopping: Mapping[str, str]
) -> RunContent:
    """Return the content of a run's page. Raises NotFound and InvalidSpec."""
    read_at = version_now() - 1  # anything rendered within this millisecond counts as newer
    row = runs.get(session, run_id)
    revision = changes.revision_of(session, row.experiment_id)  # first: the stream repeats the rest
    run = run_detail(session, run_id)
    live = run.status not in ENDED
    stop = replay_early_stopping(session, run_id, stopping)
    return RunContent(
        run=run,
        live=live,
        revision=revision,
        read_at=read_at,
        stage=f"{run.status}, {'with' if run.summary else 'without'} epochs",
        at_best=metric_summaries.values_at_best(session, [run_id], KEYS)[run_id],
        interrupted=_interrupted(session, row),
        view=view.model_copy(update={"epochs": view.epochs or _epoch_scale(run)}),
        early_stop_epoch=stop.epoch if stopping else run.early_stop_epoch,
        stopping=stopping_control(stop, query=stopping, live=live, unit=run.axis),
        snapshots=artifacts.snapshot_infos(session, run_id),
        last_frame=artifacts.last_frame(session, run_id),
        mistakes=_mistakes(session, run),
        logged=logged_part(session, row) if run.is_external else None,
    )


def _mistakes(session: Session, run: RunDetail) -> Mistakes | None:
    """Return what a classifier got right and wrong at its best epoch, None before it is known."""
    if run.is_external or run.spec.source.problem != "classification":
        return None
    samples = classified_samples(session, run.id, run.best_epoch)
    drawable = run.spec.dataset.drawable
    return mistakes_of(samples, run.spec.source, drawable=drawable) if samples else None


def _charts(content: RunContent) -> dict[str, ChartTexts]:
    """Return the descriptions and marks of the growing charts."""
    stop = content.early_stop_epoch
    infos = {
        quantity: newest_info(quantity, content.run, early_stop_epoch=stop, view=content.view)
        for quantity in QUANTITIES
    }
    return {name: ChartTexts(info.description, info.marks) for name, info in infos.items()}


def _title(run: RunDetail, experiment: Experiment) -> str:
    """Name a run by its model and whatever else varies in its experiment."""
    varying = compare_variants.axes(experiment.spec) if experiment.spec else ()
    return ", ".join([model_title(run), *differing(run, varying)])


def _has_accuracy(run: RunDetail) -> bool:
    if run.is_external:
        return "val_accuracy" in run.summary
    return run.spec.source.problem == "classification"


def _other_seeds(session: Session, experiment: Experiment, row: Run) -> list[Run]:
    """Return the other runs of the cell of a run that is trained here."""
    if experiment.spec is None:
        return []
    return [other for other in cell_of(session, experiment, row).runs if other.id != row.id]


def _interrupted(session: Session, row: Run) -> str:
    """Explain why a run that was interrupted waits, and from which epoch it continues."""
    checkpoint = artifacts.checkpoint_epoch(session, row.id)
    if row.status != "queued" or not (row.workers_lost or checkpoint):
        return ""
    cause = "Its worker was lost" if row.workers_lost else "Its worker returned it to the queue"
    when = f"at epoch {row.epoch:,}" if row.epoch else "before its first epoch"
    next_step = (
        f"continues after epoch {checkpoint:,}, its last checkpoint"
        if checkpoint
        else "starts again from the beginning"
    )
    return f"{cause} {when}. It waits for a worker and {next_step}."


def _remedies(session: Session, experiment: Experiment, row: Run, *, live: bool) -> Context:
    offer = None
    if not live and experiment.spec is not None:
        offer = remedies.offer_for(session, experiment, row)
    tried = remedies.tried(session, experiment.id, offer) if offer else []
    return {"offer": offer, "tried": tried}


def _epoch_scale(run: RunDetail) -> AxisScale:
    """Return a logarithmic scale for an ended run whose best epoch is early, else a linear one."""
    early = run.best_epoch is not None and run.best_epoch < EARLY_SHARE * run.epoch
    return "log" if run.status in ENDED and early else "linear"


def _param_tables(run: RunDetail) -> dict[str, list[tuple[str, ParamValue]]]:
    """Return the hyperparameters by section; the params of an external run in one table."""
    if run.is_external:
        heading = (
            "Values of the sweep, and logged ones"
            if run.source == SWEEP
            else "Logged by the client"
        )
        return {heading: sorted(run.params.items())} if run.params else {}
    return _by_section(run.params)


def _by_section(params: Params) -> dict[str, list[tuple[str, ParamValue]]]:
    return {
        declared.heading: [item for item in params.items() if item[0].startswith(f"{section}.")]
        for section, declared in SECTIONS.items()
    }

"""Remedies: what is proposed for an experiment's cells, and the follow-up that measures it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend import comparisons, remedies
from backend.analysis.comparison import Comparison, Difference, Effect
from backend.analysis.comparison_words import in_words
from backend.analysis.grid.cells import SEED
from backend.analysis.remedies import Remedy
from backend.api.dependencies import (
    DatabaseDep,
    ExperimentId,
    HintsDep,
    QueueDep,
    SettingsDep,
    raw_body,
)
from backend.api.experiments import Estimate, Submitted, estimate
from backend.comparisons import JUDGED, At
from backend.remedies import DEFAULT_SEEDS
from backend.spec import validate
from backend.store import experiments, runs
from backend.store.tables import MAX_ID
from backend.views import ExperimentItem, experiment_items

router = APIRouter(prefix="/api/experiments/{experiment_id}", tags=["remedies"])

MAX_SEEDS = 100


class RemedyItem(BaseModel):
    """A remedy: `changes` maps dotted paths to values; `proposed` for the cell's verdict or not."""

    slug: str
    title: str
    reason: str
    changes: dict[str, Any]
    proposed: bool


class CellItem(BaseModel):
    """A diagnosed cell with its remedies, the proposed ones first in their order."""

    runs: list[int]
    params: dict[str, Any]
    verdict: str
    remedies: list[RemedyItem]


class Remedies(BaseModel):
    """The cells, what most needs a remedy first, and the experiments that followed."""

    cells: list[CellItem]
    follow_ups: list[ExperimentItem]


class RemediesWanted(BaseModel):
    """Which cell, by one of its runs or by knobs that it alone has, and which remedies.

    Left out: the cell that most needs a remedy; the remedies proposed for its verdict.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    run: Annotated[int, Field(ge=1, le=MAX_ID)] | None = None
    cell: dict[str, Any] | None = None
    remedies: Annotated[list[str], Field(min_length=1, max_length=20)] | None = None
    seeds: Annotated[int, Field(ge=2, le=MAX_SEEDS)] = DEFAULT_SEEDS


async def _wanted(request: Request) -> RemediesWanted:
    """Read the body, which may be left out."""
    if not await request.body():
        return RemediesWanted()
    try:
        return RemediesWanted.model_validate((await raw_body(request)).parse())
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


WANTED_BODY = {
    "requestBody": {"content": {"application/json": {"schema": RemediesWanted.model_json_schema()}}}
}


class FollowUp(Submitted):
    """A stored follow-up experiment; its first variant is the cell as it is."""

    variants: list[str]


class FollowUpEstimate(Estimate):
    """What a follow-up would cost, and its specification.

    `twin` is the newest follow-up that trains the same, unless it failed or was cancelled.
    """

    variants: list[str]
    spec: dict[str, Any]
    twin: ExperimentItem | None


class DifferenceItem(BaseModel):
    """Mean difference to the first variant over `pairs` seeds, with two 95 % intervals.

    `low` to `high` for this one alone, `joint_low` to `joint_high` for all variants together;
    `resolved` when the latter leaves out zero. None with fewer than two pairs.
    """

    mean: float
    pairs: int
    low: float | None
    high: float | None
    joint_low: float | None
    joint_high: float | None
    resolved: bool


class EffectItem(BaseModel):
    """A variant: means over its seeds, differences to the first variant, and what it costs.

    `cost` is parameters times training samples times epochs, over those of the first variant; like
    `parameters` and `n_train` None over cells that differ in them. In `lower` of `cells` cells its
    mean validation loss is lower.
    """

    name: str
    means: dict[str, float]
    differences: dict[str, DifferenceItem]
    parameters: int | None
    n_train: int | None
    epochs: float
    cost: float | None
    failed: int
    cells: int
    lower: int


class ComparisonItem(BaseModel):
    """Variants against the first, the lowest test loss first; `chosen` by validation loss.

    `settings` are the cells that variants were multiplied with; `setting` is the number of the one
    compared, None for all together.
    """

    at: At
    settings: list[dict[str, Any]]
    setting: int | None
    complete: bool
    seeds: int
    sentence: str
    baseline: EffectItem
    variants: list[EffectItem]
    chosen: str | None


@router.get("/remedies", summary="Read the remedies of an experiment")
def read_remedies(
    experiment_id: ExperimentId,
    database: DatabaseDep,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many cells.")] = 20,
) -> Remedies:
    """Return what can be tried for each diagnosed cell, and what was tried."""
    with database.read() as session:
        experiments.get(session, experiment_id)
        found = remedies.cells(runs.of_experiment(session, experiment_id))[:limit]
        follow_ups = experiments.follow_ups(session, experiment_id)
        return Remedies(
            cells=[_cell(cell) for cell in found],
            follow_ups=experiment_items(session, follow_ups),
        )


@router.post(
    "/remedies",
    status_code=201,
    summary="Try remedies in a follow-up experiment",
    responses={200: {"model": FollowUpEstimate, "description": "The estimate (dry_run)"}},
    openapi_extra=WANTED_BODY,
)
def try_remedies(
    experiment_id: ExperimentId,
    response: Response,
    database: DatabaseDep,
    queue: QueueDep,
    hints: HintsDep,
    settings: SettingsDep,
    wanted: Annotated[RemediesWanted, Depends(_wanted)],
    dry_run: Annotated[bool, Query(description="Only check and estimate.")] = False,
) -> FollowUp | FollowUpEstimate:
    """Train a cell as it is and with each remedy, on the same seeds, and compare."""
    with database.read() as session:
        parent = experiments.get(session, experiment_id)
        cell = remedies.choose(session, experiment_id, run=wanted.run, knobs=wanted.cell)
        chosen = remedies.selected(cell, wanted.remedies)
        tried = experiments.follow_ups(session, experiment_id)
        names = [one.name for one in tried]
        document = remedies.follow_up(parent, cell, chosen, seeds=wanted.seeds, taken=names)
        spec = validate(document, max_runs=settings.max_runs)
        variants = [variant["name"] for variant in document["variants"]]
        twins = experiment_items(session, remedies.twins(tried, document))
    if dry_run:
        response.status_code = 200
        cost = estimate(spec, workers=settings.workers)
        alive = [one for one in twins if one.status not in ("failed", "cancelled")]
        return FollowUpEstimate(
            **cost.model_dump(), variants=variants, spec=document, twin=alive[-1] if alive else None
        )
    with database.write() as session:
        made, run_ids = experiments.create(session, spec, follows=cell.runs[0])
    queue.offer()
    hints.moved(made.id)
    url = f"/experiments/{made.id}"
    response.headers["Location"] = f"/api{url}"
    return FollowUp(id=made.id, name=made.name, url=url, runs=len(run_ids), variants=variants)


@router.get("/comparison", summary="Compare the variants of an experiment")
def read_comparison(
    experiment_id: ExperimentId,
    database: DatabaseDep,
    at: Annotated[At, Query(description="The epoch at which runs are judged.")] = JUDGED,
    setting: Annotated[
        int | None,
        Query(ge=0, description="Number of one cell of the axes; left out: all together."),
    ] = None,
) -> ComparisonItem:
    """Return each variant's paired difference to the first, so far if runs still train.

    Where variants were multiplied with axes, runs are paired by cell and seed, and each seed
    counts once, with its mean over the cells.
    """
    with database.read() as session:
        found = comparisons.comparison(session, experiment_id, at=at, setting=setting)
        settings = comparisons.comparable(session, experiment_id).settings
    return _comparison(found, at, settings, setting)


def _cell(cell: remedies.Cell) -> CellItem:
    first = cell.proposed
    others = [each for each in cell.applicable if each not in first]
    return CellItem(
        runs=[run.id for run in cell.runs],
        params={k: v for k, v in cell.runs[0].params.items() if k != SEED},
        verdict=str(cell.verdict),
        remedies=[_remedy(one, one in first) for one in (*first, *others)],
    )


def _remedy(remedy: Remedy, proposed: bool) -> RemedyItem:
    return RemedyItem(
        slug=remedy.slug,
        title=remedy.title,
        reason=remedy.reason,
        changes=dict(remedy.changes),
        proposed=proposed,
    )


def _comparison(
    found: Comparison, at: At, settings: Sequence[Mapping[str, Any]], setting: int | None
) -> ComparisonItem:
    return ComparisonItem(
        at=at,
        settings=[dict(one) for one in settings],
        setting=setting,
        complete=found.complete,
        seeds=found.seeds,
        sentence=in_words(found),
        baseline=_effect(found.baseline),
        variants=[_effect(effect) for effect in found.effects],
        chosen=found.chosen and found.chosen.arm.name,
    )


def _effect(effect: Effect) -> EffectItem:
    return EffectItem(
        name=effect.arm.name,
        means=dict(effect.means),
        differences={key: _difference(one) for key, one in effect.differences.items()},
        parameters=effect.arm.parameters,
        n_train=effect.arm.n_train,
        epochs=effect.arm.epochs,
        cost=effect.cost,
        failed=effect.arm.broken,
        cells=effect.cells,
        lower=effect.lower,
    )


def _difference(one: Difference) -> DifferenceItem:
    return DifferenceItem(**vars(one), resolved=one.resolved)

"""Remedies: proposals for the cells of an experiment, and follow-ups that try them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from backend.analysis.cells import SEED
from backend.api.experiments import Estimate, Submitted, estimate
from backend.limits import Limits
from backend.remedies import follow_up
from backend.remedies.catalogue import Remedy
from backend.remedies.follow_up import DEFAULT_SEEDS
from backend.runs.items import experiment_items
from backend.runs.queue_limits import check_queue
from backend.runs.schemas import ExperimentItem
from backend.specification import ExperimentSpec, validate
from backend.specification.params import JsonObject, ParamValue
from backend.store import experiments, runs
from backend.store.tables import MAX_ID, Run
from backend.web.dependencies import (
    DatabaseDep,
    ExperimentId,
    SettingsDep,
    Switch,
    raw_body,
)
from backend.web.heavy_work import HEAVY
from backend.web.idempotency import OnceDep

router = APIRouter(
    prefix="/api/experiments/{experiment_id}", tags=["remedies"], dependencies=[HEAVY]
)

MAX_SEEDS = 100


class RemedyItem(BaseModel):
    """A remedy. `changes` maps dotted paths to values.

    `proposed` is true if the verdict on the cell proposes it.
    """

    slug: str
    title: str
    reason: str
    changes: dict[str, ParamValue]
    proposed: bool


class CellItem(BaseModel):
    """A diagnosed cell with its remedies, the proposed ones first in their order."""

    runs: list[int]
    params: dict[str, ParamValue]
    verdict: str
    remedies: list[RemedyItem]


class Remedies(BaseModel):
    """The cells, the one most in need of a remedy first, and the follow-up experiments."""

    cells: list[CellItem]
    follow_ups: list[ExperimentItem]


class RemediesWanted(BaseModel):
    """The cell to cure, named by one of its runs or by settings that no other cell has.

    Without a cell, the one most in need of a remedy is meant. Without remedies, those that its
    verdict proposes are tried.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    run: Annotated[int, Field(ge=1, le=MAX_ID)] | None = None
    cell: JsonObject | None = None
    remedies: Annotated[list[str], Field(min_length=1, max_length=20)] | None = None
    seeds: Annotated[int, Field(ge=2, le=MAX_SEEDS)] = DEFAULT_SEEDS


async def _requested(request: Request) -> RemediesWanted:
    """Read the body, which may be missing. Raises RequestValidationError."""
    if not await request.body():
        return RemediesWanted()
    try:
        body = await raw_body(request)
        return RemediesWanted.model_validate(await run_in_threadpool(body.parse))
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


REQUEST_BODY = {
    "requestBody": {"content": {"application/json": {"schema": RemediesWanted.model_json_schema()}}}
}


class FollowUp(Submitted):
    """A stored follow-up experiment; its first variant is the baseline."""

    variants: list[str]


class FollowUpEstimate(Estimate):
    """The cost of a follow-up, and its specification.

    `twin` is the newest follow-up that trains the same, unless it failed or was cancelled.
    """

    variants: list[str]
    spec: JsonObject
    twin: ExperimentItem | None


@router.get("/remedies", summary="Read the remedies of an experiment")
def read_remedies(
    experiment_id: ExperimentId,
    database: DatabaseDep,
    limit: Annotated[int, Query(ge=1, le=1000, description="Maximum number of cells.")] = 20,
) -> Remedies:
    """Return the remedies of each diagnosed cell, and the follow-ups that tried some of them."""
    with database.read() as session:
        experiments.get(session, experiment_id)
        cells = follow_up.diagnosed_cells(runs.of_experiment(session, experiment_id))[:limit]
        follow_ups = experiments.follow_ups(session, experiment_id)
        return Remedies(
            cells=[_cell(cell) for cell in cells],
            follow_ups=experiment_items(session, follow_ups),
        )


@router.post(
    "/remedies",
    status_code=201,
    summary="Try remedies in a follow-up experiment",
    responses={200: {"model": FollowUpEstimate, "description": "The estimate (dry_run)"}},
    openapi_extra=REQUEST_BODY,
)
def try_remedies(
    experiment_id: ExperimentId,
    response: Response,
    database: DatabaseDep,
    settings: SettingsDep,
    once: OnceDep,
    requested: Annotated[RemediesWanted, Depends(_requested)],
    dry_run: Annotated[Switch, Query(description="Only check and estimate.")] = False,
) -> FollowUp | FollowUpEstimate:
    """Train the baseline of a cell and each remedy, on the same seeds, and compare."""
    with database.read() as session:
        plan = _planned(session, experiment_id, requested, settings)
    if dry_run:
        response.status_code = 200
        return _estimated(plan, workers=settings.workers)
    started = once.create(database, FollowUp, partial(plan.start, limits=settings))
    response.headers["Location"] = f"/api{started.url}"
    return started


@dataclass(frozen=True)
class _Plan:
    """A checked follow-up, and the earlier follow-ups that train the same."""

    diagnosed_run: Run
    document: JsonObject
    spec: ExperimentSpec
    twins: Sequence[ExperimentItem]

    @property
    def variants(self) -> list[str]:
        return [variant["name"] for variant in self.document["variants"]]

    def start(self, session: Session, limits: Limits) -> FollowUp:
        """Store the follow-up with its runs, and queue them."""
        check_queue(session, len(self.spec.runs), limits)
        experiment, run_ids = experiments.create_experiment(
            session, self.spec, follows=self.diagnosed_run
        )
        return FollowUp(
            id=experiment.id,
            name=experiment.name,
            url=f"/experiments/{experiment.id}",
            runs=len(run_ids),
            variants=self.variants,
        )


def _planned(
    session: Session, experiment_id: int, requested: RemediesWanted, limits: Limits
) -> _Plan:
    """Check the requested follow-up. Raises NotFound, InvalidInput and InvalidSpec."""
    parent = experiments.get(session, experiment_id)
    cell = follow_up.choose(session, experiment_id, run=requested.run, setting=requested.cell)
    chosen = follow_up.selected(cell, requested.remedies)
    follow_ups = experiments.follow_ups(session, experiment_id)
    names = [experiment.name for experiment in follow_ups]
    document = follow_up.follow_up(parent, cell, chosen, seeds=requested.seeds, taken=names)
    twins = experiment_items(session, follow_up.twins(follow_ups, document))
    spec = validate(document, max_runs=limits.max_runs, max_text=limits.max_setting_text)
    return _Plan(cell.runs[0], document, spec, twins)


def _estimated(plan: _Plan, *, workers: int) -> FollowUpEstimate:
    """Estimate the cost of a follow-up."""
    usable = [twin for twin in plan.twins if twin.status not in ("failed", "cancelled")]
    return FollowUpEstimate(
        **estimate(plan.spec, workers=workers).model_dump(),
        variants=plan.variants,
        spec=plan.document,
        twin=usable[-1] if usable else None,
    )


def _cell(cell: follow_up.DiagnosedCell) -> CellItem:
    proposed = cell.proposed
    others = [remedy for remedy in cell.applicable if remedy not in proposed]
    return CellItem(
        runs=[run.id for run in cell.runs],
        params={k: v for k, v in cell.runs[0].params.items() if k != SEED},
        verdict=str(cell.verdict),
        remedies=[_remedy(remedy, remedy in proposed) for remedy in (*proposed, *others)],
    )


def _remedy(remedy: Remedy, proposed: bool) -> RemedyItem:
    return RemedyItem(
        slug=remedy.slug,
        title=remedy.title,
        reason=remedy.reason,
        changes=dict(remedy.changes),
        proposed=proposed,
    )

"""The comparison of an experiment's variants, remedies among them: what each one changed."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from backend.analysis.comparison import Comparison, Difference, VariantEffect
from backend.analysis.comparison_sentences import in_words
from backend.api.dependencies import DatabaseDep, ExperimentId
from backend.runs import compare_variants
from backend.runs.compare_variants import JUDGED, At

router = APIRouter(prefix="/api/experiments/{experiment_id}", tags=["remedies"])


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
        found = compare_variants.comparison(session, experiment_id, at=at, setting=setting)
        settings = compare_variants.comparable(session, experiment_id).settings
    return _comparison(found, at, settings, setting)


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


def _effect(effect: VariantEffect) -> EffectItem:
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
